"""Tile counts without a closed form: masks are walked tile by tile with compiled loops, never as an n x n array."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from attnscope.workloads.visibility import compiled
from attnscope.workloads.visibility.base import Mask
from attnscope.workloads.visibility.intervals import Int64
from attnscope.workloads.visibility.separable import SeparableMask
from attnscope.workloads.visibility.tile_values import TileCounts, Tiling
from attnscope.workloads.visibility.tiles import per_tile_counts

RANK = 3  # grids are given to the compiled loops with three axes


def walk_tiles(mask: Mask, tiling: Tiling) -> TileCounts:
    """Count visited and full tiles of any mask from the key intervals of its queries."""
    layouts = layouts_of(mask, tiling)
    counts = []
    for queries, offsets in tiles_of_queries(layouts[0], tiling.q_tile, mask.chunk_size()):
        grids = (to_rank(layouts[1]), to_rank(tiling.kv_tile))
        counts.append(compiled.count_interval_tiles(*mask.runs(queries), offsets, *grids, tiling.mode == "dynamic"))
    return per_tile_counts(tiling, layouts, *np.concatenate(counts, axis=1))


def walk_flat(mask: SeparableMask, tiling: Tiling) -> TileCounts:
    """Count tiles of the flattened sequence for a separable mask of several axes.

    Queries of a tile that lie in one row of the grid share their rows of keys; so the work per tile is rows of keys,
    not keys, and no interval is held.
    """
    tables = [axis.interval(np.arange(axis.n_queries, dtype=np.int64)) for axis in mask.axes]
    missing = RANK - len(tables)
    one = np.zeros(1, np.int64)
    starts = [one] * missing + [t[0] for t in tables]
    ends = [one + 1] * missing + [t[1] for t in tables]
    dilation = to_rank([a.dilation for a in mask.axes])
    layouts = layouts_of(mask, tiling)
    sizes = np.array([tiling.q_size, tiling.kv_size], np.int64)
    grids = (to_rank(mask.layout), to_rank(mask.key_layout), dilation)
    return per_tile_counts(tiling, layouts, *compiled.count_flat_tiles(*grids, *starts, *ends, sizes))


def layouts_of(mask: Mask, tiling: Tiling) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Grids of queries and keys that the tiles lie on: one axis for flat tiles."""
    if tiling.mode == "flat":
        return (mask.n_queries,), (mask.n_keys,)
    return mask.layout, mask.key_layout


def to_rank(values: Sequence[int]) -> Int64:
    """The values with leading ones, as three int64."""
    return np.array([1] * (RANK - len(values)) + list(values), np.int64)


def tiles_of_queries(layout: Sequence[int], q_tile: Sequence[int], limit: int) -> Iterator[tuple[Int64, Int64]]:
    """Queries in tile order, about `limit` at a time, with the offsets [n_tiles + 1] at which each tile starts."""
    grid = tile_grid(np.arange(math.prod(layout), dtype=np.int64).reshape(layout), q_tile)
    step = max(1, limit // grid.shape[1])
    for first in range(0, len(grid), step):
        part = grid[first : first + step]
        real = part >= 0
        offsets = np.concatenate([[0], np.cumsum(real.sum(axis=1))]).astype(np.int64)
        yield part[real], offsets


def tile_grid(tokens: Int64, tile: Sequence[int]) -> Int64:
    """Token numbers [layout] as [n_tiles, tile size]; places beyond the grid are -1."""
    padded = np.pad(tokens, [(0, -n % t) for n, t in zip(tokens.shape, tile, strict=True)], constant_values=-1)
    split = padded.reshape([e for n, t in zip(padded.shape, tile, strict=True) for e in (n // t, t)])
    rank = len(tile)
    outer, inner = range(0, 2 * rank, 2), range(1, 2 * rank, 2)
    return np.ascontiguousarray(split.transpose(*outer, *inner)).reshape(-1, math.prod(tile))
