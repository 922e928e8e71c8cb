"""Discs: keys closer than a radius, whatever the direction."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.base import GridMask
from attnscope.workloads.visibility.checks import check_grid, check_least
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("disc", "CLEAR: Conv-Like Linearization Revs Pre-Trained Diffusion Transformers Up, arXiv 2412.16112")
@dataclass(frozen=True)
class Disc(GridMask):
    """Keys at a Euclidean distance below `radius` (a ball in three dimensions); text tokens join through `extra`."""

    layout: tuple[int, ...]
    radius: int

    def __post_init__(self) -> None:
        check_grid(self)
        check_least(self, radius=1)

    def intervals(self, queries: Int64) -> Intervals:
        """One chord of the disc for each row of keys."""
        *place, x = np.unravel_index(queries, self.layout)
        row, half = np.zeros((len(queries), 1), np.int64), self._half_chords()
        inside = np.ones((len(queries), 1), np.bool_)
        for axis, coordinate in enumerate(place):
            key = coordinate[:, None] + self._offsets()[:, axis]
            inside = inside & (key >= 0) & (key < self.layout[axis])
            row = row * self.layout[axis] + key
        base, length = row * self.layout[-1], self.layout[-1]
        lo = base + np.maximum(x[:, None] - half, 0)
        return Intervals(lo, np.where(inside, base + np.minimum(x[:, None] + half + 1, length), lo))

    def _offsets(self) -> Int64:
        """Rows that the disc meets, as offsets on all axes but the last, [n_rows, n_axes - 1]."""
        reach = range(1 - self.radius, self.radius)
        rows = [
            o for o in itertools.product(reach, repeat=len(self.layout) - 1) if sum(v * v for v in o) < self.radius**2
        ]
        return np.array(rows, np.int64).reshape(len(rows), -1)

    def _half_chords(self) -> Int64:
        """Largest offset on the last axis for each of these rows, [n_rows]."""
        left = self.radius**2 - (self._offsets() ** 2).sum(axis=1)
        return np.array([math.isqrt(int(v) - 1) for v in left], np.int64)
