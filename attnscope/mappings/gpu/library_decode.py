"""Counts of library decode attention: split KV, paged cache, one query per sequence; whole tables at once."""

import math

import numpy as np

from attnscope.mappings.gpu.decode_splits import ENOUGH, FA3_SHORT, NEAR_BEST, fa2_splits, wave_efficiency
from attnscope.mappings.gpu.descriptor import ALU_OPS_PER_SCORE, Amount, Descriptor, IterationCounts, LaunchCounts
from attnscope.mappings.gpu.library_resources import Library
from attnscope.mappings.gpu.library_shapes import ELEMENT_BYTES, AttentionShapes
from attnscope.simulator.gpu_device import GpuDevice

PARTIAL_BYTES = 4  # partial outputs and their statistics travel in fp32
WRITE_THREADS = 512  # most threads of a CTA that works on one token's keys and values
SM_THREADS = 2048
SPARE = 1.1  # the scheduler plans a tenth more KV tiles per SM than an even share


def dynamic_splits(units: int, m_tiles: int, kv_tiles: int, n_sms: int, most: int) -> int:
    """Splits of FlashAttention-3 for batches whose lengths may vary (hopper/heuristics.h, flash_prepare_scheduler.cu).

    Args:
        units: (sequence, KV head) pairs.
        m_tiles: Q tiles of each.
        kv_tiles: KV tiles of the longest sequence.
        n_sms: SMs, one CTA each.
        most: the library's upper bound.

    An upper bound by wave efficiency, then so many pieces that none exceeds the even share of an SM.
    """
    upper = _upper_bound(units * m_tiles, kv_tiles, n_sms, most)
    share = math.ceil(SPARE * units * m_tiles * kv_tiles / n_sms)
    return max(1, min(math.ceil(kv_tiles / share), upper))


def _upper_bound(ctas: int, kv_tiles: int, n_sms: int, most: int) -> int:
    if ctas >= ENOUGH * n_sms or kv_tiles <= FA3_SHORT:
        return 1
    counts = range(1, min(most, n_sms, kv_tiles) + 1)
    best = max(wave_efficiency(ctas * s, n_sms) for s in counts)
    return next(s for s in counts if wave_efficiency(ctas * s, n_sms) >= NEAR_BEST * best)


def shared_splits(batch: int, kv_tiles: int, most: int) -> int:
    """Splits where the library grants `most` pieces to the whole batch; short contexts are never split."""
    return 1 if kv_tiles <= FA3_SHORT else max(1, min(most // batch, kv_tiles))


def splits_of(library: Library, batch: int, kv_heads: int, group: int, m_tiles: int, kv_tiles: int, n_sms: int) -> int:
    """Pieces per context by the library's rule."""
    units = batch * kv_heads
    if library.decode_splits == "fa2":
        return fa2_splits(units * m_tiles, kv_tiles, n_sms, group)
    if library.decode_splits == "dynamic":
        return dynamic_splits(units, m_tiles, kv_tiles, n_sms, library.most_splits)
    return shared_splits(batch, kv_tiles, library.most_splits) if library.decode_splits == "shared" else 1


def decode(shapes: AttentionShapes, library: Library, device: GpuDevice) -> Descriptor:
    """Counts of one library call; arrays over the rows."""
    columns = (shapes.batch, shapes.q_heads, shapes.kv_heads, shapes.head_dim, shapes.length, shapes.window)
    rows = [_one(row, library, device) for row in np.stack(columns, 1).tolist()]
    units, kv_rows, kv_tiles, longest, splits, q_rows, keys = np.array(rows, dtype=np.float64).reshape(-1, 7).T
    row_bytes = shapes.head_dim * ELEMENT_BYTES
    outputs = shapes.batch * shapes.q_heads
    main = LaunchCounts(
        name="attention",
        instruction=library.kernels.instruction,
        dtype="bf16",
        n_ctas=units * splits,
        residents=library.kernels.decode_residents,
        iterations=units * kv_tiles,
        worst_iterations=longest,
        iteration=IterationCounts(
            tensor_flops=4.0 * q_rows * kv_rows * shapes.head_dim,
            exps=q_rows * kv_rows,
            fp32_ops=ALU_OPS_PER_SCORE * q_rows * kv_rows,
            l2_bytes=2.0 * kv_rows * row_bytes,
        ),
        l2_bytes=2.0 * outputs * row_bytes,
        dram_bytes=2.0 * outputs * row_bytes,
        kv_bytes_per_head=2.0 * keys * row_bytes,
        n_heads=shapes.batch * shapes.kv_heads,
    )
    before = (*cache_writes(shapes.batch, shapes, library), *_head_copies(shapes, library))
    sequences = LaunchCounts("sequences", "simt", "copy", n_ctas=shapes.batch, residents=token_residents(shapes))
    return Descriptor(
        f"{library.attention} decode",
        "decode",
        (*before, main, merge_launch(outputs, splits, shapes), sequences),
        4.0 * outputs * keys * shapes.head_dim,
        counts={
            "splits": splits,
            "kv_rows": kv_rows,
            "visits": units * kv_tiles,
            "longest": longest,
            "sequences": shapes.batch,
        },
    )


def _one(row: list[int], library: Library, device: GpuDevice) -> tuple[float, ...]:
    batch, q_heads, kv_heads, head_dim, length, window = row
    tile = library.kernels.tile(head_dim)
    group = q_heads // kv_heads
    heads = q_heads if library.decode_splits == "fa2" and group == 1 else kv_heads
    seen = min(length, window + tile.kv_rows - 1) if window else length  # a window starts and ends inside tiles
    kv_tiles = math.ceil(seen / tile.kv_rows)
    m_tiles = math.ceil(group / tile.q_rows)
    splits = splits_of(library, batch, heads, group, m_tiles, kv_tiles, device.n_sms)
    keys = min(length, window) if window else length
    longest = math.ceil(kv_tiles / splits)
    return (
        batch * heads * m_tiles,
        tile.kv_rows,
        kv_tiles if window else max(1.0, keys / tile.kv_rows),
        longest,
        splits,
        tile.q_rows,
        keys,
    )


def _head_copies(shapes: AttentionShapes, library: Library) -> tuple[LaunchCounts, ...]:
    """Copies of queries and outputs that bring a group's heads together: several sequences and several KV heads."""
    if not library.head_copies:
        return ()
    needed = (shapes.batch > 1) & (shapes.kv_heads > 1) & (shapes.group > 1)
    moved = 2.0 * shapes.batch * shapes.q_heads * shapes.head_dim * ELEMENT_BYTES * needed
    return tuple(
        LaunchCounts(f"copy {name}", "simt", "copy", n_ctas=needed.astype(np.int64), copied_bytes=moved)
        for name in ("q", "o")
    )


def merge_launch(outputs: Amount, splits: Amount, shapes: AttentionShapes) -> LaunchCounts:
    """The kernel that merges partial outputs; rows without splits have none."""
    cut = splits > 1
    moved = 2.0 * PARTIAL_BYTES * outputs * splits * (shapes.head_dim + 2.0) * cut
    return LaunchCounts("merge", "simt", "copy", n_ctas=cut.astype(np.int64), copied_bytes=moved)


def cache_writes(tokens: Amount, shapes: AttentionShapes, library: Library) -> tuple[LaunchCounts, ...]:
    """The launch that stores new keys and values: bytes read and written; none where the call does not contain it.

    One CTA stores one token ("tokens"), or copies run beside the launches of the call and cost their bytes ("beside").
    """
    if library.cache_write == "none":
        return ()
    moved = 4.0 * tokens * shapes.kv_heads * shapes.head_dim * ELEMENT_BYTES
    ctas = tokens if library.cache_write == "tokens" else np.zeros_like(tokens)
    store = "store k and v"
    return (LaunchCounts(store, "simt", "copy", n_ctas=ctas, residents=token_residents(shapes), copied_bytes=moved),)


def token_residents(shapes: AttentionShapes) -> Amount:
    """CTAs per SM of a kernel with one CTA per token and one thread per element of a key, up to `WRITE_THREADS`."""
    return SM_THREADS / np.minimum(WRITE_THREADS, shapes.kv_heads * shapes.head_dim)
