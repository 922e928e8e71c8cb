"""One axis of a separable mask: query coordinate -> interval of key coordinates, inside its residue class.

With dilation d the axis falls apart into d independent groups (coordinates equal modulo d). Intervals are counted
inside the group: query x of group ``x mod d`` sees the keys ``x mod d + d*i`` with ``start <= i < end``.
"""

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attnscope.errors import UsageError
from attnscope.workloads.visibility.intervals import Int64


def group_length(length: int, dilation: int, group: Int64) -> Int64:
    """Number of coordinates in [0, `length`) that equal `group` modulo `dilation`."""
    lengths: Int64 = (length - group + dilation - 1) // dilation
    return lengths


class Axis(abc.ABC):
    """One axis; in each group, starts and ends never fall and neighbouring queries leave no gap between their keys."""

    if TYPE_CHECKING:  # at run time these are fields of some axes and properties of others

        @property
        def n_queries(self) -> int:
            """Number of query coordinates."""

        @property
        def n_keys(self) -> int:
            """Number of key coordinates."""

        @property
        def dilation(self) -> int:
            """Number of residue classes that do not see each other."""

    @abc.abstractmethod
    def interval(self, x: Int64) -> tuple[Int64, Int64]:
        """Start and end, inside the group, of the keys that each query coordinate sees."""

    def counts(self) -> Int64:
        """Keys that each query coordinate sees, [n_queries]."""
        start, end = self.interval(np.arange(self.n_queries, dtype=np.int64))
        return end - start

    def count_summary(self) -> tuple[int, int, int]:
        """Least, most and total keys over the query coordinates."""
        counts = self.counts()
        return int(counts.min()), int(counts.max()), int(counts.sum())

    def keys(self, x: int) -> Int64:
        """Sorted key coordinates that query coordinate `x` sees."""
        start, end = self.interval(np.array([x], np.int64))
        return x % self.dilation + self.dilation * np.arange(start[0], end[0], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class IntervalAxis(Axis):
    """An axis given by tables of starts and ends, both int64 [n_queries], counted inside the group.

    Raises:
        UsageError: an interval leaves its group, starts or ends fall, or neighbours leave a gap (then the keys of a
            tile of queries would not be one range, which the closed form for tiles needs).
    """

    n_keys: int
    starts: Int64
    ends: Int64
    dilation: int = 1

    @property
    def n_queries(self) -> int:
        """Number of query coordinates."""
        return len(self.starts)

    def __post_init__(self) -> None:
        self._check_range()
        self._check_order()

    def _check_range(self) -> None:
        lengths = group_length(self.n_keys, self.dilation, np.arange(self.n_queries) % self.dilation)
        if np.any((self.starts < 0) | (self.starts > self.ends) | (self.ends > lengths)):
            raise UsageError(f"an interval of the axis leaves its {self.n_keys} keys or ends before it starts.")

    def _check_order(self) -> None:
        d = self.dilation
        falls = self.starts[d:] < self.starts[:-d]
        ends_fall = self.ends[d:] < self.ends[:-d]
        gaps = self.starts[d:] > self.ends[:-d]
        if falls.any() or ends_fall.any() or gaps.any():
            raise UsageError("intervals of a separable axis must not fall and must leave no gap between neighbours.")

    def interval(self, x: Int64) -> tuple[Int64, Int64]:
        """Table look-up."""
        return self.starts[x], self.ends[x]
