"""Counts of library prefill attention: causal, with or without a window, grouped heads; whole tables at once."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from attnscope.mappings.gpu.descriptor import ALU_OPS_PER_SCORE, Descriptor, IterationCounts, LaunchCounts
from attnscope.mappings.gpu.fused import MMA_ROWS
from attnscope.mappings.gpu.library_decode import cache_writes, dynamic_splits, merge_launch
from attnscope.mappings.gpu.library_resources import AttentionKernels, Library
from attnscope.mappings.gpu.library_shapes import ELEMENT_BYTES, AttentionShapes
from attnscope.simulator.gpu_device import GpuDevice


@dataclass(frozen=True)
class HeadVisits:
    """KV tiles visited by the Q tiles of one KV head (of one query head where heads are not packed)."""

    n_tiles: int
    total: int
    longest: int
    pieces: int
    longest_piece: int


@cache
def head_visits(length: int, group: int, q_rows: int, kv_rows: int, window: int, splits: int) -> HeadVisits:
    """Visits of a causal mask over `length` tokens, `group` query heads packed into the rows of a tile.

    A tile of `q_rows` rows holds ``q_rows / group`` positions; it visits the KV tiles from the first key that its first
    row sees to the key of its last row. Each tile's visits are cut into `splits` pieces.
    """
    first_row = np.arange(math.ceil(length * group / q_rows)) * q_rows
    first = first_row // group
    last = np.minimum((first_row + q_rows - 1) // group, length - 1)
    low = np.maximum(0, first - (window - 1)) // kv_rows if window else np.zeros_like(first)
    visits = last // kv_rows + 1 - low
    return HeadVisits(
        len(visits),
        int(visits.sum()),
        int(visits.max()),
        int(np.minimum(splits, visits).sum()),
        math.ceil(int(visits.max()) / splits),
    )


def prefill(shapes: AttentionShapes, library: Library, device: GpuDevice) -> Descriptor:
    """Counts of one library call: storing K and V, attention, merging of split tiles; arrays over the rows."""
    kernels = library.kernels
    group = shapes.group if kernels.packs_heads else np.ones_like(shapes.group)
    units = shapes.batch * (shapes.kv_heads if kernels.packs_heads else shapes.q_heads)
    columns = (units, group, shapes.head_dim, shapes.length, shapes.window)
    rows = [_one(row, library, device) for row in np.stack(columns, 1).tolist()]
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    q_rows, kv_rows, total, pieces, longest, splits, _, _ = table.T
    main = _attention(shapes, kernels, table)
    outputs = shapes.batch * shapes.length * shapes.q_heads
    return Descriptor(
        f"{library.attention} prefill",
        "prefill",
        (*cache_writes(shapes.batch * shapes.length, shapes, library), main, merge_launch(outputs, splits, shapes)),
        4.0 * shapes.head_dim * shapes.batch * shapes.q_heads * visible_pairs(shapes),
        counts={
            "splits": splits,
            "q_rows": q_rows,
            "kv_rows": kv_rows,
            "visits": total,
            "longest": longest,
            "ctas": pieces,
        },
    )


def visible_pairs(shapes: AttentionShapes) -> npt.NDArray[np.float64]:
    """(query, key) pairs of one head under the causal mask and the window."""
    n = shapes.length.astype(np.float64)
    seen = np.where(shapes.window > 0, np.minimum(shapes.window, n), n)
    return seen * (seen + 1.0) / 2.0 + (n - seen) * seen


def _one(row: list[int], library: Library, device: GpuDevice) -> tuple[float, ...]:
    units, group, head_dim, length, window = row
    tile = library.kernels.tile(head_dim)
    splits = 1
    if library.prefill_splits == "dynamic":
        m_tiles = math.ceil(length * group / tile.q_rows)
        loaded = min(length, window + tile.q_rows) if window else length
        splits = dynamic_splits(units, m_tiles, math.ceil(loaded / tile.kv_rows), device.n_sms, library.most_splits)
    head = head_visits(length, group, tile.q_rows, tile.kv_rows, window, splits)
    pieces, total = units * head.pieces, units * head.total
    return (tile.q_rows, tile.kv_rows, total, pieces, head.longest_piece, splits, units * head.n_tiles, head_dim)


def _attention(shapes: AttentionShapes, kernels: AttentionKernels, table: Any) -> LaunchCounts:
    q_rows, kv_rows, total, pieces, longest, _, q_tiles, head_dim = table.T
    row_bytes = head_dim * ELEMENT_BYTES
    scores = q_rows * kv_rows
    operands = 2.0 * shapes.batch * shapes.length * (shapes.q_heads + shapes.kv_heads) * row_bytes
    return LaunchCounts(
        name="attention",
        instruction=kernels.instruction,
        dtype="bf16",
        n_ctas=pieces,
        residents=kernels.residents,
        iterations=total,
        worst_iterations=longest,
        iteration=IterationCounts(
            tensor_flops=4.0 * scores * head_dim,
            exps=scores,
            fp32_ops=ALU_OPS_PER_SCORE * scores,
            shared_bytes=2.0 * scores / MMA_ROWS * row_bytes if kernels.instruction == "mma_sync" else 0.0,
            l2_bytes=2.0 * kv_rows * row_bytes,
        ),
        l2_bytes=2.0 * q_tiles * q_rows * row_bytes,
        dram_bytes=operands,
        cold_ctas=pieces / shapes.group,
    )
