"""Neighbourhood attention against published figures: tiles, speed-ups, kernel times, whole models.

Masks and tile counts are compared with a folder of reference vectors where the caller has one. Nothing published enters
a formula except the rows that calibration.toml names; those are shown but do not count.
"""

from pathlib import Path

from attnscope.mappings.gpu.backends import Kernel, find_kernel, legal_kernels
from attnscope.mappings.gpu.constants import calibration
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused, library_kernel
from attnscope.mappings.gpu.latency import KernelTime, power_state, predict
from attnscope.mappings.gpu.neighborhood import amdahl
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.tiles import TilePair, format_axes
from attnscope.simulator.gpu_device import GpuDevice, PowerState
from attnscope.validation import gna_models, gna_vectors
from attnscope.validation.gna_rows import describe, published, share_within, with_mean
from attnscope.validation.report import Report, Row
from attnscope.workloads.visibility import Gna, parse_layout, tile_statistics
from attnscope.workloads.vision import Diffusion, load_vision_model

HEAD_DIM = 128


def validate_gna(reference: Path | None = None) -> Report:
    """Compare with everything published that is known.

    Args:
        reference: folder with ``gna_masks.json`` and ``nattensim_reconstructed.csv``; what it lacks is skipped, and a
            note says so.
    """
    rows: list[Row] = []
    notes = [f"{name}: {table['source']}" for name, table in published().items()]
    for file, compare in ((gna_vectors.MASKS, gna_vectors.masks), (gna_vectors.TILES, gna_vectors.tile_counts)):
        reason = gna_vectors.missing(reference, file)
        if reason or reference is None:
            notes.append(reason)
        else:
            rows += compare(reference)
    rows += [*densities(), *end_to_end_from_flops(), *end_to_end_simulated(), *end_to_end_rounded()]
    rows += [*worst_tile_speedups(), *kernel_times(), *copy_times(), *operation_speedups(), *transfer_times()]
    rows += gna_models.rows()
    return Report("gna", tuple(rows), tuple(notes))


def densities() -> list[Row]:
    """Share of visited and of dense tiles, in percent as published."""
    table, rows = published()["density"], []
    for layout, window, stride, tile, mode, visited, dense in table["rows"]:
        mask = Gna(parse_layout(layout), parse_layout(window), parse_layout(stride))
        tiles = tile_statistics(mask, parse_layout(tile), parse_layout(tile), mode)
        whole = tiles.n_q_tiles * tiles.n_kv_tiles / 100.0
        case = describe([layout, window, stride, tile, mode])
        rows.append(Row(case, "visited tiles [%]", visited, tiles.visits_total / whole, 0.005, absolute=True))
        if dense >= 0:
            rows.append(Row(case, "dense tiles [%]", dense, tiles.full / whole, 0.005, absolute=True))
    return rows


def _e2e_rows() -> list[tuple[str, Diffusion, Gna, TilePair, int, list[float]]]:
    table = published()["end_to_end"]
    rows = []
    for model_name, window, stride, kept, *figures in table["rows"]:
        model = load_vision_model(model_name)
        assert isinstance(model, Diffusion)
        mask = Gna(model.layout, parse_layout(window), parse_layout(stride))
        pair = TilePair.parse(table["tiles"][f"{model_name} {window}"])
        rows.append((describe([model_name, window, stride, f"{kept} dense"]), model, mask, pair, kept, figures))
    return rows


def _worst_speedup(mask: Gna, pair: TilePair) -> float:
    return tile_statistics(mask, pair.q_tile, pair.kv_tile).worst_speedup


def _whole(model: Diffusion, kept: int, speedup: float) -> float:
    return amdahl(model.attention_fraction, speedup, kept / model.steps)


def end_to_end_from_flops() -> list[Row]:
    """End-to-end speed-ups that FLOPs alone promise."""
    rows = []
    for case, model, mask, _, kept, figures in _e2e_rows():
        ours = _whole(model, kept, mask.n_queries * mask.n_keys / mask.total_pairs)
        rows.append(Row(case, "end to end from FLOPs", figures[0], ours, 0.006, absolute=True))
    return rows


def end_to_end_simulated() -> list[Row]:
    """End-to-end speed-ups from the worst Q tile's visits."""
    rows = []
    for case, model, mask, pair, kept, figures in _e2e_rows():
        ours = _whole(model, kept, _worst_speedup(mask, pair))
        rows.append(Row(case, "end to end from tiles", figures[1], ours, 0.02, absolute=True))
    return with_mean(rows, 0.006)


def end_to_end_rounded() -> list[Row]:
    """The same with the tile speed-up rounded to one decimal first, as the published tables were made."""
    rows = []
    for case, model, mask, pair, kept, figures in _e2e_rows():
        ours = _whole(model, kept, round(_worst_speedup(mask, pair), 1))
        rows.append(Row(case, "end to end from tiles, rounded", figures[1], ours, absolute=True))
    return share_within(rows, 0.006, 0.9)


def worst_tile_speedups() -> list[Row]:
    """Simulated speed-ups of single operations, printed with one decimal, for Blackwell's tiles."""
    table, tiles = published()["operation"], published()["end_to_end"]["tiles"]
    rows = []
    for device, model_name, window, stride, _, _, simulated, _ in table["rows"]:
        if device == "b200":
            mask = Gna(load_vision_model(model_name).layout, parse_layout(window), parse_layout(stride))  # type: ignore[union-attr]
            pair = TilePair.parse(tiles[f"{model_name} {window}"])
            ours, case = _worst_speedup(mask, pair), describe([model_name, window, stride])
            rows.append(Row(case, "simulated speed-up", simulated, ours, 0.051, absolute=True))
    return rows


def timed(problem: MaskedAttention, gpu: GpuDevice, kernel: Kernel, warm_up: int) -> KernelTime:
    """Predicted time under the profiler: after its warm-up runs long kernels are power-limited, short ones are not."""
    target = problem.dense() if kernel.backend == "library" else problem
    descriptor = fused(target, kernel)
    burst = predict(descriptor, gpu, "burst")
    state: PowerState = power_state(float(burst.total_s) * (warm_up + 1))
    return burst if state == "burst" else predict(descriptor, gpu, state)


def _kernel_rows() -> list[tuple[str, str, KernelTime, float, float]]:
    table, rows = published()["kernel"], []
    for device, layout, heads, window, stride, pair, kernel_ms, copies_ms in table["rows"]:
        gpu, shape = load_gpu(device), parse_layout(layout)
        mask = Gna(shape, parse_layout(window or layout), parse_layout(stride) if stride else (1,) * len(shape))
        problem = MaskedAttention(mask, heads, HEAD_DIM)
        legal = [k for k in legal_kernels(gpu, len(shape), HEAD_DIM) if k.mask == "launch"]
        kernel = find_kernel(legal, pair, gpu) if pair else library_kernel(gpu)
        case = describe([device, layout, window or "dense", stride])
        rows.append((case, layout, timed(problem, gpu, kernel, table["warm_up"]), kernel_ms * 1e-3, copies_ms * 1e-3))
    return rows


def kernel_times() -> list[Row]:
    """Attention kernels alone; the rows of the calibration case are not judged."""
    rows = []
    for case, layout, time, measured, _ in _kernel_rows():
        rows.append(_timed_row(case, layout, "kernel time [s]", measured, float(time.part("attention")), 0.15))
    return with_mean(rows, 0.08)


def copy_times() -> list[Row]:
    """Token permutation and padding around the kernel."""
    rows = []
    for case, layout, time, _, measured in _kernel_rows():
        if measured:
            rows.append(_timed_row(case, layout, "copy time [s]", measured, float(time.copies_s), 0.30))
    return rows


def _timed_row(case: str, layout: str, quantity: str, measured: float, ours: float, tolerance: float) -> Row:
    fitted = layout == format_axes(calibration().case.layout)
    note = "the model is calibrated on this row" if fitted else ""
    return Row(case, quantity, measured, ours, None if fitted else tolerance, note=note)


def operation_speedups() -> list[Row]:
    """Measured speed-ups of one operation over the vendor's dense kernel, without and with the copies around it."""
    without, included = [], []
    for row in published()["operation"]["rows"]:
        device, model_name, window, stride, actual, kernel_only, *_ = row
        gpu, model = load_gpu(device), load_vision_model(model_name)
        assert isinstance(model, Diffusion)
        problem = MaskedAttention(Gna(model.layout, parse_layout(window), parse_layout(stride)), model.heads, HEAD_DIM)
        dense = float(predict(fused(problem.dense(), library_kernel(gpu)), gpu).total_s)
        ours = predict(fused(problem, _native(problem, gpu, f"{model_name} {window}")), gpu)
        case = describe([device, model_name, window, stride])
        without.append(Row(case, "speed-up", kernel_only, dense / float(ours.part("attention")), 0.35))
        included.append(Row(case, "speed-up with copies", actual, dense / float(ours.total_s), 0.35))
    return [*with_mean(without, 0.15), *with_mean(included, 0.15)]


def _native(problem: MaskedAttention, gpu: GpuDevice, tiled: str) -> Kernel:
    """The kernel the charts were made with: Blackwell's pairs of the tables, on Hopper the fastest of its pairs."""
    name = "blackwell-fna" if gpu.architecture == "sm_100" else "hopper-fna"
    legal = legal_kernels(gpu, problem.rank, HEAD_DIM, backend=name)
    if name == "blackwell-fna":
        return find_kernel(legal, published()["end_to_end"]["tiles"][tiled], gpu)
    return min(legal, key=lambda k: float(predict(fused(problem, k), gpu).total_s))


def transfer_times() -> list[Row]:
    """Kernels of other authors that work like ours of the same name: order of magnitude and ranking, no fit."""
    rows = []
    for device, window, stride, label, milliseconds in published()["transfer"]["rows"]:
        gpu, layout = load_gpu(device), (30, 48, 80)
        shape = parse_layout(window) if window else layout
        problem = MaskedAttention(Gna(layout, shape, parse_layout(stride) if stride else (1, 1, 1)), 24, HEAD_DIM)
        kernel = library_kernel(gpu)
        if label != "library":
            backend, _, pair = label.partition(" ")
            kernel = find_kernel(legal_kernels(gpu, 3, HEAD_DIM, backend=backend), pair, gpu)
        time = timed(problem, gpu, kernel, published()["kernel"]["warm_up"])
        case = describe([device, label, window or "dense", stride])
        rows.append(Row(case, "other authors' kernels [s]", milliseconds * 1e-3, float(time.part("attention")), 0.35))
    return rows
