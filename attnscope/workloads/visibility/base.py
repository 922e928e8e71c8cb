"""What every mask offers: which keys a query sees, and how many.

A new mask is a frozen dataclass that derives from `GridMask` (field `layout`) or `SequenceMask` (fields `n_queries` and
`n_keys`) and gives `intervals`, or that derives from `SeparableMask` too and gives `axes`; rows, counts, tile
statistics, pictures and combinations follow from these.
"""

import abc
import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility.intervals import Int64, Intervals, normalise

CHUNK = 1 << 20  # intervals held at once while a whole mask is walked


@dataclass(frozen=True)
class KeyStatistics:
    """Keys per query of a mask: least, mean and most; `total_pairs` is the FLOP-wise count of (query, key) pairs."""

    min: int
    mean: float
    max: int
    total_pairs: int
    density: float


class Mask(abc.ABC):
    """Visibility of keys to queries; tokens are numbered row-major over `layout`."""

    if TYPE_CHECKING:  # at run time these are fields of some masks and properties of others

        @property
        def layout(self) -> tuple[int, ...]:
            """Grid of the queries, slowest axis first."""

        @property
        def n_queries(self) -> int:
            """Number of queries."""

        @property
        def n_keys(self) -> int:
            """Number of keys."""

    @abc.abstractmethod
    def intervals(self, queries: Int64) -> Intervals:
        """Key intervals of each query [n], in any order; overlaps, empty intervals and keys out of range are fine."""

    n_units: ClassVar[int] = 1  # heads or layers that one mask stands for; mixtures have more

    @property
    def key_layout(self) -> tuple[int, ...]:
        """Grid of the keys."""
        return self.layout

    @property
    def tile_rank(self) -> int:
        """Number of axes that a tile shape must have."""
        return len(self.layout)

    def runs(self, queries: Int64) -> Intervals:
        """Key intervals of each query, ordered, disjoint and inside ``[0, n_keys)``."""
        return normalise(self.intervals(np.asarray(queries, np.int64)), self.n_keys)

    def visible(self, query: int) -> Int64:
        """Sorted indices of the keys that `query` sees.

        Raises:
            UsageError: `query` is not in ``[0, n_queries)``.
        """
        self._check_query(query)
        lo, hi = self.runs(np.array([query], np.int64))
        return np.concatenate([np.arange(a, b, dtype=np.int64) for a, b in zip(lo[0], hi[0], strict=True)])

    def row(self, query: int) -> npt.NDArray[np.bool_]:
        """Boolean row of `query`, [n_keys]."""
        seen = np.zeros(self.n_keys, np.bool_)
        seen[self.visible(query)] = True
        return seen

    def counts(self, queries: Int64) -> Int64:
        """Keys of each query, [n]."""
        return self.runs(queries).counts()

    def keys_per_query(self) -> KeyStatistics:
        """Least, mean and most keys per query, total pairs and density."""
        return self._key_statistics

    @property
    def total_pairs(self) -> int:
        """Number of visible (query, key) pairs."""
        return self._key_statistics.total_pairs

    @property
    def density(self) -> float:
        """Visible pairs as a share of all pairs."""
        return self._key_statistics.density

    @functools.cached_property
    def _key_statistics(self) -> KeyStatistics:
        parts = [self.counts(chunk) for chunk in self._chunks()]
        least, most = min(int(p.min()) for p in parts), max(int(p.max()) for p in parts)
        return key_statistics(least, most, sum(int(p.sum()) for p in parts), self.n_queries, self.n_keys)

    def _chunks(self) -> Iterator[Int64]:
        """All queries in runs short enough that their intervals fit in memory."""
        step = self.chunk_size()
        for first in range(0, self.n_queries, step):
            yield np.arange(first, min(first + step, self.n_queries), dtype=np.int64)

    def chunk_size(self) -> int:
        """Number of queries whose intervals may be held at once."""
        width: int = self.intervals(np.array([self.n_queries - 1], np.int64)).lo.shape[1]
        return max(1, CHUNK // max(1, width))

    def _check_query(self, query: int) -> None:
        check_index("query", query, self.n_queries)

    def __or__(self, other: "Mask") -> "Mask":
        from attnscope.workloads.visibility.masks.combine import Union

        return Union((self, other))

    def __and__(self, other: "Mask") -> "Mask":
        from attnscope.workloads.visibility.masks.combine import Intersection

        return Intersection((self, other))


class GridMask(Mask):
    """Queries and keys are the tokens of one grid, the field `layout`."""

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return math.prod(self.layout)

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return math.prod(self.layout)


class SequenceMask(Mask):
    """Queries and keys are sequences of their own lengths, the fields `n_queries` and `n_keys`."""

    @property
    def layout(self) -> tuple[int, ...]:
        """The queries as a grid of one axis."""
        return (self.n_queries,)

    @property
    def key_layout(self) -> tuple[int, ...]:
        """The keys as a grid of one axis."""
        return (self.n_keys,)


def check_index(what: str, index: int, n: int) -> None:
    """Refuse an index outside ``[0, n)``."""
    if not 0 <= index < n:
        raise UsageError(f"{what} {index} is not in [0, {n}); nearest: {min(max(index, 0), n - 1)}.")


def key_statistics(least: int, most: int, total: int, n_queries: int, n_keys: int) -> KeyStatistics:
    """Statistics from the exact counts."""
    return KeyStatistics(least, total / n_queries, most, total, total / (n_queries * n_keys))
