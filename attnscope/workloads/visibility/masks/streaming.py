"""Attention sinks: the first few keys and a sliding window of recent ones."""

from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_least, check_lengths, positions
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("streaming", "Efficient Streaming Language Models with Attention Sinks, arXiv 2309.17453")
@dataclass(frozen=True)
class Streaming(SequenceMask):
    """The first `n_sinks` keys and the last `window` keys up to the query itself (causal)."""

    n_queries: int
    n_keys: int
    window: int
    n_sinks: int = 4

    def __post_init__(self) -> None:
        check_least(self, window=1, n_sinks=0)
        check_lengths(self, aligned=True)

    def intervals(self, queries: Int64) -> Intervals:
        """Sinks and window, both cut at the query."""
        end = positions(self, queries) + 1
        lo = np.stack([np.zeros_like(end), end - self.window], axis=1)
        return Intervals(lo, np.stack([np.minimum(self.n_sinks, end), end], axis=1))
