"""Descriptors of fused kernels: dense and neighbourhood attention in one pass over the visited KV tiles.

Counts follow the online-softmax kernels of FlashAttention-2 (arXiv 2307.08691), fused neighborhood attention
(arXiv 2403.04690) and GNA (arXiv 2504.16922). Fields of `Visits` may be numbers or arrays over strides; the counts are
arrays then, too.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnscope.mappings.gpu.backends import Kernel, native_instruction
from attnscope.mappings.gpu.descriptor import ALU_OPS_PER_SCORE, Descriptor, IterationCounts, LaunchCounts
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.tiles import TilePair
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.workloads.visibility import TileStatistics, tile_statistics

MMA_ROWS = 16  # query rows of one mma.sync warp tile; each such group reads K and V from shared memory again
TF32_PASSES = 3  # fp32 on tensor cores: three TF32 products (CUTLASS OpMultiplyAddFastF32) ...
SPLIT_OPS = 4  # ... of operands that are split in two TF32 numbers: round, subtract, round, for each element read
SHORT = 64
LIBRARY_PAIRS = {"mma_sync": ("128/64", 2), "wgmma": ("128/128", 1), "tcgen05": ("256/128", 1)}


@dataclass(frozen=True)
class Visits:
    """Tile visits of one head; see `TileStatistics` for the meaning of the fields."""

    n_q_tiles: Any
    n_kv_tiles: Any
    visits_total: Any
    visits_max: Any
    full: Any
    block_sparse: Any
    padded_queries: int
    padded_keys: int

    @classmethod
    def of(cls, tiles: TileStatistics) -> "Visits":
        """Visits of one tiling; counts of several units (heads) are averaged."""
        n = tiles.n_units
        return cls(
            tiles.n_q_tiles / n,
            tiles.n_kv_tiles,
            tiles.visits_total / n,
            tiles.visits_max,
            tiles.full / n,
            tiles.block_sparse,
            tiles.padded_queries,
            tiles.padded_keys,
        )


def fused(problem: MaskedAttention, kernel: Kernel, visits: Visits | None = None) -> Descriptor:
    """Counts of a fused kernel, with the copies around it where it needs them.

    Args:
        problem: mask, heads, head dim.
        kernel: tile pair, instruction, KV tiling ("flat": runs of the flattened sequence) and mask policy.
        visits: tile visits where they are known already.
    """
    visits = visits or visits_of(problem, kernel)
    main = main_launch(problem, kernel, visits)
    copies = copy_launches(problem, visits) if needs_permutation(problem, kernel) else ()
    dense = isinstance(visits.block_sparse, bool) and visits.visits_total == visits.n_q_tiles * visits.n_kv_tiles
    return Descriptor(
        kernel.label,
        "fused-dense" if dense else "fused-neighborhood",
        (*copies, main),
        problem.useful_flops,
        workspace_bytes=sum(x.copied_bytes for x in copies) / 2,
        counts={"visits": visits.visits_total, "partial": visits.visits_total - visits.full},
    )


def visits_of(problem: MaskedAttention, kernel: Kernel) -> Visits:
    """Tile visits of the kernel's tiling under the problem's mask."""
    return Visits.of(tile_statistics(problem.mask, kernel.pair.q_tile, kernel.pair.kv_tile, kernel.kv_tiling))


def main_launch(problem: MaskedAttention, kernel: Kernel, visits: Visits) -> LaunchCounts:
    """The attention kernel itself; dilation groups are extra Q tiles, heads and batch multiply everything."""
    heads, row_bytes = problem.n_heads, problem.head_dim * problem.element_bytes
    q_rows, kv_rows = kernel.pair.q_size, kernel.pair.kv_size
    total = visits.visits_total * heads
    return LaunchCounts(
        name="attention",
        instruction=kernel.instruction,
        dtype="tf32" if problem.dtype == "fp32" else problem.dtype,
        n_ctas=visits.n_q_tiles * heads,
        residents=kernel.residents,
        iterations=total,
        masked_iterations=_masked(kernel, visits) * heads,
        worst_iterations=visits.visits_max,
        iteration=tile_counts(problem, kernel),
        l2_bytes=2.0 * visits.n_q_tiles * heads * q_rows * row_bytes,
        dram_bytes=2.0 * problem.mask.n_queries * heads * row_bytes,
        kv_bytes_per_head=2.0 * problem.mask.n_keys * row_bytes,
        n_heads=heads,
        tiles_per_head=visits.n_q_tiles,
        window_share=np.minimum(1.0, visits.visits_total / visits.n_q_tiles * kv_rows / problem.mask.n_keys),
    )


def _masked(kernel: Kernel, visits: Visits) -> Any:
    """Visits that evaluate the mask: the partial ones, or, decided per launch, all unless no visit is partial."""
    if kernel.mask == "per-tile":
        return visits.visits_total - visits.full
    return np.where(visits.block_sparse, 0, visits.visits_total)


def tile_counts(problem: MaskedAttention, kernel: Kernel) -> IterationCounts:
    """Counts of one visit of one KV tile by one Q tile."""
    scores = kernel.pair.q_size * kernel.pair.kv_size
    row_bytes = problem.head_dim * problem.element_bytes
    split = problem.dtype == "fp32"
    warp_reads = 2.0 * scores / MMA_ROWS * row_bytes if kernel.instruction == "mma_sync" else 0.0
    fixed, per_axis = kernel.mask_ops
    return IterationCounts(
        tensor_flops=4.0 * scores * problem.head_dim * (TF32_PASSES if split else 1),
        exps=scores,
        fp32_ops=ALU_OPS_PER_SCORE * scores + (SPLIT_OPS * warp_reads / problem.element_bytes if split else 0.0),
        mask_ops=(fixed + per_axis * problem.rank) * scores,
        shared_bytes=warp_reads,
        l2_bytes=2.0 * kernel.pair.kv_size * row_bytes + _spilled_output(problem, kernel),
    )


def _spilled_output(problem: MaskedAttention, kernel: Kernel) -> float:
    """CUTLASS 2.x keeps O in registers only up to a head dim of the KV tile; beyond, fp32 goes to memory and back."""
    if kernel.backend != "cutlass-fna" or problem.head_dim <= kernel.pair.kv_size:
        return 0.0
    return 2.0 * 4.0 * kernel.pair.q_size * problem.head_dim


def needs_permutation(problem: MaskedAttention, kernel: Kernel) -> bool:
    """Whether tokens are re-laid out around the kernel; one axis without dilation is in order already."""
    return kernel.permutes and not (problem.rank == 1 and problem.dilation == (1,))


def copy_launches(problem: MaskedAttention, visits: Visits) -> tuple[LaunchCounts, ...]:
    """Padding to whole tiles, and the re-layout of Q, K, V and back of O (GNA, arXiv 2504.16922, section 4)."""
    row = problem.head_dim * problem.element_bytes * problem.n_heads
    queries, keys = problem.mask.n_queries, problem.mask.n_keys
    padded = {"q": (queries, visits.padded_queries), "k": (keys, visits.padded_keys), "v": (keys, visits.padded_keys)}
    pads = [_copy(f"pad {t}", row * (n + to), "copy") for t, (n, to) in padded.items() if to != n]
    moves = [_copy(f"permute {t}", row * 2.0 * to, "permute") for t, (_, to) in padded.items()]
    back = _copy("permute o", row * 2.0 * visits.padded_queries, "permute")
    return (*pads, *moves, back)


def _copy(name: str, copied_bytes: float, how: str) -> LaunchCounts:
    return LaunchCounts(name, "simt", how, n_ctas=math.ceil(copied_bytes / 2**16), copied_bytes=copied_bytes)


def library_kernel(device: GpuDevice, n_queries: int = SHORT + 1) -> Kernel:
    """The tiles of the vendor's dense kernel on `device` (cuDNN, FlashAttention): one axis, partial tiles masked.

    Sequences of up to 64 queries (windows of vision models) run on small mma.sync tiles, several per SM.
    """
    instruction = native_instruction(device) if n_queries > SHORT else "mma_sync"
    text, residents = LIBRARY_PAIRS[instruction] if n_queries > SHORT else ("64/64", 4)
    return Kernel("library", TilePair.parse(text), instruction, mask="per-tile", mask_ops=(1, 1), residents=residents)
