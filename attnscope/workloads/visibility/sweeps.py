"""Tile counts for many strides and many tile pairs at once.

A stride and a tile shape act on each axis alone. So one small table per axis (stride x tile pair) is filled from the
closed form, and each of the n_strides x n_pairs answers is a product of three table entries.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility import gna_rule
from attnscope.workloads.visibility.axis import group_length
from attnscope.workloads.visibility.gna import Gna, GnaAxis
from attnscope.workloads.visibility.gna_checks import as_ints
from attnscope.workloads.visibility.intervals import Int64
from attnscope.workloads.visibility.tile_rule import query_tiles, range_tiles
from attnscope.workloads.visibility.tile_values import Mode

SWEEP_DTYPE = np.dtype(
    [(name, np.int64) for name in ("n_q_tiles", "n_kv_tiles", "visits_total", "visits_min", "visits_max")]
    + [("full", np.int64), ("total_pairs", np.int64)]
    + [(name, np.float64) for name in ("flopwise_speedup", "mean_speedup", "worst_speedup")]
    + [("block_sparse", np.bool_)]
)
CHUNK = 1 << 20  # numbers held at once while a table is filled


def legal_strides(window: Sequence[int]) -> Int64:
    """All stride vectors ``1 <= s <= window``, [prod(window), n_axes], last axis fastest."""
    return np.indices(tuple(window), dtype=np.int64).reshape(len(window), -1).T + 1


def sweep(
    layout: Sequence[int],
    window: Sequence[int],
    dilation: Sequence[int],
    causal: Sequence[bool],
    strides: npt.ArrayLike,
    pairs: Sequence[tuple[Any, Any]],
    mode: Mode = "static",
) -> npt.NDArray[np.void]:
    """Exact tile counts of GNA for every stride and every tile pair.

    Args:
        layout: tokens per axis, as in `Gna`.
        window: keys per axis.
        dilation: distance between neighbours per axis.
        causal: whether later coordinates are hidden, per axis.
        strides: stride vectors, [n_strides, n_axes].
        pairs: (q_tile, kv_tile) pairs.
        mode: "static" or "dynamic"; flat tiles are not a product over the axes.

    Returns:
        Structured array [n_strides, n_pairs] of `SWEEP_DTYPE`; the fields are those of `TileStatistics`.

    Raises:
        UsageError: what `Gna` and `tile_statistics` would refuse.
    """
    from attnscope.workloads.visibility.compiled_sweep import combine

    mask = Gna(tuple(layout), tuple(window), 1, tuple(dilation), tuple(causal))  # type: ignore[arg-type]
    if mode not in ("static", "dynamic"):
        raise UsageError(f"a sweep cannot use mode {mode!r}; use 'static' or 'dynamic'.")
    vectors = _check_strides(strides, mask)
    tiles = [
        tuple(as_ints(n, t, len(mask.layout), 1) for n, t in zip(("q_tile", "kv_tile"), p, strict=True)) for p in pairs
    ]
    tables, which = [], []
    for j, axis in enumerate(mask.axes):
        distinct, index = np.unique(vectors[:, j], return_inverse=True)
        tables.append(axis_table(axis, distinct, [(q[j], k[j]) for q, k in tiles], mode == "dynamic"))
        which.append(index)
    neutral = np.ones((1, len(tiles), len(_COLUMNS)), np.int64)
    missing = 3 - len(tables)
    where = np.stack([np.zeros(len(vectors), np.int64)] * missing + which, axis=1)
    out = np.zeros((len(vectors), len(tiles)), SWEEP_DTYPE)
    combine(where, *[neutral] * missing, *tables, float(mask.n_queries * mask.n_keys), out)
    return out


_COLUMNS = ("n_q_tiles", "n_kv_tiles", "visits_total", "visits_min", "visits_max", "full", "total_pairs")


def axis_table(axis: GnaAxis, strides: Int64, tiles: Sequence[tuple[int, int]], dynamic: bool) -> Int64:
    """Counts of one axis, [n_strides, n_pairs, 7]: the integer fields of `SWEEP_DTYPE` in order."""
    table = np.empty((len(strides), len(tiles), len(_COLUMNS)), np.int64)
    table[:, :, -1] = _axis_pairs(axis, strides)[:, None]
    filled: dict[tuple[int, int], int] = {}
    for p, (q, k) in enumerate(tiles):
        if (q, k) not in filled:
            table[:, p, :-1] = _axis_counts(axis, strides, q, k, dynamic)
        else:
            table[:, p] = table[:, filled[q, k]]
        filled.setdefault((q, k), p)
    return table


def _axis_counts(axis: GnaAxis, strides: Int64, q: int, k: int, dynamic: bool) -> Int64:
    first, last = query_tiles(axis.n_queries, axis.dilation, q)
    length = group_length(axis.n_keys, axis.dilation, first % axis.dilation)
    parts = []
    for some in _in_chunks(strides, len(first)):
        ends = [_intervals(axis, x // axis.dilation, length, some) for x in (first, last)]
        tiles = range_tiles(ends[0], ends[1], length, k, dynamic)
        visits = tiles.visits
        parts.append([visits.sum(1), visits.min(1), visits.max(1), tiles.full.sum(1)])
    counts = np.concatenate(parts, axis=1)
    constant = np.broadcast_to([[len(first)], [-(-axis.n_keys // k)]], (2, len(strides)))
    return np.concatenate([constant, counts]).T


def _axis_pairs(axis: GnaAxis, strides: Int64) -> Int64:
    """Visible pairs of the axis for each stride; strides only matter under causality."""
    if not axis.causal:
        return np.full(len(strides), axis.n_queries * axis.window, np.int64)
    x = np.arange(axis.n_queries, dtype=np.int64)
    length = group_length(axis.n_keys, axis.dilation, x % axis.dilation)
    parts = []
    for some in _in_chunks(strides, len(x)):
        start, end = _intervals(axis, x // axis.dilation, length, some)
        parts.append((end - start).sum(axis=1))
    return np.concatenate(parts)


def _intervals(axis: GnaAxis, i: Int64, length: Int64, strides: Int64) -> tuple[Int64, Int64]:
    start = gna_rule.window_start(i, length, axis.window, strides[:, None], axis.causal)
    return start, np.broadcast_to(gna_rule.window_end(i, start, axis.window, axis.causal), start.shape)


def _in_chunks(strides: Int64, width: int) -> list[Int64]:
    return np.array_split(strides, math.ceil(len(strides) * width / CHUNK))


def _check_strides(strides: npt.ArrayLike, mask: Gna) -> Int64:
    vectors = np.asarray(strides)
    rank = len(mask.layout)
    if (
        vectors.ndim != 2
        or vectors.shape[1] != rank
        or not np.issubdtype(vectors.dtype, np.integer)
        or not len(vectors)
    ):
        raise UsageError(
            f"strides must be integers of shape [n, {rank}], n >= 1, not {vectors.dtype} {list(vectors.shape)}."
        )
    bad = np.argwhere((vectors < 1) | (vectors > np.array(mask.window)))
    if len(bad):
        Gna(mask.layout, mask.window, tuple(int(s) for s in vectors[bad[0][0]]))
    return vectors.astype(np.int64)


def undominated(strides: Int64, speedups: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Strides worth keeping: no other stride that is smaller or equal on every axis has at least the speed-up.

    Args:
        strides: distinct stride vectors, [n, n_axes].
        speedups: any figure of merit, more is better, [n].

    Returns:
        Boolean [n]. A larger stride blurs the neighbourhood, so it must pay (GNA, arXiv 2504.16922).
    """
    shape = tuple(strides.max(axis=0) + 1)
    grid = np.full(shape, -np.inf)
    place = tuple(strides.T)
    grid[place] = speedups
    best = grid
    for axis in range(len(shape)):
        best = np.maximum.accumulate(best, axis=axis)
    smaller = np.full(len(strides), -np.inf)
    for axis in range(len(shape)):
        step = tuple(c - (j == axis) for j, c in enumerate(place))
        smaller = np.maximum(smaller, best[step])  # coordinate 0 is never a stride, so it holds -inf
    return np.asarray(speedups > smaller)
