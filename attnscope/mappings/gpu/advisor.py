"""The tile advisor: every legal tile pair and stride of a problem on a GPU, ranked by predicted latency.

Tile visits come from the separable sweep, times from the same descriptors and pipe equations as single estimates, with
arrays over the strides in place of numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from attnscope.errors import UnknownNameError
from attnscope.mappings.gpu.advice import Advice, TileChoice, why_best
from attnscope.mappings.gpu.backends import POLICIES, Kernel, MaskPolicy, legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import Visits, fused, library_kernel, visits_of
from attnscope.mappings.gpu.latency import KernelTime, predict
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.report import limiter
from attnscope.simulator.gpu_device import GpuDevice, PowerState
from attnscope.workloads.visibility import Gna, legal_strides, parse_axes, sweep, tile_statistics, undominated
from attnscope.workloads.visibility.intervals import Int64

Axes = int | Sequence[int] | str


@dataclass(frozen=True)
class _Sweep:
    """Times of one kernel over all strides: latency [n_strides] and what it was computed from."""

    kernel: Kernel
    visits: Visits
    time: KernelTime
    latency_s: Any


def advise(
    layout: Sequence[int],
    window: Axes,
    heads: int,
    head_dim: int,
    device: str | GpuDevice,
    *,
    stride: Axes | Literal["auto"] = 1,
    dilation: Axes = 1,
    causal: bool | Sequence[bool] = False,
    dtype: str = "fp16",
    batch: int = 1,
    backend: str | None = None,
    mask_policy: MaskPolicy | None = None,
    state: PowerState = "sustained",
) -> Advice:
    """Rank the legal tile pairs, and strides, of generalized neighbourhood attention on a GPU.

    Args:
        layout: tokens per axis.
        window: keys per axis.
        heads: heads per sequence.
        head_dim: width of a head.
        device: a GPU by name, or a `GpuDevice`.
        stride: one stride vector, or "auto" for all from 1 to the window.
        dilation: distance between neighbours.
        causal: whether later coordinates are hidden.
        dtype: fp16, bf16, fp32, e4m3 or e5m2.
        batch: sequences.
        backend: only kernels of this backend.
        mask_policy: overrides the backends': "launch" or "per-tile".
        state: power state of the GPU.

    Raises:
        UsageError: a rule of the mask is broken; names the nearest legal value.
        UnknownNameError: unknown device, backend, data type or mask policy.
        IllegalMappingError: no kernel on the device for this rank, head dim or data type.
    """
    gpu = load_gpu(device)
    if mask_policy is not None and mask_policy not in POLICIES:
        raise UnknownNameError("mask policy", mask_policy, POLICIES)
    first: Any = 1 if stride == "auto" else _axes(stride, layout)
    mask = Gna(tuple(layout), _axes(window, layout), first, _axes(dilation, layout), causal)  # type: ignore[arg-type]
    problem = MaskedAttention(mask, heads, head_dim, batch, dtype)
    kernels = legal_kernels(gpu, problem.rank, head_dim, dtype, backend)
    if mask_policy:
        kernels = tuple(replace(k, mask=mask_policy) for k in kernels)
    strides = legal_strides(mask.window) if stride == "auto" else np.array([mask.stride], np.int64)
    return _ranked(problem, kernels, strides, gpu, state)


def _axes(value: Any, layout: Sequence[int]) -> Any:
    if isinstance(value, str):
        return parse_axes(value, len(layout))
    return value if isinstance(value, int) else tuple(value)


def _ranked(
    problem: MaskedAttention, kernels: tuple[Kernel, ...], strides: Int64, gpu: GpuDevice, state: PowerState
) -> Advice:
    sweeps = _all_sweeps(problem, kernels, strides, gpu, state)
    fastest = np.min([s.latency_s for s in sweeps], axis=0)
    kept = np.flatnonzero(undominated(strides, 1.0 / fastest)) if len(strides) > 1 else np.array([0])
    library = fused(problem.dense(), library_kernel(gpu))
    dense_s = float(predict(library, gpu, state).total_s)
    choices = [_choice(s, int(i), strides, problem, dense_s) for s in sweeps for i in kept]
    choices.sort(key=lambda c: (c.latency_s, c.backend, str(c.pair), c.stride))
    return Advice(
        problem={**problem.to_dict(), "stride": "auto" if len(strides) > 1 else problem.to_dict()["stride"]},
        device=gpu.name,
        dense_s=dense_s,
        choices=tuple(choices),
        flat=_flat(problem, choices[0], kernels, gpu, state, dense_s),
        because=why_best(choices[0], choices[1:]),
        n_evaluated=len(strides) * len(sweeps),
        kernels=kernels,
        gpu=gpu,
        warnings=_warnings(problem, gpu),
    )


def best_kernel(problem: MaskedAttention, kernels: tuple[Kernel, ...], gpu: GpuDevice, state: PowerState) -> Kernel:
    """The fastest of the kernels for a neighbourhood mask; the first of equals."""
    assert isinstance(problem.mask, Gna)
    sweeps = _all_sweeps(problem, kernels, np.array([problem.mask.stride], np.int64), gpu, state)
    return min(sweeps, key=lambda s: (float(s.latency_s[0]), s.kernel.label)).kernel


def _all_sweeps(
    problem: MaskedAttention, kernels: tuple[Kernel, ...], strides: Int64, gpu: GpuDevice, state: PowerState
) -> list[_Sweep]:
    tilings = ("static", "dynamic")
    return [s for tiling in tilings for s in _sweeps(problem, kernels, strides, gpu, state, tiling)]


def _sweeps(
    problem: MaskedAttention,
    kernels: tuple[Kernel, ...],
    strides: Int64,
    gpu: GpuDevice,
    state: PowerState,
    tiling: Any,
) -> list[_Sweep]:
    """Times of the kernels with one way of KV tiling, over all strides."""
    mask = problem.mask
    assert isinstance(mask, Gna)
    mine = [k for k in kernels if k.kv_tiling == tiling]
    if not mine:
        return []
    pairs = [(k.pair.q_tile, k.pair.kv_tile) for k in mine]
    tables = sweep(mask.layout, mask.window, mask.dilation, mask.causal, strides, pairs, tiling)
    return [_timed(problem, k, _column(tables[:, j], mask, k), gpu, state) for j, k in enumerate(mine)]


def _column(table: Any, mask: Gna, kernel: Kernel) -> Visits:
    names = ("n_q_tiles", "n_kv_tiles", "visits_total", "visits_max", "full", "block_sparse")
    padded = tile_statistics(mask, kernel.pair.q_tile, kernel.pair.kv_tile, "static")
    columns: dict[str, Any] = {n: table[n] for n in names}
    return Visits(**columns, padded_queries=padded.padded_queries, padded_keys=padded.padded_keys)


def _timed(problem: MaskedAttention, kernel: Kernel, visits: Visits, gpu: GpuDevice, state: PowerState) -> _Sweep:
    time = predict(fused(problem, kernel, visits), gpu, state)
    return _Sweep(kernel, visits, time, np.atleast_1d(time.total_s))


def _choice(s: _Sweep, i: int, strides: Int64, problem: MaskedAttention, dense_s: float) -> TileChoice:
    mask, v = problem.mask, s.visits
    assert isinstance(mask, Gna)
    stride = tuple(int(x) for x in strides[i])

    def at(value: Any) -> float:
        return float(np.broadcast_to(value, s.latency_s.shape)[i])

    main = s.time.launches[-1]
    tiles, total, full = at(v.n_q_tiles), at(v.visits_total), at(v.full)
    masked = total if s.kernel.mask == "launch" and full < total else total - full
    pairs = replace(mask, stride=stride).total_pairs if any(mask.causal) else mask.total_pairs
    parts = {n: at(x) for n, x in s.time.parts_s().items()}
    pipes = {n: at(x) for n, x in main.pipes_s.items()}
    return TileChoice(
        backend=s.kernel.backend,
        pair=s.kernel.pair,
        stride=stride,
        latency_s=at(s.latency_s),
        kernel_s=at(main.total_s),
        copies_s=at(s.time.copies_s),
        parts_s=parts,
        flopwise_speedup=mask.n_queries * mask.n_keys / pairs,
        mean_speedup=at(v.n_kv_tiles) * tiles / total,
        worst_speedup=at(v.n_kv_tiles) / at(v.visits_max),
        predicted_speedup=dense_s / at(s.latency_s),
        visits_total=int(total),
        visits_mean=total / tiles,
        visits_worst=int(at(v.visits_max)),
        computed_fraction=total * s.kernel.pair.q_size * s.kernel.pair.kv_size / (mask.n_queries * mask.n_keys),
        partial_fraction=(total - full) / total,
        masked_fraction=masked / total,
        block_sparse=full == total,
        query_padding_fraction=v.padded_queries / mask.n_queries - 1.0,
        key_padding_fraction=v.padded_keys / mask.n_keys - 1.0,
        waves=at(main.waves),
        limiter=limiter(pipes, parts),
    )


def _flat(
    problem: MaskedAttention,
    best: TileChoice,
    kernels: tuple[Kernel, ...],
    gpu: GpuDevice,
    state: PowerState,
    dense_s: float,
) -> TileChoice:
    """The best choice's tile sizes and stride on the flattened sequence; no permutation is needed then."""
    mask = problem.mask
    assert isinstance(mask, Gna)
    kernel = next(k for k in kernels if (k.backend, k.pair) == (best.backend, best.pair))
    strided = replace(problem, mask=replace(mask, stride=best.stride))
    flat = replace(kernel, kv_tiling="flat", permutes=False)
    timed = _timed(strided, flat, visits_of(strided, flat), gpu, state)
    choice = _choice(timed, 0, np.array([best.stride], np.int64), strided, dense_s)
    return replace(choice, backend=f"{best.backend}, flattened")


def _warnings(problem: MaskedAttention, gpu: GpuDevice) -> tuple[str, ...]:
    mask = problem.mask
    tensors = 2.0 * (mask.n_queries + mask.n_keys) * problem.n_heads * problem.head_dim * problem.element_bytes
    if tensors <= gpu.dram.capacity_bytes:
        return ()
    return (f"Q, K, V and O take {tensors / 2**30:.4g} GiB; {gpu.name} has {gpu.dram.capacity_bytes / 2**30:.4g} GiB.",)
