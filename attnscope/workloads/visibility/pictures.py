"""What there is to draw of a mask, as plain arrays: the keys that a query sees, and the states of tiles.

Text and figures (`text`, `plot`) draw these values and compute nothing. Tile states are found by looking at every key
of every query of a tile, so they are also an independent check of the tile statistics on small grids.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility.axis import group_length
from attnscope.workloads.visibility.base import Mask, check_index
from attnscope.workloads.visibility.intervals import Int64
from attnscope.workloads.visibility.masks.extra import Extra
from attnscope.workloads.visibility.separable import SeparableMask
from attnscope.workloads.visibility.tile_values import Mode, Tiling
from attnscope.workloads.visibility.tiles import make_tiling

EMPTY, PARTIAL, FULL = 0, 1, 2
MAX_TILE_PAIRS, MAX_QUERIES = 1 << 16, 1 << 14


@dataclass(frozen=True, eq=False)
class KeyPicture:
    """Keys that one query sees.

    Attributes:
        query: index of the query.
        place: its coordinates on the grid of keys; empty if queries and keys have grids of their own.
        seen: boolean, on the grid of keys.
        n_extra_seen: keys beside the grid that it sees.
    """

    query: int
    place: tuple[int, ...]
    seen: npt.NDArray[np.bool_]
    n_extra_seen: int


@dataclass(frozen=True, eq=False)
class TilePicture:
    """States of tiles: EMPTY, PARTIAL or FULL.

    Attributes:
        tiling: the tile shapes and the mode.
        q_tile: index of the Q tile shown, or None for all of them.
        states: uint8 on the grid of KV tiles for one Q tile; [n_q_tiles, n_kv_tiles] for all.
    """

    tiling: Tiling
    q_tile: int | None
    states: npt.NDArray[np.uint8]


def key_picture(mask: Mask, query: int) -> KeyPicture:
    """Look up one row of a mask."""
    grid = mask.inner if isinstance(mask, Extra) else mask
    row = mask.row(query)
    on_grid = query < grid.n_queries and grid.layout == grid.key_layout
    place = tuple(int(c) for c in np.unravel_index(query, grid.layout)) if on_grid else ()
    seen = row[: grid.n_keys].reshape(grid.key_layout)
    return KeyPicture(query, place, seen, int(row[grid.n_keys :].sum()))


def tile_picture(mask: Mask, q_tile: Any, kv_tile: Any, mode: Mode = "static", index: int | None = None) -> TilePicture:
    """States of all tiles of a small mask, or of the KV tiles of one Q tile.

    Args:
        mask: the mask.
        q_tile: queries per tile, as in `tile_statistics`.
        kv_tile: keys per tile.
        mode: "static" or "flat"; "dynamic" tiles have no common grid, so they need `index`.
        index: the Q tile to show; None for all.

    Raises:
        UsageError: no such Q tile, too many tiles to show all, all tiles in mode "dynamic", or extra tokens in it.
    """
    tiling = make_tiling(mask, q_tile, kv_tile, mode)
    if mode == "dynamic" and isinstance(mask, Extra):
        raise UsageError("dynamic tiles are not drawn for a mask with extra tokens; draw its inner mask.")
    owners = _labels(mask, tiling, queries=True)[0]
    keys = _labels(mask, tiling, queries=False)
    n_q_tiles = int(owners.max()) + 1
    if index is not None:
        check_index("Q tile", index, n_q_tiles)
        states, grid = _tile_row(mask, np.flatnonzero(owners == index), keys, tiling)
        return TilePicture(tiling, index, states.reshape(grid) if grid else states)
    n_kv_tiles = int(keys[0].max()) + 1
    if mode == "dynamic":
        raise UsageError("dynamic KV tiles differ from Q tile to Q tile; choose one Q tile.")
    if n_q_tiles * n_kv_tiles > MAX_TILE_PAIRS or mask.n_queries > MAX_QUERIES:
        size = f"{n_q_tiles} x {n_kv_tiles} tiles of {mask.n_queries} queries"
        raise UsageError(f"{size} are too many for a picture; choose one Q tile.")
    rows = [_tile_row(mask, np.flatnonzero(owners == t), keys, tiling)[0] for t in range(n_q_tiles)]
    return TilePicture(tiling, None, np.stack(rows))


class Planes(NamedTuple):
    """Neighbouring planes of a grid that look the same: numbers of the first and the last, and what they show."""

    first: int
    last: int
    cells: npt.NDArray[Any]

    @property
    def title(self) -> str:
        """``plane 3`` or ``planes 3 to 8``."""
        return f"plane {self.first}" if self.first == self.last else f"planes {self.first} to {self.last}"


def planes_of(cells: npt.NDArray[Any]) -> list[Planes]:
    """The planes of a grid of 1 to 3 axes; equal neighbours are joined, so that repeated pictures are drawn once."""
    planes: list[Planes] = []
    for z, plane in enumerate(cells.reshape((1,) * (3 - cells.ndim) + cells.shape)):
        if planes and np.array_equal(planes[-1].cells, plane):
            planes[-1] = Planes(planes[-1].first, z, plane)
        else:
            planes.append(Planes(z, z, plane))
    return planes


_Labels = tuple[Int64, tuple[int, ...]]


def _tile_row(
    mask: Mask, queries: Int64, keys: _Labels, tiling: Tiling
) -> tuple[npt.NDArray[np.uint8], tuple[int, ...]]:
    """States of all KV tiles for some queries, and the grid of these tiles (empty where they lie on none)."""
    seen = [mask.visible(int(q)) for q in queries]
    labels, grid = _dynamic_labels(mask, np.concatenate(seen), tiling) if tiling.mode == "dynamic" else keys
    n_tiles = int(labels.max()) + 1
    sizes = np.bincount(labels[labels >= 0], minlength=n_tiles)
    pairs = np.bincount(labels[np.concatenate(seen)], minlength=n_tiles)
    states = np.where(pairs == 0, EMPTY, np.where(pairs == sizes * len(queries), FULL, PARTIAL))
    return states.astype(np.uint8), grid


def _labels(mask: Mask, tiling: Tiling, *, queries: bool) -> _Labels:
    """Tile of each token, [n], and the grid of tiles (empty where extra tokens lie beside it)."""
    if isinstance(mask, Extra):
        inner, _ = _labels(mask.inner, tiling, queries=queries)
        size = tiling.q_size if queries else tiling.kv_size
        extra = np.arange(mask.n_extra_queries if queries else mask.n_extra_keys, dtype=np.int64) // size
        return np.concatenate([inner, inner.max() + 1 + extra]), ()
    layout, tile = (mask.layout, tiling.q_tile) if queries else (mask.key_layout, tiling.kv_tile)
    if tiling.mode == "flat":
        n = math.prod(layout)
        return np.arange(n, dtype=np.int64) // tile[0], (-(-n // tile[0]),)
    per_axis = [_axis_labels(*row) for row in zip(layout, _dilation(mask), tile, strict=True)]
    return _product(per_axis, tuple(int(a.max()) + 1 for a in per_axis))


def _axis_labels(length: int, dilation: int, tile: int) -> Int64:
    """Tile of each coordinate: the tiles of dilation group 0, then those of group 1, and so on."""
    groups = np.arange(dilation, dtype=np.int64)
    n_tiles = -(-group_length(length, dilation, groups) // tile)
    x = np.arange(length, dtype=np.int64)
    return (np.cumsum(n_tiles) - n_tiles)[x % dilation] + x // dilation // tile


def _dynamic_labels(mask: Mask, seen: Int64, tiling: Tiling) -> _Labels:
    """Tiles that start at the corner of the seen keys; keys before it or in other dilation groups get -1."""
    per_axis = []
    corners = np.unravel_index(seen, mask.key_layout)
    for length, d, tile, keys in zip(mask.key_layout, _dilation(mask), tiling.kv_tile, corners, strict=True):
        x, corner = np.arange(length, dtype=np.int64), int(keys.min())
        per_axis.append(np.where((x % d == corner % d) & (x >= corner), (x - corner) // d // tile, -1))
    return _product(per_axis, tuple(int(a.max()) + 1 for a in per_axis))


def _product(per_axis: Sequence[Int64], grid: tuple[int, ...]) -> _Labels:
    """Row-major numbers of the product of per-axis tiles; -1 where any axis has -1."""
    labels, outside = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    for axis, n in zip(per_axis, grid, strict=True):
        labels = (labels[:, None] * n + axis).ravel()
        outside = (outside[:, None] | (axis < 0)).ravel()
    return np.where(outside, -1, labels), grid


def _dilation(mask: Mask) -> list[int]:
    return [a.dilation for a in mask.axes] if isinstance(mask, SeparableMask) else [1] * len(mask.layout)
