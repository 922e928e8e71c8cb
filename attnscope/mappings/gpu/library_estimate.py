"""One call of a library kernel as an `Estimate`: time per pipe, waves, limiter, prediction interval, energy."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.descriptor import Descriptor
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fit_constants import LibraryConstants, Spread, library_constants
from attnscope.mappings.gpu.latency import KernelTime
from attnscope.mappings.gpu.library_resources import find_library, kernel_file
from attnscope.mappings.gpu.library_shapes import AttentionShapes, Family, GemmShapes, check
from attnscope.mappings.gpu.library_time import describe, fastest, library_time
from attnscope.mappings.gpu.report import energy_parts_j
from attnscope.simulator.estimate import Estimate, Traffic
from attnscope.simulator.gpu_device import GpuDevice

Phase = Literal["prefill", "decode"]
PHASES: tuple[Phase, ...] = ("prefill", "decode")
NEWEST = "vllm0.19.0"
WARP, ISSUES_PER_CLOCK = 32, 4  # threads of a warp; instructions that an SM issues per clock
MMA_FLOPS, LDMATRIX_BYTES = 4096, 512  # of one warp-level instruction
_WORDS = {
    "tensor": "the tensor cores",
    "exp": "the exponential units",
    "alu": "the ALUs",
    "shared": "shared memory",
    "l2": "L2 bandwidth",
    "dram": "DRAM bandwidth",
    "issue": "instruction issue",
    "copies": "storing K and V, copies and merging",
    "fixed": "the fixed time of each CTA",
    "tail": "idle SMs at the end",
    "launch": "kernel launches",
}
D = TypeVar("D")


def predict_attention(
    device: str | GpuDevice,
    *,
    phase: Phase,
    batch: int,
    q_heads: int,
    head_dim: int,
    length: int,
    kv_heads: int | None = None,
    window: int = 0,
    library: str | None = None,
) -> Estimate:
    """One call of a serving library's attention, fp16 or bf16, on a GPU.

    Args:
        device: a GPU.
        phase: "prefill" (causal, queries and keys alike) or "decode" (one query per sequence, paged keys).
        batch: sequences, all of `length` tokens.
        q_heads: query heads.
        head_dim: width of a head.
        length: tokens of a prompt, or keys in decode.
        kv_heads: heads of keys and values; as many as query heads where left out.
        window: keys that a query sees, itself included; 0 for all.
        library: name and version such as "vllm0.19.0"; by default that of the tables the constants were fitted on.

    Returns:
        The estimate; `choices` holds the 90 % prediction interval, parts of the time, splits, waves and occupancy.

    Raises:
        UsageError: a size that cannot be, or query heads that KV heads do not divide.
        UnknownNameError: no such device, phase or library.
        IllegalMappingError: the device is no GPU.
    """
    if phase not in PHASES:
        raise UnknownNameError("phase", phase, PHASES)
    gpu = load_gpu(device)
    sizes = {"batch": batch, "q_heads": q_heads, "kv_heads": q_heads if kv_heads is None else kv_heads}
    sizes |= {"head_dim": head_dim, "length": length, "window": window}
    check(sizes, zero=("window",))
    if head_dim > (widest := kernel_file().attention["fa3"].tiles[-1].head_dim):
        raise UsageError(f"head_dim {head_dim}: library kernels end at {widest}; nearest legal value: {widest}.")
    shapes = AttentionShapes.of([tuple(sizes.values())])
    return _estimate(phase, shapes, gpu, library, sizes)


def predict_gemm(device: str | GpuDevice, m: int, n: int, k: int) -> Estimate:
    """A library's matrix product [m, k] x [k, n], fp16 or bf16, on a GPU.

    Raises:
        UsageError: a size below 1.
        UnknownNameError: no such device.
        IllegalMappingError: the device is no GPU.
    """
    sizes = {"m": m, "n": n, "k": k}
    check(sizes)
    return _estimate("gemm", GemmShapes.of([(m, n, k)]), load_gpu(device), None, sizes)


def _estimate(
    family: Family, shapes: AttentionShapes | GemmShapes, device: GpuDevice, library: str | None, sizes: dict[str, int]
) -> Estimate:
    fitted, origin = library_constants(device)
    version = _version(library, fitted, family)
    counts = describe(family, shapes, find_library(version, device), device)
    candidate = int(fastest(counts, device, fitted)[0]) if family == "gemm" else 0
    one = scalars(counts, candidate)
    time = library_time(one, device, fitted)
    latency_s, busy = float(time.total_s), _busy(one, time, device)
    parts = {name: float(value) for name, value in time.parts_s().items() if name != "mask"}
    what, share = _limiter(busy, parts, latency_s)
    spread = fitted.spread[family]
    shape = " ".join(f"{name}={value}" for name, value in sizes.items())
    return Estimate(
        workload=f"{family} {shape}",
        mapping=f"library {one.name}" + ("" if family == "gemm" else f" ({version})"),
        device=device.name,
        latency_s=latency_s,
        limiter=what,
        because=_because(what, share, latency_s, spread),
        busy_s=busy,
        utilization={name: min(1.0, s / latency_s) for name, s in busy.items()},
        energy_parts_j=energy_parts_j(one, time, device),
        traffic=_traffic(one, time),
        choices=_choices(one, time, parts, spread, latency_s),
        warnings=_warnings(device, origin, sizes, family),
        inputs={"family": family, **sizes, "device": device.name, "library": version, "constants": origin},
    )


def _version(library: str | None, fitted: LibraryConstants, family: Family) -> str:
    known = sorted({name.split()[0] for name in kernel_file().library})
    if library is not None:
        if library not in known:
            raise UnknownNameError("library", library, known)
        return library
    table = fitted.tables.get("prefill" if family == "gemm" else family, "")
    return next((v for v in known if table.endswith(v)), NEWEST)


def scalars(counts: D, candidate: int) -> D:
    """Counts of the first row, of one candidate, as plain numbers."""
    return replace(counts, **{f.name: _scalar(getattr(counts, f.name), candidate) for f in fields(counts)})  # type: ignore[type-var, arg-type]


def _scalar(value: Any, candidate: int) -> Any:
    if is_dataclass(value):
        return scalars(value, candidate)
    if isinstance(value, tuple):
        return tuple(_scalar(v, candidate) for v in value)
    if isinstance(value, dict):
        return {name: _scalar(v, candidate) for name, v in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    picked = value[min(candidate, value.shape[0] - 1), 0] if value.ndim == 2 else value[0]
    return picked.item()


def _busy(counts: Descriptor, time: KernelTime, device: GpuDevice) -> dict[str, float]:
    """Busy time of each pipe [s]; issue from the instructions that the counts imply."""
    warps = sum(counts.total(n) for n in ("exps", "fp32_ops", "int_ops")) / WARP
    if any(x.instruction == "mma_sync" for x in counts.launches):
        warps += counts.total("tensor_flops") / MMA_FLOPS + counts.total("shared_bytes") / LDMATRIX_BYTES
    rate = ISSUES_PER_CLOCK * device.n_sms * device.clock.frequency_hz
    names = dict.fromkeys(name for x in time.launches for name in x.pipes_s if name != "mask")
    busy = {name: float(sum(x.pipes_s.get(name, 0.0) for x in time.launches)) for name in names}
    return busy | {"issue": float(warps) / rate}


def _limiter(busy: dict[str, float], parts: dict[str, float], latency_s: float) -> tuple[str, float]:
    """What takes most time: a pipe, or a part of the time that no pipe accounts for; and its share."""
    merged = busy | {name: parts[name] for name in ("copies", "fixed", "tail", "launch")}
    what = max(merged, key=lambda name: merged[name])
    return what, merged[what] / latency_s


def _because(what: str, share: float, latency_s: float, spread: Spread) -> str:
    low, high = latency_s * spread.low * 1e6, latency_s * spread.high * 1e6
    return f"limited by {_WORDS[what]}: {share:.0%} of the time; 90 % interval {low:.4g} to {high:.4g} us"


def _choices(
    counts: Descriptor, time: KernelTime, parts: dict[str, float], spread: Spread, latency_s: float
) -> dict[str, Any]:
    main = next(i for i, x in enumerate(counts.launches) if x.name in ("attention", "gemm"))
    figures = {name: value for name, value in counts.counts.items() if name != "legal"}
    return {
        "low_s": latency_s * spread.low,
        "high_s": latency_s * spread.high,
        "parts_s": parts,
        "launches": [x.name for x in time.launches if x.total_s > 0],
        "waves": float(time.launches[main].waves),
        "ctas_per_sm": float(counts.launches[main].residents),
        "useful_flops": float(counts.useful_flops),
        "useful_flops_per_s": float(counts.useful_flops) / latency_s,
        **{name: float(value) for name, value in figures.items()},
    }


def _traffic(counts: Descriptor, time: KernelTime) -> tuple[Traffic, ...]:
    rows = []
    for launch, timed in zip(counts.launches, time.launches, strict=True):
        written = float(launch.copied_bytes or launch.l2_bytes) / 2
        moved = max(float(timed.dram_bytes), written)
        rows.append(Traffic("dram", launch.name, moved - written, written))
    return tuple(row for row in rows if row.bytes)


def _warnings(device: GpuDevice, origin: str, sizes: dict[str, int], family: Family) -> tuple[str, ...]:
    found = []
    if origin != device.name:
        found.append(
            f"constants of {origin} are taken over for {device.name}, which has no measured table: expect more error."
        )
    if family == "prefill" and sizes["length"] < 256:
        found.append("prompts of less than 256 tokens were not fitted; the error there is several times larger.")
    if sizes.get("head_dim", 128) not in (64, 128):
        found.append("head dims other than 64 and 128 were not measured.")
    return tuple(found)
