"""Any mask made of whole blocks, given as a small boolean map."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.checks import check_least, check_lengths, positions
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("block-mask", "Generating Long Sequences with Sparse Transformers, arXiv 1904.10509 (block-sparse layouts)")
@dataclass(frozen=True, eq=False)
class BlockMask(SequenceMask):
    """Queries of block i see the keys of the blocks j with ``kept[i, j]``; causal: none after the query itself.

    Args:
        n_queries: number of queries.
        n_keys: number of keys; 0 for as many as queries.
        block: tokens per block of queries and of keys.
        kept: boolean [ceil(n_queries / block), ceil(n_keys / block)].
        causal: whether keys after the query are hidden.
    """

    n_queries: int
    n_keys: int
    block: int
    kept: npt.NDArray[np.bool_]
    causal: bool = False

    def __post_init__(self) -> None:
        check_least(self, block=1)
        check_lengths(self, aligned=self.causal)
        kept = np.array(self.kept, np.bool_)
        wanted = -(-self.n_queries // self.block), -(-self.n_keys // self.block)
        if kept.shape != wanted:
            raise UsageError(f"kept has shape {kept.shape}; {wanted} blocks of {self.block} tokens are needed.")
        kept.setflags(write=False)
        object.__setattr__(self, "kept", kept)

    @functools.cached_property
    def _columns(self) -> Int64:
        """Kept key blocks of each row of blocks, [n_rows, most in a row], filled up with blocks beyond the end."""
        n_kept = self.kept.sum(axis=1)
        columns = np.full((len(n_kept), max(1, int(n_kept.max()))), self.kept.shape[1], np.int64)
        columns[np.arange(columns.shape[1]) < n_kept[:, None]] = np.nonzero(self.kept)[1]
        return columns

    def intervals(self, queries: Int64) -> Intervals:
        """One interval for each kept block."""
        lo = self._columns[queries // self.block] * self.block
        end = positions(self, queries)[:, None] + 1 if self.causal else self.n_keys
        return Intervals(lo, np.minimum(lo + self.block, end))
