"""The answer of the pass analysis: counts, reasons, levels, and what must stay live between passes."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attnscope.einsum_cascade.family import Family
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.passes import Inference, Opening, openings, require_rank, touching
from attnscope.errors import UnknownNameError


def rank_length(partitions: Mapping[str, tuple[str, ...]], rank: str, sizes: Mapping[str, int]) -> int:
    """Return a rank's length from ``sizes``, through its partition where only that is given."""
    if rank in sizes:
        return int(sizes[rank])
    if rank in partitions:
        return math.prod(rank_length(partitions, part, sizes) for part in partitions[rank])
    for whole, parts in partitions.items():
        others = [part for part in parts if part != rank]
        if rank in parts and whole in sizes and all(part in sizes for part in others):
            return -(-int(sizes[whole]) // math.prod(int(sizes[part]) for part in others))
    raise UnknownNameError("size", rank, sizes, "footprint")


@dataclass(frozen=True)
class Live:
    """A tensor that a buffer must hold, or that must be fetched again.

    Attributes:
        tensor: its name.
        role: ``kept`` (made in an earlier pass and needed in a later one), ``re-read`` (an input traversed on both
            sides) or ``carried`` (one generation of an iterative tensor, from step to step of a pass).
        ranks: ranks of what must be held; parts of a rank count as the rank.
        fibre: those of them that belong to the traversed rank: the least that one fibre needs.
    """

    tensor: str
    role: str
    ranks: tuple[str, ...]
    fibre: tuple[str, ...]
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def footprint(self) -> str:
        """Number of elements as an expression in the ranks: ``M*P``."""
        return "*".join(self.ranks) or "1"

    def elements(self, sizes: Mapping[str, int]) -> int:
        """Return the number of elements for given rank lengths."""
        return math.prod(rank_length(self.partitions, rank, sizes) for rank in self.ranks)

    def fibre_elements(self, sizes: Mapping[str, int]) -> int:
        """Return the number of elements of one fibre: the algorithmic minimum, other ranks taken one by one."""
        return math.prod(rank_length(self.partitions, rank, sizes) for rank in self.fibre)


@dataclass(frozen=True)
class Boundary:
    """What is live between pass ``after_pass`` and the next; within the passes where ``after_pass`` is 0."""

    after_pass: int
    tensors: tuple[Live, ...]

    @property
    def footprint(self) -> str:
        """Number of elements as an expression in the ranks: ``M*P + P``."""
        terms = Counter(live.footprint for live in self.tensors)
        products = (term if n == 1 else str(n) if term == "1" else f"{n}*{term}" for term, n in terms.items())
        return " + ".join(products) or "0"

    def elements(self, sizes: Mapping[str, int]) -> int:
        """Return the number of elements for given rank lengths."""
        return sum(live.elements(sizes) for live in self.tensors)

    def fibre_elements(self, sizes: Mapping[str, int]) -> int:
        """Return the number of elements for a single fibre of the traversed rank."""
        return sum(live.fibre_elements(sizes) for live in self.tensors)


@dataclass(frozen=True)
class PassAnalysis:
    """Passes of one cascade over one rank.

    Attributes:
        cascade: name of the cascade.
        rank: the traversed rank.
        passes: passes over the rank's fibres, for each input and each tensor that has the rank.
        einsum_pass: pass in which each Einsum runs, or after which (level ``outside``); 0 is before the first.
        opened_by: for each pass beyond the first, which Einsum opens it and which completed value forces it.
        level: ``element`` (touches every element of a fibre), ``tile`` (only whole tiles) or ``outside``.
        live: what must stay live, or be read again, at each boundary between passes.
        carried: what each step of a pass hands to the next: the iterative tensors.
    """

    cascade: str
    rank: str
    passes: dict[str, int]
    einsum_pass: dict[str, int]
    opened_by: dict[int, Opening]
    level: dict[str, str]
    live: tuple[Boundary, ...]
    carried: Boundary

    def n_passes(self, tensor: str = "") -> int:
        """Return the least number of passes over the rank's fibres of ``tensor``, or of the whole cascade."""
        if not tensor:
            traversals = (self.einsum_pass[name] for name, level in self.level.items() if level == "element")
            return max(traversals, default=0)
        if tensor not in self.passes:
            raise UnknownNameError(f"tensor over rank {self.rank}", tensor, self.passes, self.cascade)
        return self.passes[tensor]

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis as JSON-ready values."""
        boundaries = [
            {
                "after_pass": b.after_pass,
                "footprint": b.footprint,
                "tensors": [{"tensor": t.tensor, "role": t.role, "footprint": t.footprint} for t in b.tensors],
            }
            for b in (*self.live, self.carried)
        ]
        return {
            "cascade": self.cascade,
            "rank": self.rank,
            "n_passes": self.n_passes(),
            "passes": dict(self.passes),
            "einsum_pass": dict(self.einsum_pass),
            "level": dict(self.level),
            "opened_by": {
                str(n): {
                    "einsum": o.einsum,
                    "forced_by": o.forced_by,
                    "completed_by": o.completed_by,
                    "reason": o.reason,
                }
                for n, o in self.opened_by.items()
            },
            "live": boundaries[:-1],
            "carried": boundaries[-1],
        }

    def __str__(self) -> str:
        n_passes = self.n_passes()
        lines = [f"{self.cascade}: {n_passes} pass{'' if n_passes == 1 else 'es'} over {self.rank}"]
        lines.append("  " + ", ".join(f"{name} {count}" for name, count in self.passes.items()))
        for number in range(n_passes + 1):
            names = [name for name, at in self.einsum_pass.items() if at == number]
            if names:
                lines.append(f"  pass {number}: {', '.join(names)}" if number else f"  before: {', '.join(names)}")
            if number in self.opened_by:
                lines.append(f"    opened because {self.opened_by[number].reason}")
            lines += [f"    live after it: {b.footprint} ({_listed(b)})" for b in self.live if b.after_pass == number]
        if self.carried.tensors:
            lines.append(f"  carried from step to step: {self.carried.footprint} ({_listed(self.carried)})")
        return "\n".join(lines)


def _listed(boundary: Boundary) -> str:
    return ", ".join(f"{live.tensor} {live.role}" for live in boundary.tensors)


def analyse_passes(cascade: Cascade, rank: str = "M", *, sizes: Mapping[str, int] | None = None) -> PassAnalysis:
    """Return the least number of passes over a rank, with reasons and live footprints.

    The bound is that of the given cascade; another cascade for the same function may need fewer
    (see :mod:`attnscope.einsum_cascade.transform`).

    Args:
        cascade: any cascade.
        rank: a declared rank. A partitioned one is traversed tile by tile, a tile's elements being at hand while the
            traversal stands there; name the inner part (``M0``) to analyse what happens inside a tile.
        sizes: lengths of ranks over which a recurrence repeats whole traversals (an iteration count).

    Raises:
        UnknownNameError: the cascade has no such rank.
        CascadeError: the number of passes depends on a length that ``sizes`` does not give.
    """
    require_rank(cascade, rank)
    family, given = Family(cascade, rank), sizes or {}
    level = {einsum.name: family.level(einsum) for einsum in cascade.einsums}
    whole = Inference(family, [name for name, at in level.items() if at == "element"], given)
    counts = {
        tensor: max(Inference(family, found, given).passes()[name] for name in found)
        for tensor in cascade.tensors
        if family.carries(tensor) and (found := touching(family, tensor))
    }
    passes = whole.passes()
    einsum_pass = {einsum.name: passes[einsum.name] for einsum in cascade.einsums}
    opened = {opening.number: opening for opening in openings(whole)}
    return PassAnalysis(
        cascade.name, rank, counts, einsum_pass, opened, level, _boundaries(family, whole), _carried(family)
    )


def analyse_every_rank(cascade: Cascade, *, sizes: Mapping[str, int] | None = None) -> tuple[PassAnalysis, ...]:
    """Return the analysis for every rank that the cascade runs over: whole ranks, and primed ones by themselves."""
    labels = (var.label for einsum in cascade.einsums for var in einsum.variables)
    whole = dict.fromkeys(label if label.endswith("'") else _whole(cascade, label) for label in labels)
    return tuple(analyse_passes(cascade, label, sizes=sizes) for label in whole)


def _whole(cascade: Cascade, rank: str) -> str:
    around = next((name for name, parts in cascade.partitions.items() if rank in parts), None)
    return _whole(cascade, around) if around else rank


def _boundaries(family: Family, inference: Inference) -> tuple[Boundary, ...]:
    cascade, passes = family.cascade, inference.passes()
    last = max((passes[name] for name in inference.touching), default=0)
    found = []
    for number in range(1, last):
        live = (_live_across(family, passes, tensor, number) for tensor in cascade.tensors)
        found.append(Boundary(number, tuple(item for item in live if item is not None)))
    return tuple(found)


def _live_across(family: Family, passes: Mapping[str, int], tensor: str, number: int) -> Live | None:
    cascade = family.cascade
    readers = [passes[e.name] for e in cascade.einsums if any(a.tensor == tensor for a in e.reads) and e.name != tensor]
    made = passes.get(tensor, 0)
    if not readers or max(readers) <= number or made > number:
        return None
    if tensor in cascade.inputs:
        return _live(family, tensor, "re-read") if min(readers) <= number and family.carries(tensor) else None
    return _live(family, tensor, "kept") if made > 0 else None


def _carried(family: Family) -> Boundary:
    iterative = [e for e in family.cascade.einsums if e.iterative is not None and family.is_sweep(e.iterative)]
    return Boundary(0, tuple(_live(family, e.name, "carried", e.iterative.rank) for e in iterative if e.iterative))


def _live(family: Family, tensor: str, role: str, without: str = "") -> Live:
    cascade = family.cascade
    held = (leaf for rank in cascade.tensor_ranks(tensor) if rank != without for leaf in cascade.leaves(rank))
    ranks = cascade.merged(leaf for leaf in held if leaf not in family.outer)
    fibre = tuple(rank for rank in ranks if set(cascade.leaves(rank)) & set(family.leaves))
    return Live(tensor, role, ranks, fibre, cascade.partitions)
