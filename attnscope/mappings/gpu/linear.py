"""Linear layers and element-wise work around attention, so that end-to-end times can be put together.

Matrix products follow the tiles of library GEMMs; layer norms, residual sums and activations stream through DRAM.
"""

import math

from attnscope.mappings.gpu.backends import Instruction, native_instruction
from attnscope.mappings.gpu.descriptor import BYTES, IterationCounts, LaunchCounts
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.workloads.shape import Gemm

K_SLICE = 64
# Passes over [tokens, width]: two layer norms (read, write), two residual sums (two reads, write), scaled queries
# (read, write); and over [tokens, mlp_ratio x width]: the activation (read, write).
WIDTH_PASSES = 12
MLP_PASSES = 2


def gemm_launch(gemm: Gemm, device: GpuDevice, dtype: str) -> LaunchCounts:
    """Counts of one matrix product in 128 x 128 (or smaller) output tiles, K in slices of 64."""
    instruction: Instruction = native_instruction(device)
    edge = 128 if gemm.rows * gemm.columns >= device.n_sms * 128 * 128 else 64
    n_ctas = math.ceil(gemm.rows / edge) * math.ceil(gemm.columns / edge)
    slices = math.ceil(gemm.inner / K_SLICE)
    element = BYTES[dtype]
    operands = 2 * edge * K_SLICE * element
    work = IterationCounts(
        tensor_flops=2.0 * edge * edge * K_SLICE,
        shared_bytes=operands * edge / 64 if instruction == "mma_sync" else 0.0,
        l2_bytes=operands,
    )
    unique = (gemm.input_words + gemm.output_words) * element
    return LaunchCounts(
        gemm.name,
        instruction,
        "tf32" if dtype == "fp32" else dtype,
        n_ctas,
        residents=2,
        iterations=n_ctas * slices,
        worst_iterations=slices,
        iteration=work,
        l2_bytes=float(gemm.output_words * element),
        dram_bytes=float(unique),
    )


def elementwise_launches(tokens: int, width: int, mlp_ratio: float, dtype: str) -> list[LaunchCounts]:
    """Streaming work of one transformer layer over `tokens` tokens."""
    row = tokens * width * BYTES[dtype]
    sizes = [("normalise, add, scale", row * WIDTH_PASSES / 5.0)] * 5 + [("activation", MLP_PASSES * row * mlp_ratio)]
    return [LaunchCounts(n, "simt", "copy", math.ceil(b / 2**16), copied_bytes=b) for n, b in sizes]
