"""Sets of keys as half-open intervals, many queries at once.

A row of `lo`, `hi` (both [n_queries, n_intervals], int64) is the set of keys ``lo <= k < hi`` of one query. Masks may
give the intervals of a row in any order, overlapping, or empty (``lo >= hi``); `normalise` makes them ordered and
disjoint.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]


class Intervals(NamedTuple):
    """Key intervals of some queries: `lo` and `hi` are int64 [n_queries, n_intervals]; ``lo >= hi`` is empty."""

    lo: Int64
    hi: Int64

    def counts(self) -> Int64:
        """Number of keys of each row, [n_queries]; exact only after `normalise`."""
        total: Int64 = np.maximum(self.hi - self.lo, 0).sum(axis=1)
        return total


def normalise(intervals: Intervals, n_keys: int) -> Intervals:
    """Clip to ``[0, n_keys)``, order by start and cut away overlaps; the sets stay the same."""
    lo, hi = np.clip(intervals.lo, 0, n_keys), np.clip(intervals.hi, 0, n_keys)
    hi = np.maximum(lo, hi)
    if np.any(lo[:, 1:] < lo[:, :-1]):
        order = np.argsort(lo, axis=1, kind="stable")
        lo, hi = np.take_along_axis(lo, order, axis=1), np.take_along_axis(hi, order, axis=1)
    reached = np.maximum.accumulate(hi, axis=1)
    lo[:, 1:] = np.maximum(lo[:, 1:], reached[:, :-1])
    return Intervals(lo, np.maximum(lo, hi))


def union(parts: list[Intervals], n_keys: int) -> Intervals:
    """Keys in any of the parts."""
    joined = Intervals(np.concatenate([p.lo for p in parts], axis=1), np.concatenate([p.hi for p in parts], axis=1))
    return normalise(joined, n_keys)


def complement(intervals: Intervals, n_keys: int) -> Intervals:
    """Keys of ``[0, n_keys)`` outside the (normalised) intervals."""
    edge = np.zeros((intervals.lo.shape[0], 1), np.int64)
    reached = np.maximum.accumulate(intervals.hi, axis=1)
    lo, hi = np.concatenate([edge, reached], axis=1), np.concatenate([intervals.lo, edge + n_keys], axis=1)
    return Intervals(lo, np.maximum(lo, hi))


def intersection(parts: list[Intervals], n_keys: int) -> Intervals:
    """Keys in all of the parts, by De Morgan's rule, so that the work stays linear in the number of intervals."""
    return complement(union([complement(p, n_keys) for p in parts], n_keys), n_keys)
