"""NATTEN's own test for masks that need no fine mask, for comparison with the definition.

The truth is `TileStatistics.block_sparse`. NATTEN 0.21 decides by divisibility instead; for Q tiles of extent >= 2 it
says yes only where the truth is yes, but misses some cases; for an extent of 1 it may say yes wrongly.
"""

from typing import Any

import numpy as np

from attnscope.workloads.visibility.axis import group_length
from attnscope.workloads.visibility.gna import Gna, GnaAxis
from attnscope.workloads.visibility.gna_rule import window_start
from attnscope.workloads.visibility.tiles import make_tiling


def natten_block_sparse(mask: Gna, q_tile: Any, kv_tile: Any) -> bool:
    """Whether NATTEN's static predicate holds on every axis and in every dilation group.

    Args:
        mask: the mask.
        q_tile: queries per tile and axis.
        kv_tile: keys per tile and axis.
    """
    tiling = make_tiling(mask, q_tile, kv_tile)
    return all(_holds(*row) for row in zip(mask.axes, tiling.q_tile, tiling.kv_tile, strict=True))


def _holds(axis: GnaAxis, q: int, k: int) -> bool:
    lengths = np.unique(group_length(axis.n_keys, axis.dilation, np.arange(axis.dilation, dtype=np.int64)))
    return not axis.causal and all(_holds_in_group(int(n), axis.window, axis.stride, q, k) for n in lengths)


def _holds_in_group(length: int, window: int, stride: int, q: int, k: int) -> bool:
    if window == length:
        return True
    last_start = int(window_start(np.array([length - 1]), length, window, stride, False)[0])
    aligned = (window // 2 - stride // 2) % k == 0
    n_groups = -(-length // stride)
    two_groups = length % k == 0 and n_groups == 2 and stride + stride // 2 >= length - window
    last_fits = length % stride == 0 or last_start % k == 0
    return stride % q == 0 and window % k == 0 and last_fits and (aligned or two_groups)
