"""Kernel descriptors: what a kernel does, counted. No rate, no time and no fitted number appears here.

A kernel is one or more launches. A launch is a grid of CTAs; each CTA runs through a number of like iterations (tile
visits), some of which also evaluate a mask. The counts of one iteration are `IterationCounts`.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from attnscope.mappings.gpu.backends import Instruction

Amount = Any  # a number, or an array over rows of a table
BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "e4m3": 1, "e5m2": 1}
ALU_OPS_PER_SCORE = (
    5  # scale, running maximum, subtract, running sum, conversion: SASS of FlashAttention-2 style kernels
)


@dataclass(frozen=True)
class IterationCounts:
    """Work of one iteration on one SM.

    Attributes:
        tensor_flops: tensor-core FLOPs, two per multiply-accumulate, masked and padded pairs included.
        exps: exponentials. `fp32_ops`: other floating-point operations (a fused multiply-add is one).
        int_ops: integer operations. `mask_ops`: further integer operations where the iteration is masked.
        shared_bytes: shared-memory and L1 traffic, counted in wavefronts of 128 bytes.
        l2_bytes: bytes between L2 and the SM.
    """

    tensor_flops: Amount = 0.0
    exps: Amount = 0.0
    fp32_ops: Amount = 0.0
    int_ops: Amount = 0.0
    mask_ops: Amount = 0.0
    shared_bytes: Amount = 0.0
    l2_bytes: Amount = 0.0


@dataclass(frozen=True)
class LaunchCounts:
    """One kernel launch.

    Attributes:
        name: role of the launch. `instruction`: what feeds the tensor cores ("simt" where they idle).
        dtype: operand type of the tensor cores.
        n_ctas, residents: CTAs in the grid, and how many share an SM.
        iterations, masked_iterations: iterations of all CTAs together; `worst_iterations` of the longest CTA.
        iteration: counts of one iteration.
        l2_bytes, dram_bytes: bytes outside the iterations (Q in, O out), and unique bytes between DRAM and L2.
        kv_bytes_per_head, n_heads, tiles_per_head, window_share: what decides whether K and V stay in L2.
        pipelined: whether loads of the next iteration overlap with the work of this one.
        copied_bytes: read and written by a launch that only copies bytes (re-layout, storing K and V, merging).
        cold_ctas: CTAs whose first K and V are in no cache, because no other head of their group has read them.
        reductions: whether partial results are summed up at the end, 0 or 1.
    """

    name: str
    instruction: Instruction
    dtype: str
    n_ctas: Amount
    residents: Amount = 1
    iterations: Amount = 0.0
    masked_iterations: Amount = 0.0
    worst_iterations: Amount = 0.0
    iteration: IterationCounts = field(default_factory=IterationCounts)
    l2_bytes: Amount = 0.0
    dram_bytes: Amount = 0.0
    kv_bytes_per_head: Amount = 0.0
    n_heads: Amount = 1
    tiles_per_head: Amount = 1.0
    window_share: Amount = 1.0
    pipelined: bool = True
    copied_bytes: Amount = 0.0
    cold_ctas: Amount = 0.0
    reductions: Amount = 0

    @property
    def worst_masked(self) -> Amount:
        """Masked iterations of the longest CTA, taking the average share."""
        return self.worst_iterations * self.masked_iterations / self.iterations


@dataclass(frozen=True)
class Descriptor:
    """A whole kernel: its launches, the memory it needs beside Q, K, V and O, and the useful FLOPs.

    Attributes:
        family: naive, gemm, fused-dense or fused-neighborhood.
        useful_flops: ``4 head_dim`` per visible pair.
        workspace_bytes: attention weights of unfused kernels, permuted copies of fused ones.
        counts: figures worth reporting (tile visits, padding, ...), by name.
    """

    name: str
    family: str
    launches: tuple[LaunchCounts, ...]
    useful_flops: Amount
    workspace_bytes: float = 0.0
    counts: dict[str, Any] = field(default_factory=dict)

    def total(self, what: str) -> Amount:
        """Sum of an iteration count over all launches, such as ``tensor_flops`` or ``exps``."""
        if what == "mask_ops":
            return sum(x.masked_iterations * x.iteration.mask_ops for x in self.launches)
        return sum(x.iterations * getattr(x.iteration, what) for x in self.launches)

    @property
    def l2_bytes(self) -> Amount:
        """Bytes between L2 and the SMs."""
        return self.total("l2_bytes") + sum(x.l2_bytes for x in self.launches)

    @property
    def dram_bytes(self) -> Amount:
        """Unique bytes between DRAM and L2; what a small L2 reads again comes on top."""
        return sum(x.dram_bytes + x.copied_bytes for x in self.launches)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)
