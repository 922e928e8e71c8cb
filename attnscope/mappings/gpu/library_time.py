"""Time of library calls: counts over rates, combined by `pipes`; whole tables at once.

The device file gives the rates; `LibraryConstants` the shares of them that library kernels reach, and the few times
that counts do not give. Every launch returns its total, the busy time of each pipe, and the total as a sum of parts.
"""

from typing import Any

import numpy as np

from attnscope.mappings.gpu import pipes
from attnscope.mappings.gpu.constants import constants_for
from attnscope.mappings.gpu.descriptor import Amount, Descriptor, LaunchCounts
from attnscope.mappings.gpu.fit_constants import LibraryConstants
from attnscope.mappings.gpu.latency import BURST_S, PARTS, KernelTime, LaunchTime, pipe_times
from attnscope.mappings.gpu.library_decode import decode
from attnscope.mappings.gpu.library_gemm import gemm
from attnscope.mappings.gpu.library_prefill import prefill
from attnscope.mappings.gpu.library_resources import Library
from attnscope.mappings.gpu.library_shapes import AttentionShapes, Family, GemmShapes
from attnscope.simulator.gpu_device import GpuDevice

REFERENCE_TILE_BYTES = 65536.0
REFERENCE_RESIDENTS = 4.0  # CTAs of 512 threads on an SM
PIPES = ("tensor", "exp", "alu", "shared", "l2", "dram")


def describe(family: Family, shapes: AttentionShapes | GemmShapes, library: Library, device: GpuDevice) -> Descriptor:
    """Counts of the family's calls."""
    if isinstance(shapes, GemmShapes):
        return gemm(shapes, device)
    return prefill(shapes, library, device) if family == "prefill" else decode(shapes, library, device)


def library_time(counts: Descriptor, device: GpuDevice, fitted: LibraryConstants) -> KernelTime:
    """Time of all launches of a call, the launch itself in the main one; arrays over the rows.

    Matrix products keep their candidates apart: arrays [n_candidates, n_rows], see `fastest`.
    """
    return KernelTime(tuple(_launch_time(x, counts.family, device, fitted) for x in counts.launches))


def latency_s(counts: Descriptor, device: GpuDevice, fitted: LibraryConstants) -> Amount:
    """Time of each row [s]; of matrix products with their fastest legal candidate."""
    total = library_time(counts, device, fitted).total_s
    return np.where(counts.counts["legal"], total, np.inf).min(axis=0) if counts.family == "gemm" else total


def fastest(counts: Descriptor, device: GpuDevice, fitted: LibraryConstants) -> Amount:
    """Index of the fastest legal candidate of each matrix product [n_rows]."""
    total = library_time(counts, device, fitted).total_s
    return np.where(counts.counts["legal"], total, np.inf).argmin(axis=0)


def dram_rate(device: GpuDevice, fitted: LibraryConstants) -> float:
    """DRAM bandwidth that library kernels get [bytes/s]."""
    return device.dram.bandwidth_bytes_per_s * fitted.device.dram_fraction


def warm_fraction(kv_bytes: Amount, l2_bytes: float) -> Amount:
    """Share of K and V that a repeated call finds in L2: all up to half of L2, none beyond it."""
    return np.clip(2.0 - 2.0 * kv_bytes / l2_bytes, 0.0, 1.0)


def _launch_time(launch: LaunchCounts, family: str, device: GpuDevice, fitted: LibraryConstants) -> LaunchTime:
    if launch.name == "gemm":
        return _gemm(launch, device, fitted)
    if launch.name == "attention":
        return _prefill(launch, device, fitted) if family == "prefill" else _decode(launch, device, fitted)
    return _small(launch, device, fitted)


def _small(launch: LaunchCounts, device: GpuDevice, fitted: LibraryConstants) -> LaunchTime:
    """A launch that only moves bytes: its start, then DRAM speed; one CTA per token where K and V are stored."""
    dram_s = launch.copied_bytes / dram_rate(device, fitted)
    start_s, ctas_s = fitted.device.merge_s * np.minimum(1, launch.n_ctas), 0.0
    if launch.name == "store k and v":
        ctas_s = launch.n_ctas / (device.n_sms * launch.residents) * fitted.device.write_cta_s
        dram_s = dram_s * fitted.device.write_factor
    elif launch.name == "sequences":
        start_s, ctas_s = 0.0, launch.n_ctas * REFERENCE_RESIDENTS / launch.residents * fitted.decode.sequence_s
    copies_s = pipes.kernel_time(ctas_s, 0.0, dram_s, 0.0)
    parts: dict[str, Any] = dict.fromkeys(PARTS, 0.0) | {"copies": copies_s, "launch": start_s}
    busy: dict[str, Any] = dict.fromkeys(PIPES, 0.0) | {"dram": dram_s}
    return LaunchTime(launch.name, start_s + copies_s, busy, parts, 0.0, launch.copied_bytes)


def _prefill(launch: LaunchCounts, device: GpuDevice, fitted: LibraryConstants) -> LaunchTime:
    pipe = attention_pipes(launch, device, fitted)
    exponent = constants_for(device).overlap_exponent
    visit_s = pipes.overlapped(exponent, pipe["tensor"], pipe["exp"], pipe["alu"], pipe["shared"])
    rest = fitted.prefill
    fixed_s = launch.n_ctas * rest.cta_s + launch.cold_ctas * rest.cold_s
    l2_bytes = launch.iterations * launch.iteration.l2_bytes + launch.l2_bytes
    l2_s = l2_bytes / (device.l2.bandwidth_bytes_per_s * fitted.device.l2_fraction)
    dram_s = launch.dram_bytes / dram_rate(device, fitted)
    return _main(launch, device, fitted, (visit_s, fixed_s, rest.tail), (pipe, l2_s, dram_s), fitted.device.launch_s)


def _decode(launch: LaunchCounts, device: GpuDevice, fitted: LibraryConstants) -> LaunchTime:
    visit_s = fitted.decode.tile_s * launch.iteration.l2_bytes / REFERENCE_TILE_BYTES
    fixed_s = launch.n_ctas * fitted.decode.cta_s
    kv_bytes = launch.kv_bytes_per_head * launch.n_heads
    missed = kv_bytes * (1.0 - warm_fraction(kv_bytes, device.l2.capacity_bytes))
    l2_s = (kv_bytes + launch.l2_bytes) / (device.l2.bandwidth_bytes_per_s * fitted.device.warm_l2_fraction)
    dram_s = (missed + launch.dram_bytes) / dram_rate(device, fitted)
    pipe = attention_pipes(launch, device, fitted)
    return _main(launch, device, fitted, (visit_s, fixed_s, 1.0), (pipe, l2_s, dram_s), fitted.device.launch_s)


def _gemm(launch: LaunchCounts, device: GpuDevice, fitted: LibraryConstants) -> LaunchTime:
    """A tile's loads share the L2 bandwidth with those of all SMs; a split inner dimension is reduced at the end."""
    pipe = pipe_times(launch.iteration, launch, device, constants_for(device), "burst")
    tensor_s = pipe["tensor"] / fitted.device.gemm_tensor_fraction
    l2_rate = device.l2.bandwidth_bytes_per_s * fitted.device.l2_fraction
    load_s = fitted.gemm.load_factor * launch.iteration.l2_bytes * device.n_sms / l2_rate
    visit_s = pipes.kernel_time(tensor_s, load_s, 0.0, 0.0)
    fixed_s = launch.n_ctas * fitted.gemm.cta_s
    dram_s = launch.dram_bytes / dram_rate(device, fitted)
    l2_s = launch.iterations * load_s / device.n_sms
    start_s = fitted.device.gemm_launch_s + fitted.gemm.split_s * launch.reductions
    return _main(launch, device, fitted, (visit_s, fixed_s, 1.0), (pipe | {"tensor": tensor_s}, l2_s, dram_s), start_s)


def attention_pipes(launch: LaunchCounts, device: GpuDevice, fitted: LibraryConstants) -> dict[str, Any]:
    """Time of one iteration on each pipe of an SM [s]."""
    pipe = pipe_times(launch.iteration, launch, device, constants_for(device), "burst")
    share = {"tensor": 1.0 / fitted.device.tensor_fraction, "exp": fitted.device.softmax_factor}
    share |= {"alu": fitted.device.softmax_factor, "shared": 1.0}
    return {name: pipe[name] * factor for name, factor in share.items()}


def _main(
    launch: LaunchCounts,
    device: GpuDevice,
    fitted: LibraryConstants,
    sm: tuple[Amount, Amount, float],
    outside: tuple[dict[str, Any], Amount, Amount],
    start_s: Amount,
) -> LaunchTime:
    """SMs by waves and tail, beside L2 and DRAM; long runs lose clock to the power limit."""
    visit_s, fixed_s, tail = sm
    pipe, l2_s, dram_s = outside
    tiles_s = launch.iterations * visit_s
    worst_s = launch.worst_iterations * visit_s + fixed_s / launch.n_ctas
    even_s = (tiles_s + fixed_s) / device.n_sms
    sm_s = pipes.makespan(launch.n_ctas, device.n_sms, launch.residents, even_s * device.n_sms, worst_s, tail)
    burst_s = pipes.kernel_time(sm_s, 0.0 if launch.name == "gemm" else l2_s, dram_s, 0.0)
    run_s = throttled(burst_s, fitted.device.sustained_fraction)
    parts = {"tiles": tiles_s / device.n_sms, "mask": 0.0, "fixed": fixed_s / device.n_sms, "tail": sm_s - even_s}
    parts |= {"memory": run_s - sm_s, "copies": 0.0, "launch": start_s}
    busy = {name: launch.iterations * pipe[name] / device.n_sms for name in PIPES if name in pipe}
    waves = launch.n_ctas / (device.n_sms * launch.residents)
    busy |= {"l2": l2_s, "dram": dram_s}
    return LaunchTime(launch.name, start_s + run_s, busy, parts, waves, dram_s * dram_rate(device, fitted))


def throttled(burst_s: Amount, sustained_fraction: float) -> Amount:
    """Time under the power limit, which binds gradually once a call lasts about `BURST_S`."""
    return burst_s * (1.0 + (1.0 / sustained_fraction - 1.0) * burst_s / (burst_s + BURST_S))
