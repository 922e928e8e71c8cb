"""Dense attention: every query sees every key."""

import functools
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.axis import Axis, IntervalAxis
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_lengths
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.separable import SeparableMask


@register("dense", "Attention Is All You Need, arXiv 1706.03762")
@dataclass(frozen=True)
class Dense(SequenceMask, SeparableMask):
    """Every query sees every key; `n_keys` 0 means as many as queries."""

    n_queries: int
    n_keys: int = 0

    def __post_init__(self) -> None:
        check_lengths(self)

    @functools.cached_property
    def axes(self) -> tuple[Axis]:
        """One axis on which every interval is whole."""
        zeros = np.zeros(self.n_queries, np.int64)
        return (IntervalAxis(self.n_keys, zeros, zeros + self.n_keys),)
