"""A rank as one traversal sees it: with its parts, and who touches its elements."""

from dataclasses import dataclass
from functools import cached_property

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Number, Var, accesses, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import Group, groups


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
