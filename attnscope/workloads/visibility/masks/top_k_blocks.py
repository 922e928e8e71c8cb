"""Blocks chosen at run time under a budget: which ones depends on the data, how many does not."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_divides, check_least, check_lengths
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.masks.block_mask import BlockMask
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.tile_values import TileCounts, Tiling
from attnscope.workloads.visibility.tiles import count_tiles


@register("top-k-blocks", "SeerAttention, arXiv 2410.13276; MoBA, arXiv 2502.13189")
@dataclass(frozen=True)
class TopKBlocks(SequenceMask):
    """Each block of queries sees its own block and the best-scored others, `budget` in all (fewer at the start).

    Counts are the same for all scores, as long as tiles do not straddle blocks (others are refused); so rows and
    pictures show one member of the family, the one that prefers near blocks. `select` gives that of a map of scores.

    Args:
        n_queries: number of queries, a multiple of `block`.
        n_keys: number of keys, a multiple of `block`; 0 for as many as queries.
        block: tokens per block.
        budget: key blocks per block of queries, its own included.
        causal: whether only blocks up to the own one may be chosen, and keys after the query are hidden.
    """

    n_queries: int
    n_keys: int
    block: int
    budget: int
    causal: bool = True

    def __post_init__(self) -> None:
        check_least(self, block=1, budget=1)
        check_lengths(self, aligned=True)
        check_divides("block", (self.block, self.block), (self.n_queries, self.n_keys), "the sequence length")

    def select(self, scores: npt.NDArray[np.floating]) -> BlockMask:
        """The mask that these scores [n_queries / block, n_keys / block] choose; ties go to the earlier block.

        Raises:
            UsageError: the map has another shape.
        """
        n_rows, n_columns = self.n_queries // self.block, self.n_keys // self.block
        if scores.shape != (n_rows, n_columns):
            raise UsageError(f"scores have shape {scores.shape}; {(n_rows, n_columns)} blocks are needed.")
        own = np.arange(n_rows)[:, None] + n_columns - n_rows
        column = np.arange(n_columns)
        usable = column <= own if self.causal else np.ones((n_rows, n_columns), np.bool_)
        ranked = np.where(column == own, np.inf, np.where(usable, scores, -np.inf))
        best = np.argsort(-ranked, axis=1, kind="stable")[:, : self.budget]
        kept = np.zeros((n_rows, n_columns), np.bool_)
        np.put_along_axis(kept, best, True, axis=1)
        return BlockMask(self.n_queries, self.n_keys, self.block, kept & usable, self.causal)

    @functools.cached_property
    def member(self) -> BlockMask:
        """The member of the family that prefers the blocks nearest to the query's own."""
        n_rows, n_columns = self.n_queries // self.block, self.n_keys // self.block
        own = np.arange(n_rows)[:, None] + n_columns - n_rows
        return self.select(-abs(np.arange(n_columns) - own).astype(np.float64))

    def intervals(self, queries: Int64) -> Intervals:
        """Intervals of that member."""
        return self.member.intervals(queries)


@count_tiles.register
def _(mask: TopKBlocks, tiling: Tiling) -> TileCounts:
    """Counts of the member, which are those of every other one, since no tile straddles a block."""
    for name, size in (("q_tile", tiling.q_size), ("kv_tile", tiling.kv_size)):
        if mask.block % size:
            reason = f"{name} {size} does not divide the block {mask.block}, so the counts would depend on the scores"
            raise UsageError(f"{reason}; count the mask that select(scores) gives, or choose a divisor.")
    return count_tiles(mask.member, tiling)
