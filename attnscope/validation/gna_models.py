"""Whole models and unfused kernels against published figures."""

import itertools
from statistics import fmean
from typing import Any

from attnscope.mappings.gpu.advisor import best_kernel
from attnscope.mappings.gpu.backends import legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused
from attnscope.mappings.gpu.latency import predict
from attnscope.mappings.gpu.model_estimate import How, ModelEstimate
from attnscope.mappings.gpu.neighborhood import estimate_neighborhood
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.unfused import gemm, naive
from attnscope.validation.gna_rows import describe, published, with_mean
from attnscope.validation.report import Row
from attnscope.workloads.visibility import Gna, parse_layout
from attnscope.workloads.vision import Backbone, list_vision_models, load_vision_model

# FNA's benchmark problems are not published; these span its ranges: axis lengths, windows and dilations per rank,
# and (head dim, heads, batch).
GRID = {1: ((1024, 4096, 16384), (31, 127, 511)), 2: ((32, 56, 128), (7, 13, 25)), 3: ((8, 16, 24), (3, 5, 7))}
DILATIONS = (1, 2)
METHODS = ("naive", "gemm", "fused")
BATCHES = ((32, 4, 16), (64, 4, 4), (128, 8, 1))


def rows() -> list[Row]:
    """All rows of this module."""
    table = published()
    found = [*runtimes(table["runtime"]), *measured_speedups(table["end_to_end"]), *macs()]
    return [*found, *unfused_factors(table["unfused"]), *throughput_ratios(table["throughput"])]


def runtimes(table: dict[str, Any]) -> list[Row]:
    """Seconds end to end: predicted attention over its published share, and what the mask saves."""
    rows = []
    for model, window, stride, kept, seconds in table["rows"]:
        found = _on_b200(model, window, stride, kept)
        ours = found.latency_s if window else found.dense_latency_s
        case = describe([model, window or "dense", stride, f"{kept} dense"])
        rows.append(Row(case, "end-to-end time [s]", seconds, ours, 0.20))
    return with_mean(rows, 0.12)


def measured_speedups(table: dict[str, Any]) -> list[Row]:
    """Measured end-to-end speed-ups, from predicted times with copies."""
    rows = []
    for model, window, stride, kept, _, _, actual in table["rows"]:
        ours = _on_b200(model, window, stride, kept).end_to_end_speedup
        case = describe([model, window, stride, f"{kept} dense"])
        rows.append(Row(case, "end-to-end speed-up, measured", actual, ours, 0.20))
    return with_mean(rows, 0.08)


def _on_b200(model: str, window: str, stride: str, kept: int) -> ModelEstimate:
    axes = {"window": parse_layout(window), "stride": parse_layout(stride)} if window else {}
    how = How(backend="blackwell-fna")
    return estimate_neighborhood(model, "b200", dense_steps=kept, how=how, **axes)  # type: ignore[arg-type]


def macs() -> list[Row]:
    """Multiply-accumulates of the backbones."""
    models = [load_vision_model(name) for name in list_vision_models()]
    found = [m for m in models if isinstance(m, Backbone)]
    return [Row(m.name, "multiply-accumulates", m.published_macs, m.macs, 0.005) for m in found]


def unfused_factors(table: dict[str, Any]) -> list[Row]:
    """Average factors between naive, GEMM and fused kernels; the problems are unpublished, so the limits are wide."""
    kinds = sorted({(rank, dtype) for _, rank, dtype, _ in table["rows"]})
    times = {kind: _ladder(*kind) for kind in kinds}
    rows = []
    for what, rank, dtype, factor in table["rows"]:
        faster, slower = what.split("/")
        ours = fmean(t[slower] / t[faster] for t in times[rank, dtype])
        rows.append(Row(f"{what} {rank}-D {dtype}", "speed-up between methods", factor, ours, 0.6))
    return with_mean(rows, 0.25)


def _ladder(rank: int, dtype: str) -> list[dict[str, float]]:
    """Times of each method for every problem of the grid."""
    lengths, windows = GRID[rank]
    out = []
    for length, window, dilation in itertools.product(lengths, windows, DILATIONS):
        if window * dilation <= length:
            mask = Gna((length,) * rank, (window,) * rank, (1,) * rank, (dilation,) * rank)
            out += [_times(MaskedAttention(mask, heads, d, batch, dtype)) for d, heads, batch in BATCHES]
    return out


def _times(problem: MaskedAttention) -> dict[str, float]:
    """Time of each method that has a kernel for the problem, on an A100."""
    gpu = load_gpu("a100")
    legal = legal_kernels(gpu, problem.rank, problem.head_dim, problem.dtype, "cutlass-fna")
    kernels = {"fused": fused(problem, best_kernel(problem, legal, gpu, "burst")), "naive": naive(problem, gpu)}
    kernels |= {"gemm": gemm(problem, gpu)} if problem.rank < 3 else {}
    return {name: float(predict(d, gpu, "burst").total_s) for name, d in kernels.items()}


def throughput_ratios(table: dict[str, Any]) -> list[Row]:
    """Images per second of whole backbones: GEMM and fused kernels over naive ones."""
    rows = []
    for name, dtype, *images in table["rows"]:
        ours = [1.0 / estimate_neighborhood(name, "a100", dtype=dtype, how=How(m)).latency_s for m in METHODS]
        for i, method in enumerate(METHODS[1:], 1):
            case = f"{name} {dtype} {method}/naive"
            rows.append(Row(case, "backbone throughput over naive", images[i] / images[0], ours[i] / ours[0], 0.35))
    return with_mean(rows, 0.15)
