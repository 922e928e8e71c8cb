"""Library kernels on GPUs against published measurements: held-out rows, longer shapes, other libraries and devices.

Nothing of the reported rows enters a constant: `fit_tables` fixes the split by a hash of the key columns.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from attnscope.errors import UsageError
from attnscope.mappings.gpu.fit_constants import constants_file
from attnscope.mappings.gpu.fit_tables import COLUMNS, FIT_ROWS, LEAST_LENGTH, Table, find_tables, read_table
from attnscope.validation.gpu_splits import Comparison, comparisons
from attnscope.validation.report import WORST, Report, Row

BINS_US = (
    (0.0, 20.0, "under 20 us"),
    (20.0, 100.0, "20 to 100 us"),
    (100.0, 1e3, "0.1 to 1 ms"),
    (1e3, np.inf, "over 1 ms"),
)
NEEDS = (
    "validate gpu compares with published tables, which do not come with the package: give their folder with "
    "--reference FOLDER. The documentation of the GPU model names the public repository."
)


def validate_gpu(reference: Path | None = None) -> Report:
    """Compare the model of library kernels with every table in `reference`.

    Args:
        reference: folder with tables named like ``gemm_bf16_h200_sxm_vllm0.14.0.csv``, or with folders of them.

    Raises:
        UsageError: no folder is given, or it holds no such table.
        SpecError: a table lacks a column or holds a value that cannot be.
    """
    if reference is None:
        raise UsageError(NEEDS)
    found, notes = compare_all(reference)
    rows = [row for c in found for row in _rows(c)]
    return Report("gpu", tuple(rows), (*_split_notes(), *notes))


def compare_all(reference: Path) -> tuple[list[Comparison], list[str]]:
    """Every comparison that the tables in `reference` allow, for reports and plots, and notes on what was skipped."""
    tables = [read_table(path) for path in find_tables(reference)]
    if not tables:
        raise UsageError(f"{reference}: no table found. Name tables like gemm_bf16_h200_sxm_vllm0.14.0.csv.")
    notes: list[str] = []
    return list(comparisons(tables, notes)), notes


def _split_notes() -> tuple[str, ...]:
    return (
        f"Source: {constants_file().source}.",
        f"Calibration: {FIT_ROWS} rows per table, of smallest SHA-256 of the key; prefill from {LEAST_LENGTH} on.",
        "Reported: all other rows; repetitions of a calibration shape are left out of both.",
        "Other library, other device: constants taken over as they are.",
        "Only means carry a goal; it is the largest mean absolute error allowed, in percent.",
    )


def _rows(found: Comparison) -> Iterator[Row]:
    errors = 100.0 * found.errors
    size = np.abs(errors)
    yield Row(found.name, "mean error [%]", 0.0, float(size.mean()), found.goal, True, f"{len(size)} rows")
    figures = {
        "median error [%]": np.median(size),
        "p95 error [%]": np.quantile(size, 0.95),
        "largest error [%]": size.max(),
    }
    figures |= {
        "bias (median) [%]": np.median(errors),
        "mean log error [%]": 100.0 * np.abs(np.log1p(found.errors)).mean(),
    }
    figures |= {"inside the 90 % interval [%]": 100.0 * found.within.mean()}
    for quantity, value in figures.items():
        yield Row(found.name, quantity, 0.0, float(value), absolute=True)
    for name, predicted_s in found.others.items():
        mean = 100.0 * np.abs(predicted_s / found.table.measured_s - 1.0).mean()
        yield Row(found.name, f"mean error of {name} [%]", 0.0, float(mean), absolute=True)
    yield from _by_size(found, size)
    yield from _worst(found, size)


def _by_size(found: Comparison, size: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Iterator[Row]:
    measured_us = 1e6 * found.table.measured_s
    for low, high, label in BINS_US:
        inside = (measured_us >= low) & (measured_us < high)
        if inside.any():
            mean = float(size[inside].mean())
            yield Row(found.name, f"mean error {label} [%]", 0.0, mean, absolute=True, note=f"{inside.sum()} rows")


def _worst(found: Comparison, size: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Iterator[Row]:
    for index in np.argsort(-size, kind="stable")[:WORST]:
        measured_us, ours_us = (1e6 * float(v[index]) for v in (found.table.measured_s, found.predicted_s))
        yield Row(found.name, "ten worst rows [us]", measured_us, ours_us, note=describe(found.table, int(index)))


def describe(table: Table, index: int) -> str:
    """Sizes of one row in words."""
    columns = zip(COLUMNS[table.family], table.shapes.__dataclass_fields__, strict=True)
    return ", ".join(f"{name} {getattr(table.shapes, field)[index]}" for name, field in columns)
