"""Linear layers on a spatial array: matrix products, output stationary, one after another."""

from collections.abc import Iterable

from attnscope.mappings.spatial.choose import blocks_of
from attnscope.mappings.spatial.counts import array_cycles, first_read_elided, pj
from attnscope.mappings.spatial.energy import Accounting
from attnscope.simulator.estimate import Estimate, Traffic
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import Gemm


def evaluate_gemm(gemm: Gemm, device: SpatialDevice, accounting: Accounting = "corrected") -> Estimate:
    """Return what one matrix product costs: the slower of the 2D array and DRAM (FuseMax, MICRO 2024, section VI)."""
    array, hz = device.array_2d, device.clock.frequency_hz
    cycles = array_cycles(
        1, (gemm.rows, gemm.columns, gemm.inner), (array.rows, array.columns, 1), array.units["mac"].cycles
    )
    traffic = _traffic(gemm, device)
    dram_bytes = sum(t.bytes for t in traffic if t.level == "dram")
    busy_s = {"array_2d": cycles / hz, "array_1d": 0.0, "dram": dram_bytes / device.dram.bandwidth_bytes_per_s}
    limiter = max(busy_s, key=lambda name: busy_s[name])
    latency_s = busy_s[limiter]
    return Estimate(
        workload=gemm.name,
        mapping="output-stationary",
        device=device.name,
        latency_s=latency_s,
        limiter=limiter,
        because=f"{gemm.name}: {limiter} is the slower of the 2D array and DRAM.",
        busy_s=busy_s,
        utilization={
            "array_2d": gemm.macs * array.units["mac"].cycles / array.pes / hz / latency_s,
            "array_1d": 0.0,
            "dram": busy_s["dram"] / latency_s,
        },
        energy_parts_j=_energy(gemm, device, traffic, accounting),
        traffic=traffic,
        accounting=accounting,
        inputs={"gemm": gemm, "device": device, "accounting": accounting},
    )


def _traffic(gemm: Gemm, device: SpatialDevice) -> tuple[Traffic, ...]:
    """DRAM: one operand stays in the buffer in blocks, the other is fetched once per block; the cheaper choice."""
    array, w = device.array_2d, gemm.bytes_per_element
    capacity = device.buffer.capacity_bytes
    inputs, weights = gemm.rows * gemm.inner, gemm.inner * gemm.columns
    again_weights = blocks_of(gemm.rows, gemm.inner, array.columns * gemm.inner, capacity, w)
    again_inputs = blocks_of(gemm.columns, gemm.inner, array.rows * gemm.inner, capacity, w)
    keep_inputs = inputs + weights * again_weights <= inputs * again_inputs + weights
    fetched = (inputs, weights * again_weights) if keep_inputs else (inputs * again_inputs, weights)
    return (
        Traffic("dram", "activations", fetched[0] * w, 0),
        Traffic("dram", "weights", fetched[1] * w, 0),
        Traffic("dram", "results", 0, gemm.output_words * w),
        Traffic("buffer", "activations", gemm.macs / array.columns * w, fetched[0] * w),
        Traffic("buffer", "weights", gemm.macs / array.rows * w, fetched[1] * w),
    )


def _energy(gemm: Gemm, device: SpatialDevice, traffic: Iterable[Traffic], accounting: Accounting) -> dict[str, float]:
    buffer, registers = device.buffer, device.array_2d.registers
    parts = {"dram": 0.0, "buffer": 0.0}
    for t in traffic:
        if t.level == "dram":
            parts["dram"] += pj(8 * t.bytes, device.dram.energy_pj_per_bit)
        else:
            parts["buffer"] += pj(8 * t.read_bytes / buffer.row_bits, buffer.read_energy_pj_per_row)
            parts["buffer"] += pj(8 * t.write_bytes / buffer.row_bits, buffer.write_energy_pj_per_row)
    parts["array_2d.mac"] = pj(gemm.macs, device.array_2d.units["mac"].energy_pj)
    reads = gemm.macs * (2 + first_read_elided(gemm.inner))
    shared = device.array_2d.pes if accounting == "published" else 1
    joules = pj(reads, registers.read_energy_pj_per_word) + pj(3 * gemm.macs, registers.write_energy_pj_per_word)
    parts["array_2d.registers"] = joules / shared
    return parts
