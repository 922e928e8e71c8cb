"""Tile statistics: how many KV tiles a tiled kernel visits under a mask, and how many of them need no fine mask.

Conventions (GNA, arXiv 2504.16922, appendix B.1, and NATTEN's kernels):
- "static": Q and KV tiles lie on fixed grids over the token grid; a KV tile is visited when it holds a visible pair.
- "dynamic": KV tiles start anew at the corner of each Q tile's visible box (Ampere fused neighborhood attention).
- "flat": tiles are runs of the row-major token sequence, whatever the grid.
- Dilation makes independent sub-problems (an extra batch axis) with their own group lengths; "flat" does not re-batch.
- The dense baseline is the tiles that cover the whole undilated key grid; ragged tiles count as whole visits.
- A visited tile is full when its part inside the grid is visible to every query of the Q tile, else partial.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, Protocol, get_args

from attnscope.errors import UsageError, did_you_mean
from attnscope.workloads.visibility.base import Mask
from attnscope.workloads.visibility.gna_checks import as_ints
from attnscope.workloads.visibility.intervals import Int64
from attnscope.workloads.visibility.separable import SeparableMask
from attnscope.workloads.visibility.tile_rule import axis_tiles
from attnscope.workloads.visibility.tile_values import Mode, TileCounts, TileStatistics, Tiling


class Tileable(Protocol):
    """What tile statistics ask of a mask or a mixture of masks."""

    @property
    def n_queries(self) -> int:
        """Queries of one unit."""

    @property
    def n_keys(self) -> int:
        """Keys of one unit."""

    @property
    def n_units(self) -> int:
        """Heads or layers."""

    @property
    def tile_rank(self) -> int:
        """Number of axes of a tile."""

    @property
    def total_pairs(self) -> int:
        """Visible pairs of all units."""


def tile_statistics(mask: Tileable, q_tile: Any, kv_tile: Any, mode: Mode = "static") -> TileStatistics:
    """Exact tile counts of `mask` for one tiling.

    Args:
        mask: any mask or mixture of masks.
        q_tile: queries per tile and axis; in "flat" mode a number (several axes are multiplied).
        kv_tile: keys per tile and axis, likewise.
        mode: "static", "dynamic" or "flat", as described at the top of this module.

    Raises:
        UsageError: tile shapes that do not match the layout, sizes below 1, an unknown mode, or an empty mask.
    """
    tiling = make_tiling(mask, q_tile, kv_tile, mode)
    if mask.total_pairs == 0:
        raise UsageError("the mask shows no key to any query; there is nothing to tile.")
    counts = count_tiles(mask, tiling)
    return TileStatistics(
        tiling.q_tile,
        tiling.kv_tile,
        tiling.mode,
        mask.n_queries,
        mask.n_keys,
        total_pairs=mask.total_pairs,
        n_units=mask.n_units,
        **vars(counts),
    )


def make_tiling(mask: Tileable, q_tile: Any, kv_tile: Any, mode: str = "static") -> Tiling:
    """Check a tiling against the mask's layout; see `tile_statistics`."""
    if mode not in get_args(Mode):
        raise UsageError(
            f"no tiling mode {mode!r}.{did_you_mean(mode, get_args(Mode))} Known: {', '.join(get_args(Mode))}."
        )
    rank = None if mode == "flat" else mask.tile_rank
    tiles = [as_ints(name, tile, rank, 1) for name, tile in (("q_tile", q_tile), ("kv_tile", kv_tile))]
    if mode == "flat":
        tiles = [(math.prod(t),) for t in tiles]
    return Tiling(tiles[0], tiles[1], mode)  # type: ignore[arg-type]


@functools.singledispatch
def count_tiles(mask: Tileable, tiling: Tiling) -> TileCounts:
    """Counts for one mask; each kind of mask with a way of its own registers it."""
    raise UsageError(f"{type(mask).__name__} has no tile counts for {tiling}.")


@count_tiles.register
def _(mask: Mask, tiling: Tiling) -> TileCounts:
    from attnscope.workloads.visibility.walk import walk_tiles

    return walk_tiles(mask, tiling)


@count_tiles.register
def _(mask: SeparableMask, tiling: Tiling) -> TileCounts:
    on_one_axis = len(mask.axes) == 1 and mask.axes[0].dilation == 1
    if tiling.mode == "flat" and not on_one_axis:
        from attnscope.workloads.visibility.walk import walk_flat

        return walk_flat(mask, tiling)
    return product_counts(mask, tiling)


def product_counts(mask: SeparableMask, tiling: Tiling) -> TileCounts:
    """Closed form: everything is a product over the axes."""
    shapes = list(zip(mask.axes, tiling.q_tile, tiling.kv_tile, strict=True))
    per_axis = [axis_tiles(a, q, k, tiling.mode == "dynamic") for a, q, k in shapes]
    full = math.prod(int(t.full.sum()) for t in per_axis)
    return TileCounts(
        n_q_tiles=math.prod(len(t.visits) for t in per_axis),
        n_kv_tiles=math.prod(-(-a.n_keys // k) for a, _, k in shapes),
        visits_total=math.prod(int(t.visits.sum()) for t in per_axis),
        visits_min=math.prod(int(t.visits.min()) for t in per_axis),
        visits_max=math.prod(int(t.visits.max()) for t in per_axis),
        full=full,
        ragged=full - math.prod(int((t.full - t.ragged).sum()) for t in per_axis),
        padded_queries=math.prod(pad(a.n_queries, q * a.dilation) for a, q, _ in shapes),
        padded_keys=math.prod(pad(a.n_keys, k * a.dilation) for a, _, k in shapes),
    )


def pad(n: int, multiple: int) -> int:
    """`n` rounded up to a multiple."""
    return -(-n // multiple) * multiple


def per_tile_counts(
    tiling: Tiling, layouts: tuple[Sequence[int], Sequence[int]], visits: Int64, full: Int64, ragged: Int64
) -> TileCounts:
    """Counts from per-Q-tile arrays over undilated grids of queries and keys."""
    queries, keys = layouts
    return TileCounts(
        n_q_tiles=len(visits),
        n_kv_tiles=math.prod(-(-n // k) for n, k in zip(keys, tiling.kv_tile, strict=True)),
        visits_total=int(visits.sum()),
        visits_min=int(visits.min()),
        visits_max=int(visits.max()),
        full=int(full.sum()),
        ragged=int(ragged.sum()),
        padded_queries=math.prod(pad(n, q) for n, q in zip(queries, tiling.q_tile, strict=True)),
        padded_keys=math.prod(pad(n, k) for n, k in zip(keys, tiling.kv_tile, strict=True)),
    )
