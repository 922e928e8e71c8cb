"""Sliding window over a sequence, cut at the border (not shifted inward as in neighbourhood attention)."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_least, check_lengths, positions
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("sliding-window", "Longformer, arXiv 2004.05150 (both sides); Mistral 7B, arXiv 2310.06825 (causal)")
@dataclass(frozen=True)
class SlidingWindow(SequenceMask, SeparableMask):
    """The last `window` keys up to the query itself; not causal: a window centred on it, longer on the left if even."""

    n_queries: int
    n_keys: int
    window: int
    causal: bool = True

    def __post_init__(self) -> None:
        check_least(self, window=1)
        check_lengths(self, aligned=True)

    @functools.cached_property
    def axes(self) -> tuple[Axis]:
        """One axis of windows."""
        position = positions(self, np.arange(self.n_queries, dtype=np.int64))
        behind = self.window - 1 if self.causal else self.window // 2
        start, end = position - behind, position - behind + self.window
        return (IntervalAxis(self.n_keys, np.maximum(start, 0), np.minimum(end, self.n_keys)),)
