"""Groups of tokens sampled at a fixed interval: long-distance attention and grid attention."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis, group_length
from attnscope.workloads.visibility.base import GridMask
from attnscope.workloads.visibility.checks import check_at_most, check_divides, check_grid
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("strided-groups", "CrossFormer, arXiv 2108.00154 (long-distance attention)")
@dataclass(frozen=True)
class StridedGroups(GridMask, SeparableMask):
    """Tokens whose coordinates are equal modulo `interval` on every axis see each other."""

    layout: tuple[int, ...]
    interval: tuple[int, ...]

    def __post_init__(self) -> None:
        check_grid(self, interval=1)
        check_at_most("interval", self.interval, self.layout, "the axis length")

    @functools.cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Per axis, whole dilation groups."""
        return tuple(_whole_groups(*row) for row in zip(self.layout, self.interval, strict=True))


@register("grid", "MaxViT, arXiv 2204.01697 (grid attention)")
@dataclass(frozen=True)
class Grid(GridMask, SeparableMask):
    """Each token sees the `grid` tokens per axis that lie spread evenly over the layout, itself among them."""

    layout: tuple[int, ...]
    grid: tuple[int, ...]

    def __post_init__(self) -> None:
        check_grid(self, grid=1)
        check_divides("grid", self.grid, self.layout, "the axis length")

    @functools.cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Strided groups at interval layout / grid."""
        interval = tuple(x // g for x, g in zip(self.layout, self.grid, strict=True))
        return StridedGroups(self.layout, interval).axes


def _whole_groups(length: int, interval: int) -> Axis:
    group = np.arange(length, dtype=np.int64) % interval
    return IntervalAxis(length, np.zeros_like(group), group_length(length, interval, group), interval)
