"""Decode attention on a GPU as an `Estimate`: split choice, wave quantisation, tail, KV policies, ragged batches."""

from collections.abc import Sequence
from typing import Any, Literal

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.decode_constants import decode_constants
from attnscope.mappings.gpu.decode_work import Decode, DecodeMapping, DecodeTime, decode_time
from attnscope.mappings.gpu.device import load_gpu
from attnscope.simulator.estimate import Estimate, Traffic
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.units import format_bytes, format_length
from attnscope.workloads.kv_policy import KvPolicy, parse_kv_policy
from attnscope.workloads.models import Model, load_model, model_from_config
from attnscope.workloads.shape import AttentionShape
from attnscope.workloads.traces import Trace

CacheState = Literal["cold", "warm"]
CACHES: tuple[CacheState, ...] = ("cold", "warm")
_DTYPES = {4: "tf32", 2: "bf16", 1: "e4m3"}
_WORDS = {
    "launch": "starting the kernel",
    "tiles": "streaming keys and values",
    "fixed": "the fixed time of each CTA",
    "tail": "idle SMs in the last wave",
    "operands": "queries, outputs and partial results",
    "merge": "merging partial results",
    "selection": "choosing the tokens to read",
}


def decode_estimate(
    workload: str | Model | AttentionShape,
    *,
    device: str | GpuDevice = "h200",
    mapping: DecodeMapping = "decode-splitkv",
    batch: int | None = None,
    context: int | None = None,
    lengths: Sequence[int] | Trace | None = None,
    kv_policy: str | KvPolicy = "full",
    splits: int = 0,
    cache: CacheState = "cold",
) -> Estimate:
    """Return what one layer of decode attention costs, one query per sequence.

    Args:
        workload: a model's name, the path of a Hugging Face ``config.json``, a `Model` or an `AttentionShape`.
        device: a GPU's name, the path of a TOML file, or a `GpuDevice`.
        mapping: `decode-splitkv` (FlashAttention's rule), `flash` (never split) or `stream-k` (Lean Attention).
        batch: sequences; the workload's own where it is left out.
        context: keys per sequence; the workload's own where it is left out.
        lengths: keys of each sequence of a ragged batch, or a trace of which `batch` requests are taken.
        kv_policy: which tokens are read and kept.
        splits: pieces per context, instead of the rule's choice.
        cache: `cold`, or `warm` as in a loop over the same keys and values.

    Raises:
        UsageError: a name or number that cannot be used; says which, why and what would do.
    """
    gpu, policy = load_gpu(device), parse_kv_policy(kv_policy)
    if cache not in CACHES:
        raise UnknownNameError("state of the cache", cache, CACHES)
    shape, name, longest = _shape(workload, batch, context)
    contexts = _contexts(shape, lengths, batch, context)
    work = _work(shape, tuple(max(1, round(policy.attended_tokens(n))) for n in contexts))
    time = decode_time(work, gpu, mapping, splits=splits, warm=cache == "warm")
    selection = sum(policy.selection_tokens(n) for n in contexts) * work.token_bytes
    extra_s = selection / gpu.dram_bytes_per_s + gpu.launch.graph_s if selection else 0.0
    kept = sum(policy.kept_tokens(n) for n in contexts) * work.token_bytes
    parts = time.parts_s | ({"selection": extra_s} if selection else {})
    latency = time.total_s + extra_s
    what = max(parts, key=lambda part: parts[part])
    busy = _busy(work, gpu, selection)
    return Estimate(
        workload=_label(name, shape, contexts),
        mapping=mapping,
        device=gpu.name,
        latency_s=latency,
        limiter="dram" if what == "tiles" and busy["dram"] >= 0.5 * latency else what,
        because=_because(parts, what, latency, time, mapping),
        busy_s=busy,
        utilization={resource: min(1.0, seconds / latency) for resource, seconds in busy.items()},
        energy_parts_j=_energy(work, gpu, latency, selection),
        traffic=_traffic(work, time, selection),
        occupancy_bytes={"dram": kept},
        choices=_choices(time, parts, work, policy),
        warnings=_warnings(gpu, kept, max(contexts), longest),
        inputs={
            "shape": shape,
            "contexts": contexts if len(set(contexts)) > 1 else [len(contexts), contexts[0]],
            "device": gpu,
            "mapping": mapping,
            "splits": splits,
            "cache": cache,
            "kv_policy": policy.to_dict(),
            "constants": decode_constants(gpu),
        },
    )


def _shape(
    workload: str | Model | AttentionShape, batch: int | None, context: int | None
) -> tuple[AttentionShape, str, int | None]:
    """The layer for one query per sequence, the name of the workload, and the longest context it takes."""
    for what, value in (("batch", batch), ("context", context)):
        if value is not None and value < 1:
            raise UsageError(f"decode: {what} = {value} must be at least 1. Nearest: 1.")
    if isinstance(workload, AttentionShape):
        return workload.with_sizes(queries=1, batch=batch, keys=context), "", None
    if isinstance(workload, str):
        workload = model_from_config(workload) if workload.endswith(".json") else load_model(workload)
    return workload.attention(context, queries=1, batch=batch), workload.name, workload.longest


def _contexts(
    shape: AttentionShape, lengths: Sequence[int] | Trace | None, batch: int | None, context: int | None
) -> tuple[int, ...]:
    if lengths is None:
        return (shape.keys,) * shape.batch
    if context is not None:
        raise UsageError("give a context for all sequences or the length of each, and not both.")
    if isinstance(lengths, Trace):
        return lengths.contexts(batch or shape.batch)
    if batch is not None and batch != len(lengths):
        raise UsageError(
            f"batch = {batch}, but {len(lengths)} lengths are given. Leave the batch out, or give one each."
        )
    return tuple(lengths)


def _work(shape: AttentionShape, contexts: tuple[int, ...]) -> Decode:
    widths = (shape.score_width, shape.value_width)
    return Decode.of(shape.kv_heads, shape.heads // shape.kv_heads, widths, shape.bytes_per_element, contexts)


def _busy(work: Decode, gpu: GpuDevice, selection: float) -> dict[str, float]:
    """Busy time of DRAM and of the tensor cores [s]; rows of a tile that hold no query count as work."""
    rate = gpu.tensor_flops_per_s(_DTYPES.get(work.element_bytes, "bf16"))
    return {"dram": (work.kv_bytes + selection) / gpu.dram_bytes_per_s, "tensor": work.flops / rate}


def _energy(work: Decode, gpu: GpuDevice, latency_s: float, selection: float) -> dict[str, float]:
    moved = work.kv_bytes + selection
    pico = 1e-12
    return {
        "static": gpu.power.idle_w * latency_s,
        "tensor": gpu.power.tensor_pj_per_flop * work.flops * pico,
        "l2": gpu.power.l2_pj_per_byte * moved * pico,
        "dram": gpu.power.dram_pj_per_byte * moved * pico,
    }


def _traffic(work: Decode, time: DecodeTime, selection: float) -> tuple[Traffic, ...]:
    rows = work.batch * work.kv_heads * work.group
    partial = 4.0 * rows * time.splits * (work.value_width + 2) if time.merge_s and time.partition is None else 0.0
    traffic = [
        Traffic("dram", "K, V", work.kv_bytes, 0.0),
        Traffic("dram", "Q", float(rows * work.score_width * work.element_bytes), 0.0),
        Traffic("dram", "O", 0.0, float(rows * work.value_width * work.element_bytes)),
    ]
    if partial:
        traffic.append(Traffic("dram", "partial results", partial, partial))
    if selection:
        traffic.append(Traffic("dram", "selection", selection, 0.0))
    return tuple(traffic)


def _choices(time: DecodeTime, parts: dict[str, float], work: Decode, policy: KvPolicy) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "splits": time.splits,
        "ctas": time.ctas,
        "waves": time.waves,
        "wave_efficiency": time.efficiency,
        "tail_s": time.tail_s,
        "parts_s": parts,
        "kv_bytes_read": work.kv_bytes,
        "kv_policy": f"{policy.name}: {policy.detail}",
    }
    if time.partition is not None:
        chosen["partition"] = time.partition.to_dict()
    return chosen


def _because(parts: dict[str, float], what: str, latency: float, time: DecodeTime, mapping: str) -> str:
    pieces = "1 piece" if time.splits == 1 else f"{time.splits} pieces"
    cut = f"contexts cut into {pieces}" if mapping != "stream-k" else "all tiles cut evenly"
    return (
        f"Limited by {_WORDS[what]}: {parts[what] / latency:.0%} of the time; {cut}, {time.ctas} CTAs in "
        f"{time.waves:.2f} waves, {time.efficiency:.0%} of whose slots work; tail {time.tail_s / latency:.0%}."
    )


def _warnings(gpu: GpuDevice, kept: float, longest: int, limit: int | None) -> tuple[str, ...]:
    out = []
    if kept > gpu.dram.capacity_bytes:
        out.append(
            f"the keys and values of one layer ({format_bytes(kept)}) do not fit {gpu.name} "
            f"({format_bytes(gpu.dram.capacity_bytes)}); use a smaller batch or context."
        )
    if limit and longest > limit:
        out.append(
            f"a context of {format_length(longest)} is longer than the {format_length(limit)} that the model was "
            "trained for; the time holds, the answers need not."
        )
    return tuple(out)


def _label(name: str, shape: AttentionShape, contexts: tuple[int, ...]) -> str:
    equal = min(contexts) == max(contexts)
    keys = format_length(contexts[0]) if equal else f"{min(contexts)} to {max(contexts)}"
    return f"{name or shape.label} decode B{len(contexts)} {keys} keys"
