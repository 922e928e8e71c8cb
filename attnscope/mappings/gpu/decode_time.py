"""Latency of decode attention as pure functions of numbers: waves of CTAs that stream K and V.

A CTA walks its KV tiles. One tile of K and V takes the larger of a floor (latency and arithmetic of one SM) and its
share of the memory bandwidth; every wave adds the fixed time of a CTA. Waves and tail come from `pipes.makespan`. No
numpy but through `pipes`, so that sweeps can compile the functions.
"""

import math

from attnscope.mappings.gpu.decode_splits import TILE_ROWS, n_splits
from attnscope.mappings.gpu.pipes import makespan

REFERENCE_TILE_BYTES = 65536.0  # K and V of 128 keys, head dim 128, 2 bytes: the tile that `tile_s` is the time of
STATISTIC_BYTES = 4.0  # partial results travel in fp32


def resident_fraction(kv_bytes: float, l2_bytes: float, warm: bool) -> float:
    """Share of K and V found in L2 when a kernel runs again on the same data: all up to half of L2, none beyond it."""
    if not warm:
        return 0.0
    return min(1.0, max(0.0, 2.0 - 2.0 * kv_bytes / l2_bytes))


def tile_time_s(
    tile_bytes: float,
    active: float,
    dram_bytes_per_s: float,
    l2_bytes_per_s: float,
    in_l2: float,
    floor_s: float,
) -> float:
    """Time of one KV tile while `active` CTAs share the bandwidth; `floor_s` is that of a reference tile alone [s]."""
    streamed = tile_bytes * active * ((1.0 - in_l2) / dram_bytes_per_s + in_l2 / l2_bytes_per_s)
    return max(floor_s * tile_bytes / REFERENCE_TILE_BYTES, streamed)


def merge_bytes(rows: float, pieces: float, value_width: float) -> float:
    """Bytes of partial results (maximum, sum, output) written and read again; none where a row is in one piece."""
    return 2.0 * STATISTIC_BYTES * rows * pieces * (value_width + 2.0) if pieces > 1.0 else 0.0


def split_parts(
    batch: float,
    kv_heads: float,
    group: float,
    context: float,
    longest: float,
    score_width: float,
    value_width: float,
    element_bytes: float,
    splits: float,
    is_fa2: bool,
    keys_per_tile: float,
    n_sms: float,
    dram_bytes_per_s: float,
    l2_bytes_per_s: float,
    in_l2: float,
    launch_s: float,
    merge_launch_s: float,
    cta_s: float,
    tile_floor_s: float,
) -> tuple[float, float, float, float, float, float, float]:
    """Latency of one layer of split-KV decode attention, in parts [s].

    The layer has `batch` sequences of `context` keys on average and `longest` at most, and `kv_heads` KV heads on this
    device with `group` query heads each; `score_width`, `value_width` and `element_bytes` size a key and a value. The
    kernel cuts a context into `splits` pieces, 0 for its own rule (FlashAttention-2's where `is_fa2`, else -3's), and
    walks tiles of `keys_per_tile`. `in_l2` of K and V is in L2 already, see `resident_fraction`. One kernel takes
    `launch_s`, the one that merges partial results `merge_launch_s`, a CTA `cta_s` beside its tiles, a reference tile
    at least `tile_floor_s`.

    Returns:
        launch, tiles, fixed, tail, operands (Q in, O and partial results out), merge launch; then the number of splits.
    """
    units = batch * kv_heads * math.ceil(group / TILE_ROWS)
    tiles, longest_tiles = max(1.0, context / keys_per_tile), max(1.0, math.ceil(longest / keys_per_tile))
    pieces = splits if splits > 0 else float(n_splits(is_fa2, units, longest_tiles, n_sms, group))
    row_bytes = element_bytes * (score_width + value_width)
    ctas, active = units * pieces, min(units * pieces, n_sms)
    tile_s = tile_time_s(keys_per_tile * row_bytes, active, dram_bytes_per_s, l2_bytes_per_s, in_l2, tile_floor_s)
    worst_s = math.ceil(longest_tiles / pieces) * tile_s + cta_s
    tiles_s, fixed_s = units * tiles * tile_s, ctas * cta_s
    kernel_s = float(makespan(ctas, n_sms, 1.0, tiles_s + fixed_s, worst_s))
    if longest_tiles > math.ceil(tiles):  # ragged: the longest pieces end alone, with the bandwidth for themselves
        alone_s = tile_time_s(keys_per_tile * row_bytes, 1.0, dram_bytes_per_s, l2_bytes_per_s, in_l2, tile_floor_s)
        last_s = math.ceil(longest_tiles / pieces) * alone_s + cta_s
        kernel_s = min(kernel_s, (tiles_s + fixed_s) / active + last_s * (1.0 - 1.0 / active))
    rows = batch * kv_heads * group
    operands_s = (rows * row_bytes + merge_bytes(rows, pieces, value_width)) / dram_bytes_per_s
    merging_s = merge_launch_s if pieces > 1.0 else 0.0
    tail_s = kernel_s - (tiles_s + fixed_s) / active
    return launch_s, tiles_s / active, fixed_s / active, tail_s, operands_s, merging_s, pieces


def stream_k_parts(
    total_tiles: float,
    grid: float,
    max_tiles: float,
    cut_rows: float,
    rows: float,
    keys_per_tile: float,
    score_width: float,
    value_width: float,
    element_bytes: float,
    n_sms: float,
    dram_bytes_per_s: float,
    l2_bytes_per_s: float,
    in_l2: float,
    launch_s: float,
    cta_s: float,
    tile_floor_s: float,
) -> tuple[float, float, float, float, float, float]:
    """Latency of one layer of stream-K decode attention, in parts [s].

    `total_tiles`, `grid` and `max_tiles` are those of the partition, `cut_rows` the partial result rows that CTAs pass
    on to the owner of their head, `rows` the query rows of the layer; the rest as in `split_parts`.

    Returns:
        launch, tiles, fixed, tail, operands, and the owners' merge, which waits for one more CTA's end.
    """
    row_bytes = element_bytes * (score_width + value_width)
    active = min(grid, n_sms)
    tile_s = tile_time_s(keys_per_tile * row_bytes, active, dram_bytes_per_s, l2_bytes_per_s, in_l2, tile_floor_s)
    tiles_s, fixed_s = total_tiles * tile_s, grid * cta_s
    kernel_s = float(makespan(grid, n_sms, 2.0, tiles_s + fixed_s, max_tiles * tile_s + cta_s))
    passed = 2.0 * STATISTIC_BYTES * cut_rows * (value_width + 2.0)
    operands_s = (rows * row_bytes + passed) / dram_bytes_per_s
    tail_s = kernel_s - (tiles_s + fixed_s) / active
    return launch_s, tiles_s / active, fixed_s / active, tail_s, operands_s, cta_s if cut_rows > 0.0 else 0.0
