"""Tokens beside the grid, such as text or registers: keys that all queries see, and queries that see all keys."""

import functools
import math
from dataclasses import dataclass

import numpy as np

from attnscope.workloads.visibility.base import KeyStatistics, Mask, key_statistics
from attnscope.workloads.visibility.checks import check_least
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register
from attnscope.workloads.visibility.tile_values import TileCounts, Tiling
from attnscope.workloads.visibility.tiles import count_tiles, pad


@register("extra", "NATTEN's additional keys and values; text tokens of joint attention in MMDiT, arXiv 2403.03206")
@dataclass(frozen=True)
class Extra(Mask):
    """`inner` with `n_extra_keys` more keys for every query and `n_extra_queries` more queries that see every key.

    Extra tokens are numbered after those of the grid. They are tiled on their own, as a second dense attention whose
    result is merged (so NATTEN treats additional keys and values), in runs of one tile's size.
    """

    inner: Mask
    n_extra_keys: int
    n_extra_queries: int = 0

    def __post_init__(self) -> None:
        check_least(self, n_extra_keys=0, n_extra_queries=0)

    @property
    def n_queries(self) -> int:
        """Queries of the grid and extra ones."""
        return self.inner.n_queries + self.n_extra_queries

    @property
    def n_keys(self) -> int:
        """Keys of the grid and extra ones."""
        return self.inner.n_keys + self.n_extra_keys

    @property
    def layout(self) -> tuple[int, ...]:
        """The grid, or one row where there are extra queries."""
        return (self.n_queries,) if self.n_extra_queries else self.inner.layout

    @property
    def key_layout(self) -> tuple[int, ...]:
        """The grid, or one row where there are extra keys."""
        return (self.n_keys,) if self.n_extra_keys else self.inner.key_layout

    @property
    def tile_rank(self) -> int:
        """Tiles have the shape of the grid."""
        return self.inner.tile_rank

    def intervals(self, queries: Int64) -> Intervals:
        """Intervals of the grid, and the extra keys; every key for extra queries."""
        on_grid = queries < self.inner.n_queries
        lo, hi = self.inner.intervals(np.where(on_grid, queries, 0))
        hi = np.where(on_grid[:, None], hi, lo)
        extra = np.where(on_grid, self.inner.n_keys, 0)[:, None]
        return Intervals(np.append(lo, extra, axis=1), np.append(hi, np.full_like(extra, self.n_keys), axis=1))

    @functools.cached_property
    def _key_statistics(self) -> KeyStatistics:
        grid, more = self.inner.keys_per_query(), self.n_extra_keys
        total = grid.total_pairs + self.inner.n_queries * more + self.n_extra_queries * self.n_keys
        most = self.n_keys if self.n_extra_queries else grid.max + more
        return key_statistics(grid.min + more, most, total, self.n_queries, self.n_keys)


@count_tiles.register
def _(mask: Extra, tiling: Tiling) -> TileCounts:
    """Counts of the grid, a second dense attention for extra keys, and dense rows of tiles for extra queries."""
    grid = count_tiles(mask.inner, tiling)
    more = -(-mask.n_extra_keys // tiling.kv_size)
    rows = -(-mask.n_extra_queries // tiling.q_size)
    dense = grid.n_kv_tiles + more
    keys = (mask.inner.n_keys,) if tiling.mode == "flat" else mask.inner.key_layout
    ragged_dense = grid.n_kv_tiles - math.prod(n // k for n, k in zip(keys, tiling.kv_tile, strict=True))
    ragged = mask.n_extra_keys % tiling.kv_size > 0
    return TileCounts(
        n_q_tiles=grid.n_q_tiles + rows,
        n_kv_tiles=dense,
        visits_total=grid.visits_total + grid.n_q_tiles * more + rows * dense,
        visits_min=grid.visits_min + more,
        visits_max=dense if rows else grid.visits_max + more,
        full=grid.full + grid.n_q_tiles * more + rows * dense,
        ragged=grid.ragged + grid.n_q_tiles * ragged + rows * (ragged_dense + ragged),
        padded_queries=grid.padded_queries + pad(mask.n_extra_queries, tiling.q_size),
        padded_keys=grid.padded_keys + pad(mask.n_extra_keys, tiling.kv_size),
    )
