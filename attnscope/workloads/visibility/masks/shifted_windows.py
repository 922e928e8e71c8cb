"""Windows that partition the grid, plain or shifted with the region mask of the cyclic roll."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis
from attnscope.workloads.visibility.base import GridMask
from attnscope.workloads.visibility.checks import check_at_most, check_grid
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("windows", "Swin Transformer, arXiv 2103.14030")
@dataclass(frozen=True)
class ShiftedWindows(GridMask, SeparableMask):
    """Tokens of one window see each other; `shift` > 0 moves the borders, as rolling the grid by it does.

    The region mask that keeps the two parts of a rolled-over window apart is a product over the axes: it cuts each axis
    at ``shift, shift + window, ...``. Padding of grids that are no multiple of the window is unseen.
    """

    layout: tuple[int, ...]
    window: tuple[int, ...]
    shift: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        check_grid(self, window=1, shift=0)
        check_at_most("shift", self.shift, [w - 1 for w in self.window], "window - 1 =")

    @functools.cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Per axis, a partition into runs."""
        return tuple(_runs(*row) for row in zip(self.layout, self.window, self.shift, strict=True))


def _runs(length: int, window: int, shift: int) -> Axis:
    x = np.arange(length, dtype=np.int64)
    start = (x - shift) // window * window + shift
    return IntervalAxis(length, np.maximum(start, 0), np.minimum(start + window, length))
