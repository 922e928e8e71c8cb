"""Descriptors of unfused neighbourhood attention: naive and GEMM-based kernels, which write the attention weights out.

Three launches each: scores, softmax, weighted sum. Structure after the first NATTEN kernels (arXiv 2204.07143) and the
GEMM-based ones (arXiv 2403.04690, section 3). A load or store moves whole sectors of 32 bytes, four per clock and SM,
however few bytes of each a warp uses; that makes one-thread-per-score kernels slow and scattered weights of two bytes
no cheaper than those of four.
"""

import math
from dataclasses import dataclass

from attnscope.errors import IllegalMappingError
from attnscope.mappings.gpu.backends import Instruction
from attnscope.mappings.gpu.descriptor import ALU_OPS_PER_SCORE, Descriptor, IterationCounts, LaunchCounts
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.tiles import format_axes
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.workloads.visibility import Gna

SECTOR_BYTES = 32  # least that a load or store moves
WORD_BYTES = 4  # what a thread loads at a time: one fp32 or two fp16 channels
WARP = 32
CTA_THREADS = 256
GEMM_TILE = 64
FRAGMENT_ROWS = 8  # rows, hence sectors, that one store of an mma fragment touches
SHARED_TILE_WINDOWS = {3: 7, 5: 4, 7: 3, 9: 3, 11: 2, 13: 2}  # 2-D kernels for head dim 32: window -> Q tile edge


@dataclass(frozen=True)
class _Sizes:
    """What all launches share: slots are attention weights per query, pairs all weights of all heads."""

    mask: Gna
    queries: int
    slots: int
    pairs: float
    head_dim: int
    element: int
    spill: float

    @property
    def row(self) -> int:
        return self.head_dim * self.element

    @property
    def words(self) -> float:
        """Loads per row and thread: half-precision kernels take two channels at once."""
        return self.head_dim / (2 if self.element == 2 else 1)

    @property
    def weights_bytes(self) -> float:
        return self.pairs * self.element

    @property
    def tokens_bytes(self) -> float:
        return float(self.queries * self.row)


def _sizes(problem: MaskedAttention, device: GpuDevice) -> _Sizes:
    if not isinstance(problem.mask, Gna):
        raise IllegalMappingError("naive and GEMM kernels exist for neighbourhood attention only; use a fused kernel.")
    if problem.element_bytes == 1:
        raise IllegalMappingError(f"no unfused kernel takes {problem.dtype}. Legal data types: fp16, bf16, fp32.")
    mask, slots = problem.mask, math.prod(problem.mask.window)
    queries = mask.n_queries * problem.n_heads
    weights = float(queries * slots)
    in_l2 = weights * problem.element_bytes <= 0.75 * device.l2.capacity_bytes
    return _Sizes(mask, queries, slots, weights, problem.head_dim, problem.element_bytes, 0.0 if in_l2 else 1.0)


def naive(problem: MaskedAttention, device: GpuDevice) -> Descriptor:
    """One thread per attention weight, then one per output element.

    Raises:
        IllegalMappingError: the mask is no neighbourhood, or the data type has no kernel.
    """
    s = _sizes(problem, device)
    launches = (_naive_scores(s), _softmax(s), _naive_sum(s))
    return _unfused(problem, s, "naive", launches)


def _naive_scores(s: _Sizes) -> LaunchCounts:
    edge = SHARED_TILE_WINDOWS.get(s.mask.window[0]) if _has_shared_tile(s) else None
    keys: float
    queries = float(edge**2) if edge else max(1.0, CTA_THREADS / s.slots)
    if edge:
        keys, reads = (edge + s.mask.window[0] - 1) ** 2, 2.0 * WORD_BYTES
        pairs = float(queries * s.slots)
    else:
        pairs = float(CTA_THREADS)
        keys = min(s.slots, CTA_THREADS) + (queries - 1) * s.slots / s.mask.window[-1]
        reads = SECTOR_BYTES + WORD_BYTES
    work = IterationCounts(
        fp32_ops=pairs * s.words,
        int_ops=2.0 * pairs * s.words,
        shared_bytes=pairs * s.words * reads,
        l2_bytes=(keys + queries) * s.row + pairs * s.element,
    )
    dram = 2.0 * s.tokens_bytes + s.weights_bytes * s.spill
    return _grid("scores", s.pairs / pairs, work, dram)


def _has_shared_tile(s: _Sizes) -> bool:
    """Special kernels: two axes, head dim 32, small odd square windows."""
    window = s.mask.window
    return len(window) == 2 and len(set(window)) == 1 and window[0] in SHARED_TILE_WINDOWS and s.head_dim == 32


def _naive_sum(s: _Sizes) -> LaunchCounts:
    threads_per_row = s.words
    queries = max(1.0, CTA_THREADS / threads_per_row)
    pairs = CTA_THREADS * s.slots / threads_per_row
    keys = s.slots + (queries - 1) * s.slots / s.mask.window[-1]
    work = IterationCounts(
        fp32_ops=pairs * s.words,
        int_ops=2.0 * pairs * s.words,
        shared_bytes=pairs * s.words * 2.0 * WORD_BYTES,
        l2_bytes=(keys + queries) * s.row + pairs * s.element,
    )
    dram = 2.0 * s.tokens_bytes + s.weights_bytes * s.spill
    return _grid("weighted sum", s.pairs / pairs, work, dram)


def _softmax(s: _Sizes) -> LaunchCounts:
    """One warp per row of weights, read and written once."""
    rows = CTA_THREADS / WARP
    scores = rows * s.slots
    work = IterationCounts(
        exps=scores,
        fp32_ops=ALU_OPS_PER_SCORE * scores,
        shared_bytes=2.0 * scores * s.element,
        l2_bytes=2.0 * scores * s.element,
    )
    return _grid("softmax", s.queries / rows, work, 2.0 * s.weights_bytes * s.spill)


def gemm(problem: MaskedAttention, device: GpuDevice) -> Descriptor:
    """Tiles of queries against tiles of keys with their halo, as matrix products; weights scattered, then gathered.

    Raises:
        IllegalMappingError: three axes (no such kernels exist), no neighbourhood, or no kernel for the data type.
    """
    s = _sizes(problem, device)
    if problem.rank > 2:
        raise IllegalMappingError(
            f"GEMM kernels exist for 1 and 2 axes, not for {problem.rank} ({format_axes(problem.mask.layout)}). "
            "Use naive or a fused kernel."
        )
    scores = _gemm_product(problem, s, "scores", pipelined=True)
    # Weights of two bytes are below the four that asynchronous copies need, so their gather is not pipelined.
    total = _gemm_product(problem, s, "weighted sum", pipelined=s.element >= 4)
    return _unfused(problem, s, "gemm", (scores, _softmax(s), total))


def _gemm_product(problem: MaskedAttention, s: _Sizes, name: str, *, pipelined: bool) -> LaunchCounts:
    edges, n_tiles = _q_tiles(s.mask)
    halo = math.prod(e + w - 1 for e, w in zip(edges, s.mask.window, strict=True))
    blocks = math.ceil(halo / GEMM_TILE)
    n_ctas = n_tiles * problem.n_heads
    weights = s.pairs / (n_ctas * blocks)  # useful weights per block
    block = GEMM_TILE * GEMM_TILE
    work = IterationCounts(
        tensor_flops=2.0 * block * s.head_dim,
        int_ops=4.0 * block,
        shared_bytes=4.0 * GEMM_TILE * s.row + weights * SECTOR_BYTES * FRAGMENT_ROWS / WARP,
        l2_bytes=GEMM_TILE * s.row + weights * SECTOR_BYTES * FRAGMENT_ROWS / WARP,
    )
    dtype = "tf32" if problem.dtype == "fp32" else problem.dtype
    dram = 2.0 * s.tokens_bytes + s.weights_bytes * s.spill
    return _grid(name, n_ctas, work, dram, per_cta=blocks, instruction="mma_sync", dtype=dtype, pipelined=pipelined)


def _q_tiles(mask: Gna) -> tuple[tuple[int, ...], int]:
    """Q tile edges and tiles per head, all dilation groups: 64 in a row, or a square that shrinks with the window."""
    rank = len(mask.layout)
    edges = tuple(GEMM_TILE if rank == 1 else max(4, 8 - w // 2) for w in mask.window)
    shapes = zip(mask.layout, mask.dilation, edges, strict=True)
    return edges, math.prod(sum(-(-len(range(g, n, d)) // e) for g in range(d)) for n, d, e in shapes)


def _grid(
    name: str,
    n_ctas: float,
    work: IterationCounts,
    dram_bytes: float,
    *,
    per_cta: int = 1,
    instruction: Instruction = "simt",
    dtype: str = "fp32",
    pipelined: bool = True,
) -> LaunchCounts:
    count = math.ceil(n_ctas)
    return LaunchCounts(
        name,
        instruction,
        dtype,
        count,
        residents=8 if instruction == "simt" else 4,
        iterations=n_ctas * per_cta,
        worst_iterations=per_cta,
        iteration=work,
        dram_bytes=dram_bytes,
        pipelined=pipelined,
    )


def _unfused(problem: MaskedAttention, s: _Sizes, family: str, launches: tuple[LaunchCounts, ...]) -> Descriptor:
    computed = sum(x.iterations * x.iteration.tensor_flops for x in launches) / (4.0 * s.head_dim)
    counts = {"weights": s.pairs, "computed_pairs": computed or s.pairs}
    return Descriptor(family, family, launches, problem.useful_flops, workspace_bytes=s.weights_bytes, counts=counts)
