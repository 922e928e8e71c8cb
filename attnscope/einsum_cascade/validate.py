"""The rules of the language: what makes a cascade legal. Each refusal says what, where and the mend."""

import re
from collections.abc import Sequence

from attnscope.einsum_cascade.definitions import check_definitions
from attnscope.einsum_cascade.einsum import Claim, Einsum
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Size, Var, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import storage_indices
from attnscope.einsum_cascade.operators import OPERATORS
from attnscope.einsum_cascade.order import components, find_cycle, successors
from attnscope.einsum_cascade.rules import EinsumRules
from attnscope.einsum_cascade.spans import Placed, refusal
from attnscope.einsum_cascade.text import index_text
from attnscope.errors import CascadeError, did_you_mean


def validate(cascade: Cascade) -> None:
    """Refuse a cascade that breaks a rule.

    Raises:
        CascadeError: at the place that breaks it.
    """
    check_definitions(cascade.definitions)
    _check_ranks(cascade)
    _check_names(cascade)
    for einsum in cascade.einsums:
        EinsumRules(cascade, einsum).check()
    _check_layouts(cascade)
    _check_accesses(cascade)
    _check_recurrences(cascade)
    if cascade.claim is not None:
        check_claim(cascade, cascade.claim)


def _check_ranks(cascade: Cascade) -> None:
    seen: set[str] = set()
    for rank in cascade.ranks:
        for name in (rank.name, *rank.parts):
            if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
                raise refusal(
                    f"rank {name!r} must be upper case: {name.upper()!r}; its index is {name.lower()!r}", rank
                )
        if rank.name in seen:
            raise refusal(f"rank {rank.name!r} is declared twice", rank)
        if len(rank.parts) == 1 or len(set(rank.parts)) < len(rank.parts) or rank.name in rank.parts:
            raise refusal(f"partition {rank} must name two or more different parts, as in 'M = M1 * M0'", rank)
        seen.add(rank.name)
    parts = [part for rank in cascade.ranks for part in rank.parts]
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice is not None:
        raise refusal(f"rank {twice!r} is part of two ranks", next(r for r in cascade.ranks if twice in r.parts))


def _check_names(cascade: Cascade) -> None:
    seen: dict[str, Einsum] = {}
    for einsum in cascade.einsums:
        if einsum.name in seen:
            first = seen[einsum.name].span
            where = f" (first in line {first.line})" if first else ""
            raise refusal(f"tensor {einsum.name!r} is defined twice{where}; give one of them another name", einsum)
        seen[einsum.name] = einsum
    for access in cascade.declared_inputs:
        if access.tensor in seen:
            raise refusal(f"{access.tensor!r} is declared as an input, but an Einsum writes it", seen[access.tensor])
    for name in cascade.declared_outputs:
        if name not in seen:
            raise unknown_output(name, cascade.einsums, None)


def unknown_output(name: str, einsums: Sequence[Einsum], at: Placed | None) -> CascadeError:
    """Return the error for an ``outputs`` line that names what no Einsum writes."""
    written = [einsum.name for einsum in einsums]
    near = did_you_mean(name, written)
    return refusal(f"output {name!r} is written by no Einsum.{near} Written: {', '.join(written)}.", at)


def _check_layouts(cascade: Cascade) -> None:
    for name in cascade.inputs:
        layout = cascade.layouts[name]
        if "" in layout:
            raise CascadeError(
                f"rank {layout.index('') + 1} of input {name!r} cannot be told from its index; "
                f"declare it, as in 'inputs {name}[r]'",
                source=cascade.name,
            )
        for rank in layout:
            if rank not in cascade.rank_names:
                near = did_you_mean(rank, cascade.rank_names)
                declared = next((a for a in cascade.declared_inputs if a.tensor == name), None)
                raise refusal(f"rank {rank!r} of input {name!r} is not declared.{near}", declared)


def _check_accesses(cascade: Cascade) -> None:
    for einsum in cascade.einsums:
        for access in einsum.reads:
            layout = cascade.tensor_ranks(access.tensor)
            writer = cascade.by_name.get(access.tensor)
            for place, (index, rank) in enumerate(zip(storage_indices(cascade, access), layout, strict=True)):
                _check_generation(access, index, rank, iterative=writer is not None and writer.step_position == place)


def _check_generation(access: Access, index: Expr, rank: str, *, iterative: bool) -> None:
    if isinstance(index, Size) and not iterative:
        raise refusal(
            f"'{index.rank}' as an index means the final generation, but {access.tensor} is not iterative over "
            f"{rank}; write {rank.lower()!r}",
            access,
        )
    pair = shifted(index)
    if iterative and pair and pair[1] not in (0, 1):
        raise refusal(
            f"{access.tensor}[{index_text(index)}] is used before its definition: a step over {rank} knows "
            f"{access.tensor}[{rank.lower()}] and {access.tensor}[{rank.lower()}+1]",
            access,
        )


def _check_recurrences(cascade: Cascade) -> None:
    cycle = find_cycle(successors(cascade, carried=False))
    if cycle:
        first = cascade.by_name[cycle[0]]
        raise refusal(
            f"{' -> '.join((*cycle, cycle[0]))}: each needs the one before it, and nothing is carried; make one "
            f"of them iterative, as in '{first.name}[i+1, ...] = ... {first.name}[i, ...] ...   {first.name}[0] = 0'",
            first,
        )
    graph = successors(cascade)
    for component in components(graph):
        steps = {e.iterative for e in map(cascade.by_name.__getitem__, component) if e.iterative is not None}
        if len(component) > 1 and len(steps) > 1:
            names = ", ".join(sorted(var.name for var in steps))
            raise refusal(f"one recurrence steps over several ranks ({names})", cascade.by_name[component[0]])


def check_claim(cascade: Cascade, claim: Claim) -> None:
    """Refuse a claim that names what the cascade does not have.

    Raises:
        CascadeError: an unknown tensor, rank or operator, or a wrong index.
    """
    for name in claim.arguments:
        if name not in cascade.inputs:
            near = did_you_mean(name, cascade.inputs)
            raise refusal(f"the claim names {name!r}, which is no input of the cascade.{near}", claim)
    for rank in claim.over:
        _check_claimed_rank(cascade, claim, rank)
    for node in (node for condition in claim.where for node in walk(condition)):
        if isinstance(node, Var | Size):
            _check_claimed_rank(cascade, node if node.span else claim, node.rank)
        elif isinstance(node, Access) and node.tensor not in cascade.inputs:
            near = did_you_mean(node.tensor, cascade.inputs)
            raise refusal(f"the claim's condition reads {node.tensor!r}, which is no input of the cascade.{near}", node)
        elif isinstance(node, Access):
            storage_indices(cascade, node)
        elif isinstance(node, Call) and node.operator not in {**OPERATORS, **cascade.operators}:
            raise refusal(f"no operator named {node.operator!r}.{did_you_mean(node.operator, OPERATORS)}", node)


def _check_claimed_rank(cascade: Cascade, at: Placed, rank: str) -> None:
    if rank not in cascade.rank_names:
        raise refusal(f"rank {rank!r} is not declared.{did_you_mean(rank, cascade.rank_names)}", at)
