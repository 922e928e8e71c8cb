"""Blocked local attention: the queries of a block share the block and a halo around it."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis
from attnscope.workloads.visibility.base import GridMask
from attnscope.workloads.visibility.checks import check_grid
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("halo", "Scaling Local Self-Attention for Parameter Efficient Visual Backbones (HaloNet), arXiv 2103.12731")
@dataclass(frozen=True)
class Halo(GridMask, SeparableMask):
    """All queries of a `block` see the block and `halo` keys on each side; what lies outside the grid is unseen."""

    layout: tuple[int, ...]
    block: tuple[int, ...]
    halo: tuple[int, ...]

    def __post_init__(self) -> None:
        check_grid(self, block=1, halo=0)

    @functools.cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Per axis, one interval for each block."""
        return tuple(_haloed(*row) for row in zip(self.layout, self.block, self.halo, strict=True))


def _haloed(length: int, block: int, halo: int) -> Axis:
    start = np.arange(length, dtype=np.int64) // block * block
    return IntervalAxis(length, np.maximum(start - halo, 0), np.minimum(start + block + halo, length))
