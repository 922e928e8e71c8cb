"""Compiled loops over tiles. They know intervals, grids and tables, but no mask.

Only loaded where a mask has no closed form or a sweep is asked for: importing numba takes a while.
"""

import numba
import numpy as np

from attnscope.workloads.visibility.intervals import Int64


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _add_run(direct: Int64, steps: Int64, a: int, b: int, tile: int) -> None:
    """Add keys [a, b) of one row of tiles: ends to `direct`, whole tiles as a step up and a step down."""
    first, last = a // tile, (b - 1) // tile
    if first == last:
        direct[first] += b - a
        return
    direct[first] += (first + 1) * tile - a
    direct[last] += b - last * tile
    if last > first + 1:
        steps[first + 1] += tile
        steps[last] -= tile


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _corner(lo: Int64, hi: Int64, layout: Int64) -> tuple[int, int, int]:
    """Least coordinate per axis over some key intervals [n, m]."""
    z0, y0, x0 = layout[0], layout[1], layout[2]
    for i in range(lo.shape[0]):
        for j in range(lo.shape[1]):
            a, b = lo[i, j], hi[i, j]
            while a < b:
                row = a // layout[2]
                z0, y0, x0 = min(z0, row // layout[1]), min(y0, row % layout[1]), min(x0, a - row * layout[2])
                a = (row + 1) * layout[2]
    return z0, y0, x0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_interval_tiles(lo: Int64, hi: Int64, offsets: Int64, layout: Int64, tile: Int64, dynamic: bool) -> Int64:
    """Visited, full and ragged full KV tiles of each Q tile, [3, n_tiles].

    `lo`, `hi` [n_queries, n_intervals] are disjoint key intervals in tile order; `offsets` [n_tiles + 1] the first
    query of each tile; `layout` and `tile` the key grid and KV tile, three axes.
    """
    n_tiles = offsets.shape[0] - 1
    counts = np.zeros((3, n_tiles), np.int64)
    grid = -(-layout // tile)
    direct = np.zeros((grid[0], grid[1], grid[2]), np.int64)
    steps = np.zeros((grid[0], grid[1], grid[2]), np.int64)
    for t in range(n_tiles):
        first, stop = offsets[t], offsets[t + 1]
        direct[:] = 0
        steps[:] = 0
        z0, y0, x0 = 0, 0, 0
        if dynamic:
            z0, y0, x0 = _corner(lo[first:stop], hi[first:stop], layout)
        for i in range(first, stop):
            for j in range(lo.shape[1]):
                a, b = lo[i, j], hi[i, j]
                while a < b:
                    row = a // layout[2]
                    end = min(b, (row + 1) * layout[2])
                    z, y = (row // layout[1] - z0) // tile[0], (row % layout[1] - y0) // tile[1]
                    base = row * layout[2] + x0
                    _add_run(direct[z, y], steps[z, y], a - base, end - base, tile[2])
                    a = end
        for z in range(grid[0]):
            depth = min(tile[0], layout[0] - z0 - z * tile[0])
            for y in range(grid[1]):
                height = min(tile[1], layout[1] - y0 - y * tile[1])
                running = 0
                for x in range(grid[2]):
                    running += steps[z, y, x]
                    pairs = running + direct[z, y, x]
                    if pairs > 0:
                        width = min(tile[2], layout[2] - x0 - x * tile[2])
                        counts[0, t] += 1
                        keys = depth * height * width
                        whole = pairs == (stop - first) * keys
                        counts[1, t] += whole
                        counts[2, t] += whole and keys < tile[0] * tile[1] * tile[2]
    return counts


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _mark_rows(seen: Int64, first: int, step: int, n_rows: int, width: int, tile: int) -> None:
    """Mark the tiles of keys [first, first + width), and of the rows that follow at distance `step`.

    Rows no further apart than a tile leave no tile out, so they are one range. Otherwise tile numbers are carried
    along, since a division per row would take most of the time.
    """
    if width <= 0 or n_rows <= 0:
        return
    if step <= tile:
        seen[first // tile] += 1
        seen[(first + (n_rows - 1) * step + width - 1) // tile + 1] -= 1
        return
    low, low_rest = first // tile, first % tile
    high, high_rest = (first + width - 1) // tile, (first + width - 1) % tile
    step_tiles, step_rest = step // tile, step % tile
    for _ in range(n_rows):
        seen[low] += 1
        seen[high + 1] -= 1
        low, low_rest = low + step_tiles, low_rest + step_rest
        if low_rest >= tile:
            low, low_rest = low + 1, low_rest - tile
        high, high_rest = high + step_tiles, high_rest + step_rest
        if high_rest >= tile:
            high, high_rest = high + 1, high_rest - tile


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_flat_tiles(
    q_layout: Int64,
    k_layout: Int64,
    dilation: Int64,
    starts_z: Int64,
    starts_y: Int64,
    starts_x: Int64,
    ends_z: Int64,
    ends_y: Int64,
    ends_x: Int64,
    sizes: Int64,
) -> Int64:
    """Visited, full and ragged full tiles of the flattened keys per tile of the flattened queries, [3, n_tiles].

    `starts_*`, `ends_*` are the key intervals per query coordinate of each axis (inside the dilation group); `sizes`
    the tile sizes of queries and keys. Queries of one row and one dilation group on the last axis form a segment:
    together they see keys [first start, last end), all of them see [last start, first end), in each row of keys.
    """
    n_queries, n_keys = q_layout[0] * q_layout[1] * q_layout[2], k_layout[0] * k_layout[1] * k_layout[2]
    q_size, k_size = sizes[0], sizes[1]
    n_tiles, n_kv = -(-n_queries // q_size), -(-n_keys // k_size)
    counts = np.zeros((3, n_tiles), np.int64)
    seen = np.zeros(n_kv + 1, np.int64)
    direct, steps = np.zeros(n_kv, np.int64), np.zeros(n_kv, np.int64)
    dz, dy, dx = dilation
    # a tile of keys can only be full if it fits into one window of the last axis, or if that window is the whole row
    least = min(k_size, k_layout[2], n_keys - (n_kv - 1) * k_size)
    may_be_full = np.max(ends_x - starts_x) >= least
    for t in range(n_tiles):
        n_segments, low, high = 0, n_kv, 0  # tiles below `low` and from `high` on are untouched
        token, stop = t * q_size, min((t + 1) * q_size, n_queries)
        while token < stop:
            row = token // q_layout[2]
            xa = token - row * q_layout[2]
            token = min(stop, (row + 1) * q_layout[2])
            xb = token - 1 - row * q_layout[2]
            z, y = row // q_layout[1], row % q_layout[1]
            for first in range(xa, min(xa + dx, xb + 1)):
                last = xb - (xb - first) % dx
                n_segments += 1
                rows = ends_y[y] - starts_y[y]
                for i in range(starts_z[z], ends_z[z]):
                    plane = (z % dz + dz * i) * k_layout[1] + y % dy + dy * starts_y[y]
                    base = plane * k_layout[2] + first % dx
                    end = base + (rows - 1) * dy * k_layout[2] + dx * (ends_x[last] - 1)
                    low, high = min(low, (base + dx * starts_x[first]) // k_size), max(high, end // k_size + 1)
                    if dx == 1:
                        width = ends_x[last] - starts_x[first]
                        _mark_rows(seen, base + starts_x[first], dy * k_layout[2], rows, width, k_size)
                        width = ends_x[first] - starts_x[last]
                        if may_be_full and width > 0:
                            for j in range(rows):
                                a = base + starts_x[last] + j * dy * k_layout[2]
                                _add_run(direct, steps, a, a + width, k_size)
                        continue
                    for k in range(starts_x[first], ends_x[last]):
                        _mark_rows(seen, base + dx * k, dy * k_layout[2], rows, 1, k_size)
                    for k in range(starts_x[last], ends_x[first]):
                        for j in range(rows):
                            direct[(base + dx * k + j * dy * k_layout[2]) // k_size] += 1
        touched, running = 0, 0
        for k in range(low, high):
            touched += seen[k]
            running += steps[k]
            if touched > 0:
                width = min(k_size, n_keys - k * k_size)
                whole = running + direct[k] == n_segments * width
                counts[0, t] += 1
                counts[1, t] += whole
                counts[2, t] += whole and width < k_size
            seen[k], direct[k], steps[k] = 0, 0, 0
        seen[high] = 0
    return counts
