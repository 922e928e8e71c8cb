"""Masks that are an AND of independent one-axis masks: everything about them is a product over the axes."""

import abc
import functools
import math

import numpy as np

from attnscope.workloads.visibility.axis import Axis
from attnscope.workloads.visibility.base import KeyStatistics, Mask, key_statistics
from attnscope.workloads.visibility.intervals import Int64, Intervals


class SeparableMask(Mask):
    """A mask given by its `axes`; query and key are visible when they are on every axis."""

    @property
    @abc.abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """One `Axis` per axis of the layout."""

    @property
    def key_layout(self) -> tuple[int, ...]:
        """Grid of the keys."""
        return tuple(a.n_keys for a in self.axes)

    @functools.cached_property
    def _key_statistics(self) -> KeyStatistics:
        least, most, total = (math.prod(part) for part in zip(*(a.count_summary() for a in self.axes), strict=True))
        return key_statistics(least, most, total, self.n_queries, self.n_keys)

    def counts(self, queries: Int64) -> Int64:
        """Keys of each query, as a product over the axes."""
        total = np.ones(len(queries), np.int64)
        for axis, x in zip(self.axes, np.unravel_index(queries, self.layout), strict=True):
            start, end = axis.interval(x.astype(np.int64))
            total *= end - start
        return total

    def visible(self, query: int) -> Int64:
        """Sorted indices of the keys that `query` sees."""
        self._check_query(query)
        coordinates = np.unravel_index(query, self.layout)
        keys = np.zeros(1, np.int64)
        for axis, x in zip(self.axes, coordinates, strict=True):
            keys = (keys[:, None] * axis.n_keys + axis.keys(int(x))).ravel()
        return keys

    def intervals(self, queries: Int64) -> Intervals:
        """One interval per visible row of keys (per visible key where the last axis is dilated)."""
        lo = np.zeros((len(queries), 1), np.int64)
        hi = lo + 1
        for axis, x in zip(self.axes, np.unravel_index(queries, self.layout), strict=True):
            lo, hi = _extend(lo, hi, axis, x.astype(np.int64), last=axis is self.axes[-1])
        return Intervals(lo, hi)


def _extend(lo: Int64, hi: Int64, axis: Axis, x: Int64, *, last: bool) -> tuple[Int64, Int64]:
    """Add one axis to row prefixes [n, m]: prefixes that are not visible (``lo >= hi``) stay so."""
    start, end = axis.interval(x)
    if last and axis.dilation == 1:
        base = lo * axis.n_keys
        return base + start[:, None], np.where(hi > lo, base + end[:, None], base)
    step = np.arange(max(1, int((end - start).max())), dtype=np.int64)
    inside = (step < (end - start)[:, None])[:, None, :] & (hi > lo)[:, :, None]
    keys = (x % axis.dilation)[:, None] + axis.dilation * (start[:, None] + step)
    new_lo = (lo[:, :, None] * axis.n_keys + keys[:, None, :]).reshape(len(x), -1)
    return new_lo, new_lo + inside.reshape(len(x), -1)
