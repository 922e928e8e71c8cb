"""Union and intersection of masks over the same tokens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import Mask
from attnscope.workloads.visibility.intervals import Int64, Intervals, intersection, union
from attnscope.workloads.visibility.registry import register


@dataclass(frozen=True)
class _Combined(Mask):
    """Several masks over the same queries and keys; grids may differ in rank, then the finest one is kept."""

    parts: tuple[Mask, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise UsageError(f"{type(self).__name__} needs at least one mask.")
        for what, grids in (("queries", [p.layout for p in self.parts]), ("keys", [p.key_layout for p in self.parts])):
            numbers = [math.prod(grid) for grid in grids]
            if len(set(numbers)) > 1:
                listed = ", ".join(map(str, numbers))
                raise UsageError(
                    f"{type(self).__name__} needs masks over the same {what}; numbers of {what}: {listed}."
                )
            _finest(grids)

    @property
    def layout(self) -> tuple[int, ...]:
        """Grid of the queries."""
        return _finest([p.layout for p in self.parts])

    @property
    def key_layout(self) -> tuple[int, ...]:
        """Grid of the keys."""
        return _finest([p.key_layout for p in self.parts])

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return self.parts[0].n_queries

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return self.parts[0].n_keys


@register("union", "set algebra of masks")
@dataclass(frozen=True)
class Union(_Combined):
    """Keys that at least one of the masks shows."""

    def intervals(self, queries: Int64) -> Intervals:
        """All intervals of all parts."""
        return union([p.intervals(queries) for p in self.parts], self.n_keys)


@register("intersection", "set algebra of masks")
@dataclass(frozen=True)
class Intersection(_Combined):
    """Keys that all of the masks show."""

    def intervals(self, queries: Int64) -> Intervals:
        """Intervals common to all parts."""
        return intersection([p.runs(queries) for p in self.parts], self.n_keys)


def _finest(layouts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The grid with the most axes.

    Raises:
        UsageError: two different grids with that many axes.
    """
    rank = max(len(g) for g in layouts)
    grids = {g for g in layouts if len(g) == rank}
    if len(grids) > 1:
        raise UsageError(f"masks lie on different grids: {sorted(grids)}.")
    return grids.pop()
