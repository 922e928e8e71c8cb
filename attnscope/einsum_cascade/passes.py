"""How often a rank must be traversed, and why: pass analysis by inference on the graph.

A *pass* over the fibres of a rank of a tensor is one traversal of all their elements (FuseMax, MICRO'24, section III).
One more is needed wherever a dependency forces **all** reads of an earlier traversal before **any** read of a later
one, whatever the mapping. The inference below walks the graph once. A value is, at every moment, in a *state*:

* *pointwise in pass k*: its element at coordinate c is known when pass k stands at c;
* *complete after pass k*: it is known only when pass k has ended, because the rank was reduced away, or the final
  generation of an iterative rank, or another coordinate than the running one is read.

An Einsum that touches the elements of the fibre runs in pass k if all it reads is pointwise in pass k or earlier, and
opens pass k + 1 if it reads anything that is complete only after pass k. Names and text order play no part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Number, Var, accesses, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import Group, groups
from attnscope.einsum_cascade.order import stages
from attnscope.errors import CascadeError, UnknownNameError

LEVELS = ("element", "tile", "outside")


@dataclass(frozen=True)
class Family:
    """A rank that is traversed, with all its parts, as one cascade uses it.

    Attributes:
        cascade: the cascade.
        rank: the rank; ``M`` for M and its parts, ``M0`` for the fibres inside one tile, ``N'`` for primed indices.
    """

    cascade: Cascade
    rank: str

    @cached_property
    def name(self) -> str:
        """The declared rank."""
        return self.rank.rstrip("'")

    @cached_property
    def primes(self) -> str:
        """Primes of the variables that traverse it."""
        return "'" * self.rank.count("'")

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Its innermost parts, outermost first."""
        return self.cascade.leaves(self.name)

    @cached_property
    def outer(self) -> tuple[str, ...]:
        """The parts around it: an analysis of M0 looks inside one tile, at one coordinate of M1."""
        wholes = [self.name, *(rank for rank in self.cascade.rank_names if self._is_within(rank))]
        around = max(map(self.cascade.leaves, wholes), key=len)
        return around[: around.index(self.leaves[0])]

    def _is_within(self, rank: str) -> bool:
        return rank != self.name and set(self.leaves) < set(self.cascade.leaves(rank))

    def covers(self, rank: str, leaf: str) -> bool:
        """Whether ``rank`` is ``leaf`` or is partitioned into it."""
        return leaf in self.cascade.leaves(rank)

    def is_sweep(self, var: Var) -> bool:
        """Whether the traversal moves with ``var``: it indexes the outermost part, with the right primes."""
        return "'" * var.name.count("'") == self.primes and self.covers(var.rank, self.leaves[0])

    def level(self, einsum: Einsum) -> str:
        """Return whether the Einsum touches elements of the fibre, whole tiles of it, or neither."""
        if any(self.gathers(access) for access in einsum.reads):
            return "element"
        if not any(self.is_sweep(var) for var in einsum.variables):
            return "outside"
        covered = (any(self.covers(var.rank, leaf) for var in einsum.variables) for leaf in self.leaves)
        return "element" if all(covered) else "tile"

    def carries(self, tensor: str) -> bool:
        """Whether a tensor has an element for every coordinate of the rank."""
        layout, writer = self.cascade.tensor_ranks(tensor), self.cascade.by_name.get(tensor)
        if writer is not None and not any(map(self.is_sweep, writer.written)):
            return False
        return all(any(self.covers(rank, leaf) for rank in layout) for leaf in self.leaves)

    def gathers(self, access: Access) -> bool:
        """Whether the rank is read at coordinates that are themselves data."""
        if not any(isinstance(node, Access) for index in access.indices for node in walk(index)):
            return False
        return any(any(accesses(index) for index in group.given) for group in self._outer(access))

    def pointwise(self, access: Access) -> bool:
        """Whether the access follows the traversal: it reads the running coordinate, or no coordinate at all."""
        if access not in self._known:
            self._known[access] = all(self._follows(group) for group in self._outer(access))
        return self._known[access]

    @cached_property
    def _known(self) -> dict[Access, bool]:
        return {}

    def _outer(self, access: Access) -> list[Group]:
        """Return how the outermost part of the rank is addressed, where the tensor was written along the traversal."""
        writer, found = self.cascade.by_name.get(access.tensor), groups(self.cascade, access)
        found = tuple(group for group in found if any(self.covers(rank, self.leaves[0]) for rank in group.stored))
        if writer is None:
            return list(found)
        return [g for g in found if any(map(self.is_sweep, writer.written[g.at : g.at + len(g.stored)]))]

    def _follows(self, group: Group) -> bool:
        pairs = [shifted(index) for index in group.given]
        if len(group.given) == 1 and pairs[0] is None:
            return group.given[0] == Number(0)
        return any(pair is not None and self.is_sweep(pair[0]) for pair in pairs)

    def reduces(self, einsum: Einsum) -> bool:
        """Whether the Einsum folds the outermost part away."""
        return any(self.is_sweep(var) for var in einsum.folded)

    def touches(self, access: Access) -> bool:
        """Whether the access reads elements of the fibre at the running coordinate (or gathers them)."""
        return self.carries(access.tensor) and (self.gathers(access) or self.pointwise(access))


@dataclass(frozen=True)
class Opening:
    """Why a pass is needed: ``einsum`` may not start before ``forced_by`` is complete."""

    number: int
    einsum: str
    forced_by: str
    completed_by: str
    reason: str

    def __str__(self) -> str:
        return f"pass {self.number}: {self.reason}"


# A state is an even number 2k for "pointwise in pass k", an odd one 2k+1 for "complete after pass k"; 0 is free.


class Inference:
    """States of all tensors for one family, given which Einsums count as traversals."""

    def __init__(self, family: Family, touching: Sequence[str], sizes: Mapping[str, int]) -> None:
        self.family, self.touching = family, frozenset(touching)
        self.cascade = family.cascade
        self.state: dict[str, int] = dict.fromkeys(self.cascade.inputs, 0)
        self.needed: dict[str, int] = {}
        for stage in stages(self.cascade):
            self._run(stage.einsums, stage.step, sizes)

    def _run(self, einsums: Sequence[Einsum], step: str, sizes: Mapping[str, int]) -> None:
        if not step:
            self._infer(einsums[0])
            return
        for einsum in einsums:
            self.state[einsum.name] = 0
        rank = step.rstrip("'").upper()
        given = sizes.get(rank)
        for _ in range(given if given is not None else 2 * len(einsums) + 4):
            before = [self.state[einsum.name] for einsum in einsums]
            for einsum in einsums:
                self._infer(einsum)
            if before == [self.state[einsum.name] for einsum in einsums]:
                return
        if given is None:
            raise CascadeError(
                f"each step of the recurrence over {rank} ({', '.join(e.name for e in einsums)}) traverses "
                f"{self.family.rank} again, so the number of passes grows with {rank}; give its length, as in "
                f"sizes={{{rank!r}: 4}}",
                source=self.cascade.name,
            )

    def seen(self, access: Access) -> int:
        """Return the state in which a reader finds what it reads."""
        state = self.state[access.tensor]
        return state if state % 2 or not state or self.family.pointwise(access) else state + 1

    def _infer(self, einsum: Einsum) -> None:
        state = max((self.seen(access) for access in einsum.reads), default=0)
        if einsum.name in self.touching:
            state = 2 * max(1, (state + 1) // 2)
        self.needed[einsum.name] = state
        complete = state % 2 == 0 and state > 0 and self.family.reduces(einsum)
        self.state[einsum.name] = state + complete

    def passes(self) -> dict[str, int]:
        """Return the pass each Einsum runs in (or right after); 0 is before the first."""
        return {name: state // 2 for name, state in self.needed.items()}

    def completed_by(self, tensor: str) -> str:
        """Return the tensor whose completion is waited for, following complete values upstream."""
        seen: set[str] = set()
        while self.needed.get(tensor, 0) % 2 and tensor not in seen:
            seen.add(tensor)
            reads = self.cascade.by_name[tensor].reads
            waited = [a.tensor for a in reads if self.seen(a) == self.needed[tensor] and a.tensor not in seen]
            tensor = waited[0] if waited else tensor
        return tensor


def openings(inference: Inference) -> Iterator[Opening]:
    """Yield, for every pass beyond the first, one opening: that of its first Einsum in the order of execution."""
    family, passes = inference.family, inference.passes()
    found: set[int] = set()
    for stage in stages(family.cascade):
        for einsum in stage.einsums:
            number = passes[einsum.name]
            if einsum.name in inference.touching and number > 1 and number not in found:
                forcing = [a for a in einsum.reads if inference.seen(a) == 2 * number - 1]
                if forcing:
                    found.add(number)
                    yield _opening(inference, einsum, number, forcing[0])


def _opening(inference: Inference, einsum: Einsum, number: int, forcing: Access) -> Opening:
    family, cascade = inference.family, inference.cascade
    state = inference.state[forcing.tensor]
    last = inference.completed_by(forcing.tensor) if state % 2 else forcing.tensor
    maker = cascade.by_name.get(last)
    if state % 2 and maker is not None and family.reduces(maker):
        how = f"{last} reduces {family.rank} by {maker.reductions[-1].operator}"
    else:
        how = f"the final generation of {last} is read" if maker and maker.iterative else f"all of {last} is read"
    elements = [a.tensor for a in einsum.reads if family.touches(a)]
    along = (
        f"reads {', '.join(dict.fromkeys(elements))} along {family.rank}" if elements else f"runs over {family.rank}"
    )
    via = "" if last == forcing.tensor else f" (through {last})"
    reason = f"{einsum.name} {along} and needs {forcing.tensor}, complete only after pass {number - 1}{via}: {how}"
    return Opening(number, einsum.name, forcing.tensor, last, reason)


def touching(family: Family, tensor: str) -> tuple[str, ...]:
    """Return the Einsums that read elements of the tensor's fibres, directly or through what is derived from them."""
    derived, found = {tensor}, []
    for stage in stages(family.cascade):
        for _ in stage.einsums:
            for einsum in stage.einsums:
                reads = any(access.tensor in derived and family.touches(access) for access in einsum.reads)
                if reads and family.level(einsum) == "element" and einsum.name not in found:
                    found.append(einsum.name)
                    derived |= {einsum.name} if family.carries(einsum.name) else set()
    return tuple(found)


def require_rank(cascade: Cascade, rank: str) -> None:
    """Refuse a rank that no Einsum of the cascade runs over."""
    known = {var.label for einsum in cascade.einsums for var in einsum.variables} | set(cascade.rank_names)
    if rank not in known:
        raise UnknownNameError("rank", rank, known, cascade.name)
