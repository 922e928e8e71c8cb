"""The rules of the language: what makes a cascade legal. Each refusal says what, where and the mend."""

import re
from collections.abc import Iterator

from attnscope.einsum_cascade.definitions import check_definitions
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Size, Var, shifted, walk
from attnscope.einsum_cascade.ir import Cascade, Einsum
from attnscope.einsum_cascade.layout import flat_variable, storage_indices
from attnscope.einsum_cascade.operators import COMPARISONS, OPERATORS, REDUCERS
from attnscope.einsum_cascade.order import components, find_cycle, successors
from attnscope.einsum_cascade.spans import Placed, refusal
from attnscope.einsum_cascade.text import expression_text, index_text
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
        _Rules(cascade, einsum).check()
    _check_layouts(cascade)
    _check_accesses(cascade)
    _check_recurrences(cascade)
    _check_claim(cascade)


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
            raise refusal(f"output {name!r} is written by no Einsum.{did_you_mean(name, seen)}", source=cascade.name)


class _Rules:
    """The rules for one Einsum."""

    def __init__(self, cascade: Cascade, einsum: Einsum) -> None:
        self.cascade, self.einsum = cascade, einsum
        self.right = (einsum.expression, *einsum.where)

    def check(self) -> None:
        self.left_side()
        for expr in (*self.einsum.indices, *self.right, *self._initial()):
            self.nodes(expr)
        self.reductions()
        self.mixed_parts()
        self.values()
        self.definitions()
        self.start_value()

    def _initial(self) -> tuple[Expr, ...]:
        return () if self.einsum.initial is None else (self.einsum.initial,)

    def left_side(self) -> None:
        einsum = self.einsum
        for index in einsum.indices:
            pair = shifted(index)
            if pair is None or pair[1] not in (0, 1):
                raise refusal(
                    f"{index_text(index)!r} cannot stand on the left: write an index such as 'm', "
                    "or 'm+1' for an iterative rank",
                    index.span or einsum.span,
                )
        names = [var.name for var in einsum.written]
        if len(set(names)) < len(names):
            raise refusal(f"an index stands twice on the left of {einsum.name}; write 'm' and \"m'\"", einsum)
        if sum(pair[1] for pair in map(shifted, einsum.indices) if pair) > 1:
            raise refusal(f"{einsum.name} has two iterative ranks; a recurrence steps over one", einsum)

    def nodes(self, expr: Expr) -> None:
        for node in walk(expr):
            if isinstance(node, Var):
                self.declared(node.rank, node.name, node)
            elif isinstance(node, Size):
                self.size(node)
            elif isinstance(node, Call):
                self.call(node)

    def declared(self, rank: str, shown: str, at: Placed) -> None:
        known = self.cascade.rank_names
        if rank not in known:
            spelled = [name.lower() for name in known] if shown.islower() or shown.endswith("'") else list(known)
            listed = ", ".join(known) or "none"
            raise refusal(f"rank {shown!r} is not declared.{did_you_mean(shown, spelled)} Declared: {listed}.", at)

    def size(self, node: Size) -> None:
        if node.rank in self.cascade.by_name:
            raise refusal(f"tensor {node.rank!r} needs its indices here, as in '{node.rank}[m, p]'", node)
        self.declared(node.rank, node.rank, node)

    def call(self, node: Call) -> None:
        known = {**OPERATORS, **self.cascade.operators}
        if node.operator not in known:
            near = did_you_mean(node.operator, known)
            mend = f"Define it with a line 'operator {node.operator}(x) = ...'."
            raise refusal(f"no operator named {node.operator!r}.{near} {mend}", node)
        arity = known[node.operator].arity
        if len(node.args) != arity:
            raise refusal(f"operator {node.operator!r} takes {arity} operands, {len(node.args)} are given", node)

    def reductions(self) -> None:
        einsum, known = self.einsum, {**REDUCERS, **self.cascade.reducers}
        present = {node for expr in self.right for node in walk(expr) if isinstance(node, Var)}
        for reduction in einsum.reductions:
            if reduction.operator not in known:
                near = did_you_mean(reduction.operator, known)
                raise refusal(
                    f"no reduce operator named {reduction.operator!r}.{near} Known: {', '.join(sorted(known))}.",
                    reduction,
                )
            for var in reduction.indices:
                self.declared(var.rank, var.name, var)
                if var in einsum.written:
                    raise refusal(f"index {var.name!r} is reduced, yet {einsum.name} is written over it", var)
                if var not in present:
                    raise refusal(f"index {var.name!r} is reduced, but nothing on the right runs over it", var)
                if einsum.folded.count(var) > 1:
                    raise refusal(f"index {var.name!r} is reduced twice", var)
        for var in einsum.variables:
            if var not in einsum.written and var not in einsum.folded:
                raise refusal(
                    f"index {var.name!r} is on the right of {einsum.name} only: say how it is reduced, "
                    f"as in 'sum {var.name}'",
                    var,
                )

    def mixed_parts(self) -> None:
        labels = {var.rank: var for var in self.einsum.variables}
        for rank, var in labels.items():
            clash = next((part for part in self._all_parts(rank) if part in labels), None)
            if clash is not None:
                raise refusal(
                    f"{var.name!r} and its part {clash.lower()!r} index the same Einsum; use the parts alone",
                    var.span or self.einsum.span,
                )

    def _all_parts(self, rank: str) -> Iterator[str]:
        for part in self.cascade.partitions.get(rank, ()):
            yield part
            yield from self._all_parts(part)

    def values(self) -> None:
        """Indices used as numbers (``m <= p``) must be given by the iteration space."""
        for expr in self.right:
            for var in _value_variables(expr):
                known = var in self.einsum.variables
                if not known and flat_variable(self.cascade, var.name, self.einsum.variables) is None:
                    near = did_you_mean(var.name, [v.name for v in self.einsum.variables])
                    raise refusal(f"{self.einsum.name} does not run over {var.name!r}.{near}", var)
        comparisons = (n for n in walk(self.einsum.expression) if isinstance(n, Call) and n.operator in COMPARISONS)
        for node in comparisons:
            raise refusal(f"a comparison belongs in a condition: 'where {expression_text(node)}'", node)

    def definitions(self) -> None:
        declared = {access.tensor for access in self.cascade.declared_inputs}
        for access in self.einsum.reads:
            if declared and access.tensor not in declared and access.tensor not in self.cascade.by_name:
                near = did_you_mean(access.tensor, (*declared, *self.cascade.by_name))
                raise refusal(
                    f"{access.tensor!r} is used before its definition: no Einsum writes it and it is no input.{near}",
                    access,
                )

    def start_value(self) -> None:
        einsum = self.einsum
        if einsum.iterative is not None and einsum.initial is None:
            raise refusal(
                f"{einsum.name} is iterative over {einsum.iterative.name!r} and has no start value: "
                f"add '{einsum.name}[0] = ...' (0 for a sum, -inf for a max)",
                einsum,
            )
        allowed = [var for var in einsum.written if var != einsum.iterative]
        for expr in self._initial():
            for node in walk(expr):
                if isinstance(node, Var) and node not in allowed:
                    raise refusal(f"the start value of {einsum.name} may not run over {node.name!r}", node)


def _value_variables(expr: Expr) -> Iterator[Var]:
    if isinstance(expr, Var):
        yield expr
    elif isinstance(expr, Call):
        for arg in expr.args:
            yield from _value_variables(arg)


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
            for index, rank in zip(storage_indices(cascade, access), layout, strict=True):
                _check_generation(cascade, access, index, rank)


def _check_generation(cascade: Cascade, access: Access, index: Expr, rank: str) -> None:
    writer = cascade.by_name.get(access.tensor)
    step = writer.iterative if writer else None
    iterative = step is not None and step.rank == rank
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


def _check_claim(cascade: Cascade) -> None:
    for name in cascade.claim.arguments if cascade.claim else ():
        if name not in cascade.tensors:
            raise refusal(f"the claim names tensor {name!r}.{did_you_mean(name, cascade.tensors)}", cascade.claim)
    for rank in cascade.claim.over if cascade.claim else ():
        if rank not in cascade.rank_names:
            raise refusal(f"rank {rank!r} is not declared.{did_you_mean(rank, cascade.rank_names)}", cascade.claim)
