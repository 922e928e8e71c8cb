"""Which KV tiles a tile of queries needs on one axis, in closed form.

On one axis the queries of a tile see one contiguous range of their group, from the first key of the first query to the
last key of the last query; all of them see the (maybe empty) range from the last query's first key to the first
query's last key. Source: GNA, arXiv 2504.16922, appendix B; dynamic tiling: fused neighborhood attention, 2403.04690.
"""

from typing import NamedTuple

import numpy as np

from attnscope.workloads.visibility.axis import Axis, group_length
from attnscope.workloads.visibility.intervals import Int64


class AxisTiles(NamedTuple):
    """Per query tile of one axis [n_q_tiles]: KV tiles visited, full ones, and full ones that hang over the end."""

    visits: Int64
    full: Int64
    ragged: Int64


def ceil_div(a: Int64, b: Int64 | int) -> Int64:
    """Integer division rounded up."""
    return -(-a // b)


def query_tiles(n_queries: int, dilation: int, q_tile: int) -> tuple[Int64, Int64]:
    """First and last query coordinate of each tile, dilation group after group; last tiles are cropped."""
    groups = np.arange(min(dilation, n_queries), dtype=np.int64)
    lengths = group_length(n_queries, dilation, groups)
    n_tiles = ceil_div(lengths, q_tile)
    group = np.repeat(groups, n_tiles)
    index = np.arange(len(group), dtype=np.int64) - np.repeat(np.cumsum(n_tiles) - n_tiles, n_tiles)
    last = np.minimum((index + 1) * q_tile, np.repeat(lengths, n_tiles)) - 1
    return group + dilation * q_tile * index, group + dilation * last


def range_tiles(
    first: tuple[Int64, Int64],
    last: tuple[Int64, Int64],
    length: Int64,
    kv_tile: int,
    dynamic: bool,
) -> AxisTiles:
    """KV tiles between the intervals (start, end) of the first and the last query of each tile.

    Static tiles lie on a grid from key 0; dynamic ones start at the first key of the tile's range. A tile is full when
    its part inside the group, which has `length` keys, is seen by every query.
    """
    origin = first[0] if dynamic else 0
    low, high = (first[0] - origin) // kv_tile, ceil_div(last[1] - origin, kv_tile)
    full_low = ceil_div(last[0] - origin, kv_tile)
    whole_high = (first[1] - origin) // kv_tile
    full_high = np.where(first[1] == length, ceil_div(length - origin, kv_tile), whole_high)
    full = np.maximum(full_high - full_low, 0)
    visits = np.where(last[1] > first[0], high - low, 0)
    return AxisTiles(visits, full, full - np.maximum(whole_high - full_low, 0))


def axis_tiles(axis: Axis, q_tile: int, kv_tile: int, dynamic: bool) -> AxisTiles:
    """Visited and full KV tiles for every query tile of one axis, dilation groups one after the other."""
    first, last = query_tiles(axis.n_queries, axis.dilation, q_tile)
    length = group_length(axis.n_keys, axis.dilation, first % axis.dilation)
    return range_tiles(axis.interval(first), axis.interval(last), length, kv_tile, dynamic)
