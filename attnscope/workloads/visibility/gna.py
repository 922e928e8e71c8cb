"""Generalized neighbourhood attention: window, stride, dilation and causality per axis, in 1 to 3 dimensions.

It holds neighbourhood attention (stride 1), dilated neighbourhood attention (arXiv 2209.15001), strided and blocked
local attention (stride = window), and sliding windows that are shifted inward at the border. Source: arXiv 2504.16922.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np

from attnscope.errors import UsageError
from attnscope.workloads.visibility import gna_rule
from attnscope.workloads.visibility.axis import Axis, group_length
from attnscope.workloads.visibility.base import GridMask, check_index
from attnscope.workloads.visibility.gna_checks import as_flags, as_ints, check_fit, check_strides, default_to
from attnscope.workloads.visibility.intervals import Int64
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask

MAX_RANK = 3


@dataclass(frozen=True)
class GnaAxis(Axis):
    """One axis of GNA in closed form; no table is kept."""

    n_keys: int
    window: int
    stride: int = 1
    dilation: int = 1
    causal: bool = False

    @property
    def n_queries(self) -> int:
        """Queries and keys share the axis."""
        return self.n_keys

    def interval(self, x: Int64) -> tuple[Int64, Int64]:
        """Closed form of the window inside the dilation group."""
        i = x // self.dilation
        length = group_length(self.n_keys, self.dilation, x % self.dilation)
        start = gna_rule.window_start(i, length, self.window, self.stride, self.causal)
        return start, gna_rule.window_end(i, start, self.window, self.causal)

    def count_summary(self) -> tuple[int, int, int]:
        """Windows are shifted inward at the border, so without causality every query sees `window` keys."""
        if self.causal:
            return super().count_summary()
        return self.window, self.window, self.window * self.n_keys

    def queries(self, key: int) -> Int64:
        """Sorted query coordinates that see key coordinate `key`: the inverse neighbourhood, one range of the group."""
        group, i = key % self.dilation, np.array([key // self.dilation], np.int64)
        length = int(group_length(self.n_keys, self.dilation, np.array([group]))[0])
        first = gna_rule.inverse_start(i, self.window, self.stride, self.causal)[0]
        last = gna_rule.inverse_end(i, length, self.window, self.stride, self.causal)[0]
        return group + self.dilation * np.arange(first, last, dtype=np.int64)


@register("gna", "Generalized neighborhood attention, arXiv 2504.16922")
@dataclass(frozen=True)
class Gna(GridMask, SeparableMask):
    """Generalized neighbourhood attention over a grid of tokens.

    A number, or None for the last three, stands for every axis. Every query sees exactly ``prod(window)`` keys where no
    axis is causal.

    Args:
        layout: tokens per axis, slowest first; 1 to 3 axes, each >= 2.
        window: keys per axis (NATTEN's kernel size), each >= 2.
        stride: queries per axis that share one window, 1 to `window`.
        dilation: distance between neighbours per axis; ``window * dilation <= layout``.
        causal: per axis, whether later coordinates are hidden.

    Raises:
        UsageError: a rule is broken; the message names it and the nearest legal value.
    """

    layout: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    dilation: tuple[int, ...] = (1,)
    causal: tuple[bool, ...] = (False,)

    def __post_init__(self) -> None:
        layout = as_ints("layout", self.layout, None, 2)
        rank = len(layout)
        if not 1 <= rank <= MAX_RANK:
            raise UsageError(f"layout {self.layout} has {rank} axes; 1 to {MAX_RANK} are possible.")
        checked = {
            "layout": layout,
            "window": as_ints("window", self.window, rank, 2),
            "stride": as_ints("stride", default_to(1, self.stride, rank), rank, 1),
            "dilation": as_ints("dilation", default_to(1, self.dilation, rank), rank, 1),
            "causal": as_flags("causal", default_to(False, self.causal, rank), rank),
        }
        check_fit(layout, checked["window"], checked["dilation"])
        check_strides(checked["window"], checked["stride"])
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @functools.cached_property
    def axes(self) -> tuple[GnaAxis, ...]:
        """The axes, independent of each other."""
        rows = zip(self.layout, self.window, self.stride, self.dilation, self.causal, strict=True)
        return tuple(GnaAxis(*row) for row in rows)

    @property
    def nominal_speedup(self) -> float:
        """``prod(layout) / prod(window)``, the FLOP-wise speed-up as NATTEN states it (causality not counted)."""
        return math.prod(self.layout) / math.prod(self.window)

    def seen_by(self, key: int) -> Int64:
        """Sorted indices of the queries that see `key` (the inverse neighbourhood), in closed form."""
        check_index("key", key, self.n_keys)
        queries = np.zeros(1, np.int64)
        for axis, x in zip(self.axes, np.unravel_index(key, self.layout), strict=True):
            queries = (queries[:, None] * axis.n_queries + axis.queries(int(x))).ravel()
        return queries
