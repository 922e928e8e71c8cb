"""From a timed descriptor to an `Estimate`: busy pipes, traffic, energy, limiter and a sentence."""

from typing import Any

from attnscope.mappings.gpu.constants import constants_for
from attnscope.mappings.gpu.descriptor import Descriptor
from attnscope.mappings.gpu.latency import KernelTime
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.simulator.estimate import Estimate, Traffic
from attnscope.simulator.gpu_device import GpuDevice, PowerState

EXP_SLOTS = 4  # an exponential occupies its unit about as long as four other operations
_WORDS = {
    "tensor": "the tensor cores",
    "exp": "the exponential units",
    "alu": "the ALUs, with the mask",
    "shared": "shared memory",
    "l2": "L2 bandwidth",
    "dram": "DRAM bandwidth",
    "copies": "copies around the kernel",
    "tail": "idle SMs in the last wave",
    "launch": "kernel launches",
}


def to_estimate(
    problem: MaskedAttention, descriptor: Descriptor, time: KernelTime, device: GpuDevice, state: PowerState
) -> Estimate:
    """The `Estimate` of one attention layer."""
    latency, parts = float(time.total_s), {n: float(v) for n, v in time.parts_s().items()}
    busy = time.busy_s()
    what = limiter(busy, parts)
    main = time.launches[-1]
    return Estimate(
        workload=_label(problem),
        mapping=descriptor.name,
        device=device.name,
        latency_s=latency,
        limiter=what,
        because=f"limited by {_WORDS[what]}: {_time_of(what, busy, parts) / latency:.0%} of the time",
        busy_s=busy,
        utilization={n: min(1.0, s / latency) for n, s in busy.items()},
        energy_parts_j=energy_parts_j(descriptor, time, device),
        traffic=_traffic(descriptor, time),
        occupancy_bytes={"dram": _resident_bytes(problem, descriptor)},
        choices={
            "launches": [x.name for x in time.launches],
            "waves": float(main.waves),
            "parts_s": parts,
            "useful_flops": descriptor.useful_flops,
            "useful_flops_per_s": descriptor.useful_flops / latency,
            **{n: float(v) for n, v in descriptor.counts.items()},
        },
        warnings=_warnings(problem, descriptor, device),
        inputs={**problem.to_dict(), "kernel": descriptor.name, "device": device.name, "state": state}
        | {"constants": constants_for(device).origin},
    )


def limiter(busy: dict[str, float], parts: dict[str, float]) -> str:
    """What takes most time: a pipe (the ALU with the mask), copies, idle SMs or launches."""
    merged = {n: s for n, s in busy.items() if n != "mask"}
    merged["alu"] += busy["mask"]
    merged |= {n: parts[n] for n in ("copies", "tail", "launch")}
    return max(merged, key=lambda n: merged[n])


def _time_of(what: str, busy: dict[str, float], parts: dict[str, float]) -> float:
    return parts[what] if what in parts else busy[what] + (busy["mask"] if what == "alu" else 0.0)


def energy_parts_j(descriptor: Descriptor, time: KernelTime, device: GpuDevice) -> dict[str, float]:
    """Energy by cause [J]: counts times the device's planning figures, and idle power over the latency."""
    power, pico = device.power, 1e-12
    operations = sum(descriptor.total(n) for n in ("fp32_ops", "int_ops", "mask_ops"))
    return {
        "static": power.idle_w * float(time.total_s),
        "tensor": power.tensor_pj_per_flop * float(descriptor.total("tensor_flops")) * pico,
        "alu": power.alu_pj_per_op * float(operations) * pico,
        "exp": power.alu_pj_per_op * EXP_SLOTS * float(descriptor.total("exps")) * pico,
        "l2": power.l2_pj_per_byte * float(descriptor.l2_bytes) * pico,
        "dram": power.dram_pj_per_byte * sum(float(x.dram_bytes) for x in time.launches) * pico,
    }


def _traffic(descriptor: Descriptor, time: KernelTime) -> tuple[Traffic, ...]:
    """Bytes per launch; half of a copy's DRAM bytes are writes, of a kernel's the outputs."""
    rows = []
    for counts, timed in zip(descriptor.launches, time.launches, strict=True):
        dram, l2 = float(timed.dram_bytes), float(counts.iterations * counts.iteration.l2_bytes + counts.l2_bytes)
        written = counts.copied_bytes / 2 if counts.copied_bytes else float(counts.dram_bytes) / 2
        rows.append(Traffic("dram", counts.name, dram - written, written))
        if l2:
            rows.append(Traffic("l2", counts.name, l2 - float(counts.l2_bytes) / 2, float(counts.l2_bytes) / 2))
    return tuple(rows)


def _resident_bytes(problem: MaskedAttention, descriptor: Descriptor) -> float:
    tokens = 2.0 * (problem.mask.n_queries + problem.mask.n_keys)
    return tokens * problem.n_heads * problem.head_dim * problem.element_bytes + descriptor.workspace_bytes


def _warnings(problem: MaskedAttention, descriptor: Descriptor, device: GpuDevice) -> tuple[str, ...]:
    needed = _resident_bytes(problem, descriptor)
    if needed <= device.dram.capacity_bytes:
        return ()
    return (f"{needed / 2**30:.4g} GiB are needed; {device.name} has {device.dram.capacity_bytes / 2**30:.4g} GiB.",)


def _label(problem: MaskedAttention) -> str:
    shape: dict[str, Any] = problem.to_dict()
    window = f" window {shape['window']} stride {shape['stride']}" if "window" in shape else ""
    return f"{shape['layout']}{window} B{problem.batch} H{problem.heads} D{problem.head_dim} {problem.dtype}"
