"""What simpler models say on the same rows: roofline, roofline and launch, waves, nearest calibration row."""

import numpy as np
import numpy.typing as npt

from attnscope.mappings.gpu.descriptor import Descriptor
from attnscope.mappings.gpu.fit import count
from attnscope.mappings.gpu.fit_tables import COLUMNS, Table
from attnscope.mappings.gpu.library_shapes import ELEMENT_BYTES, GemmShapes
from attnscope.simulator.gpu_device import GpuDevice

Vector = npt.NDArray[np.float64]
BASELINES = ("roofline", "roofline and launch", "wave roofline", "nearest calibration row")
_WAVE_TILE = (128, 256)


def baselines(table: Table, calibration: Table, device: GpuDevice) -> dict[str, Vector]:
    """Predictions of the simpler models for the rows of `table` [s].

    Args:
        table: rows to predict.
        calibration: rows that may be looked at: the shortest gives the launch time; the nearest one (distance of the
            logarithms of the sizes) is scaled by the ratio of the rooflines.
        device: the GPU; its datasheet rates are the roofs.
    """
    counts = count(table, device).counts
    compute_s, memory_s = _roofs(counts, table, device)
    roof_s = np.maximum(compute_s, memory_s)
    launch_s = float(calibration.measured_s.min())
    waved_s = np.maximum(compute_s * _wave_padding(counts, table, device), memory_s)
    nearest = _nearest(table, calibration)
    theirs = np.maximum(*_roofs(count(calibration, device).counts, calibration, device)) + launch_s
    scaled_s = calibration.measured_s[nearest] * (roof_s + launch_s) / theirs[nearest]
    return dict(zip(BASELINES, (roof_s, roof_s + launch_s, waved_s + launch_s, scaled_s), strict=True))


def _roofs(counts: Descriptor, table: Table, device: GpuDevice) -> tuple[Vector, Vector]:
    """Useful FLOPs at the tensor rate, and unique bytes at the DRAM bandwidth of the datasheet."""
    flops = np.asarray(counts.useful_flops, dtype=np.float64).reshape(-1)
    if isinstance(table.shapes, GemmShapes):
        m, n, k = (getattr(table.shapes, name).astype(np.float64) for name in COLUMNS["gemm"])
        moved = ELEMENT_BYTES * (m * k + k * n + m * n)
    else:
        main = next(x for x in counts.launches if x.name == "attention")
        moved = main.dram_bytes + main.kv_bytes_per_head * main.n_heads
    return flops / device.tensor_flops_per_s("bf16"), moved / device.dram.bandwidth_bytes_per_s


def _wave_padding(counts: Descriptor, table: Table, device: GpuDevice) -> Vector:
    """Whole waves over the waves' fraction that has work."""
    if isinstance(table.shapes, GemmShapes):
        ctas = np.ceil(table.shapes.m / _WAVE_TILE[0]) * np.ceil(table.shapes.n / _WAVE_TILE[1])
        waves = ctas / device.n_sms
    else:
        main = next(x for x in counts.launches if x.name == "attention")
        waves = main.n_ctas / (device.n_sms * main.residents)
    return np.asarray(np.ceil(waves) / waves, dtype=np.float64)


def _nearest(table: Table, calibration: Table) -> npt.NDArray[np.intp]:
    here, there = (
        np.log1p(np.stack([getattr(t.shapes, name) for name in t.shapes.__dataclass_fields__], axis=1))
        for t in (table, calibration)
    )
    return np.array([int(np.abs(there - row).sum(axis=1).argmin()) for row in here], dtype=np.intp)
