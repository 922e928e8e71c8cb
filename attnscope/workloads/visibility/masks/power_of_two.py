"""A local window of blocks and single blocks at power-of-two distances."""

from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_least, check_lengths, positions
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("power-of-two", "PowerAttention: Exponentially Scaling of Receptive Fields, arXiv 2503.03588")
@dataclass(frozen=True)
class PowerOfTwo(SequenceMask):
    """Causal: blocks at distance 0 to `window_blocks` - 1 and 1, 2, 4, ... behind the query's own, and sinks.

    After l layers a query can reach all blocks up to distance 2^l, at about ``window_blocks + log2(n_keys / block)``
    blocks of work.
    """

    n_queries: int
    n_keys: int
    block: int = 64
    window_blocks: int = 1
    n_sinks: int = 0

    def __post_init__(self) -> None:
        check_least(self, block=1, window_blocks=1, n_sinks=0)
        check_lengths(self, aligned=True)

    def distances(self) -> Int64:
        """Visible block distances, ascending."""
        n_blocks = -(-self.n_keys // self.block)
        powers = [1 << i for i in range(n_blocks.bit_length())]
        return np.array(sorted({*range(min(self.window_blocks, n_blocks)), *powers}), np.int64)

    def intervals(self, queries: Int64) -> Intervals:
        """Sinks, then one interval for each visible block."""
        end = positions(self, queries)[:, None] + 1
        lo = ((end - 1) // self.block - self.distances()) * self.block
        sinks = np.zeros_like(end), np.minimum(end, self.n_sinks)
        hi = np.minimum(lo + self.block, end)
        return Intervals(np.concatenate([sinks[0], lo], axis=1), np.concatenate([sinks[1], hi], axis=1))
