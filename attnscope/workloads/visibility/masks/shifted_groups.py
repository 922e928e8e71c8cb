"""Groups of consecutive tokens, shifted for some heads."""

from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_at_most, check_least, check_lengths, positions
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("shifted-groups", "LongLoRA, arXiv 2309.12307 (shifted sparse attention); SinkLoRA, arXiv 2406.05678 (sinks)")
@dataclass(frozen=True)
class ShiftedGroups(SequenceMask):
    """Tokens see the earlier tokens of their own group (all of its tokens if not causal), and the sinks.

    Args:
        n_queries: tokens that ask; the last one stands at the last key.
        n_keys: tokens that are seen; 0 for as many as queries.
        group: tokens per group.
        shift: distance by which the group borders move; tokens before the first border are a group of their own.
        causal: whether later tokens are hidden.
        n_sinks: first tokens that every later token sees.
        wrap: as the plain cyclic roll does it, the first `shift` tokens join the last group, behind its other tokens
            (so they see tokens of their own future).
    """

    n_queries: int
    n_keys: int
    group: int
    shift: int = 0
    causal: bool = True
    n_sinks: int = 0
    wrap: bool = False

    def __post_init__(self) -> None:
        check_least(self, group=1, shift=0, n_sinks=0)
        check_lengths(self, aligned=True)
        check_at_most("shift", (self.shift,), (self.group - 1,), "group - 1 =")

    def intervals(self, queries: Int64) -> Intervals:
        """Sinks, own group and, where the roll wraps, the other part of the last group."""
        own = positions(self, queries)
        start = (own - self.shift) // self.group * self.group + self.shift
        end = own + 1 if self.causal else np.minimum(start + self.group, self.n_keys)
        sinks_end = np.minimum(self.n_sinks, own + 1) if self.causal else np.full_like(own, self.n_sinks)
        parts = [(np.zeros_like(own), sinks_end), (np.maximum(start, 0), end)]
        if self.wrap:
            border = (self.n_keys - 1 - self.shift) // self.group * self.group + self.shift
            parts.append((np.full_like(own, border), np.where(own < self.shift, self.n_keys, 0)))
            parts.append((np.zeros_like(own), np.where((own >= border) & (not self.causal), self.shift, 0)))
        return Intervals(np.stack([p[0] for p in parts], axis=1), np.stack([p[1] for p in parts], axis=1))
