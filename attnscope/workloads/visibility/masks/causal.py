"""Causal attention: keys up to the query's own position."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_lengths, positions
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("causal", "Attention Is All You Need, arXiv 1706.03762; alignment as in FlashAttention-2, arXiv 2307.08691")
@dataclass(frozen=True)
class Causal(SequenceMask, SeparableMask):
    """Keys up to the query's own position; the last query stands at the last key, so `n_queries` 1 is a decode step."""

    n_queries: int
    n_keys: int = 0

    def __post_init__(self) -> None:
        check_lengths(self, aligned=True)

    @functools.cached_property
    def axes(self) -> tuple[Axis]:
        """One axis of growing prefixes."""
        position = positions(self, np.arange(self.n_queries, dtype=np.int64))
        return (IntervalAxis(self.n_keys, np.zeros_like(position), position + 1),)
