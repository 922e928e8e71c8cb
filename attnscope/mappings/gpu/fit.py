"""Fitting the constants of library kernels to tables of measured latencies: robust, deterministic, numpy only.

The unknowns are logarithms of positive constants. The loss is the pseudo-Huber function of the log error, with a weak
pull towards the starting values, so that what a table does not tell stays where it was; it is minimised by
Levenberg-Marquardt steps with numeric derivatives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnscope.mappings.gpu.descriptor import Descriptor
from attnscope.mappings.gpu.fit_constants import TELLS, LibraryConstants, Spread
from attnscope.mappings.gpu.fit_tables import Table
from attnscope.mappings.gpu.library_resources import find_library
from attnscope.mappings.gpu.library_shapes import Family
from attnscope.mappings.gpu.library_time import describe, latency_s
from attnscope.simulator.gpu_device import GpuDevice

Vector = npt.NDArray[np.float64]
SOFT = 0.08  # log errors beyond this count linearly
PULL = 0.5  # spread of a constant around its start, in natural logarithms
SHARES = ("dram_fraction", "tensor_fraction", "sustained_fraction", "gemm_tensor_fraction")  # of a rate: at most 1
FOLDS = 5
_STEP, _ROUNDS, _TRIES, _DIGITS = 1e-4, 40, 10, 5


@dataclass(frozen=True)
class Rows:
    """Calibration rows of one table, counted."""

    family: Family
    counts: Descriptor
    measured_s: Vector


def count(table: Table, device: GpuDevice) -> Rows:
    """Count the calls of a table."""
    return Rows(
        table.family,
        describe(table.family, table.shapes, find_library(table.library, device), device),
        table.measured_s,
    )


def free_constants(families: Sequence[Family]) -> tuple[str, ...]:
    """Dotted names of the constants that rows of these families can tell."""
    of_device = dict.fromkeys(name for family in families for name in TELLS[family])
    residuals = [f"{f}.{n}" for f in dict.fromkeys(families) for n in getattr(LibraryConstants(), f).model_dump()]
    return (*(f"device.{name}" for name in of_device), *residuals)


def fit(tables: Sequence[Table], device: GpuDevice, start: LibraryConstants | None = None) -> LibraryConstants:
    """Constants that fit the calibration rows of all tables best.

    Args:
        tables: their `fit` rows count, nothing else is looked at.
        device: the GPU they were measured on.
        start: where to start from, and what constants stay near to that no row tells.

    Returns:
        Constants rounded to five digits, with the spread of errors by cross-validation over five folds.
    """
    used = [t.fit for t in tables]
    prior = start or LibraryConstants()
    whole = _fit_rows([count(t, device) for t in used], device, prior, prior)
    spread = {t.family: _spread(t, device, prior, whole) for t in used}
    return whole.model_copy(update={"spread": spread, "tables": {t.family: t.name for t in used}})


def _spread(table: Table, device: GpuDevice, prior: LibraryConstants, whole: LibraryConstants) -> Spread:
    ratios = left_out(table, device, prior, whole)
    low, high = (float(f"{v:.4g}") for v in np.quantile(ratios, [0.05, 0.95]))
    mean = float(f"{np.abs(1.0 / ratios - 1.0).mean():.4g}")
    return Spread(low=low, high=high, mean=mean, rows=len(ratios))


def left_out(table: Table, device: GpuDevice, prior: LibraryConstants, start: LibraryConstants) -> Vector:
    """Measured over predicted time of each row of `table`, predicted from a fit without the fold that it is in."""
    ratios = np.empty(len(table.measured_s))
    fold = np.arange(len(ratios)) % FOLDS
    for k in range(FOLDS):
        fitted = _fit_rows([count(table.take(fold != k), device)], device, prior, start)
        held = count(table.take(fold == k), device)
        ratios[fold == k] = held.measured_s / latency_s(held.counts, device, fitted)
    return ratios


def _fit_rows(
    rows: Sequence[Rows], device: GpuDevice, prior: LibraryConstants, start: LibraryConstants
) -> LibraryConstants:
    names = free_constants([r.family for r in rows])
    centre = np.log([_value(prior, n) for n in names])
    ceiling = np.array([0.0 if n.split(".")[1] in SHARES else np.inf for n in names])

    def errors(logs: Vector) -> Vector:
        fitted = prior.with_values(dict(zip(names, np.exp(logs).tolist(), strict=True)))
        return np.concatenate([np.log(latency_s(r.counts, device, fitted) / r.measured_s) for r in rows])

    begin = np.log([_value(start, n) for n in names])
    found = minimise(errors, begin, centre, ceiling)
    values = {n: float(f"{v:.{_DIGITS}g}") for n, v in zip(names, np.exp(found), strict=True)}
    return prior.with_values(values)


def _value(constants: LibraryConstants, name: str) -> float:
    part, field = name.split(".")
    return float(getattr(getattr(constants, part), field))


def minimise(errors: Callable[[Vector], Vector], start: Vector, centre: Vector, ceiling: Vector) -> Vector:
    """The logarithms that minimise the pseudo-Huber loss of `errors` plus the pull towards `centre`.

    Args:
        errors: log errors [n_rows] of the unknowns [n_unknowns].
        start: where to start.
        centre: what the pull is towards.
        ceiling: upper bounds.
    """

    def loss(found: Vector, residual: Vector) -> float:
        pull = ((found - centre) / PULL) ** 2
        return float(SOFT**2 * (np.sqrt(1.0 + (residual / SOFT) ** 2) - 1.0).sum() + SOFT**2 * 0.5 * pull.sum())

    found: Vector = np.minimum(start, ceiling)
    residual, damping = errors(found), 1e-2
    best = loss(found, residual)
    for _ in range(_ROUNDS):
        slopes = np.stack([(errors(found + h) - residual) / _STEP for h in np.eye(len(found)) * _STEP], axis=1)
        weights = 1.0 / np.sqrt(1.0 + (residual / SOFT) ** 2)
        pull = SOFT**2 / PULL**2
        normal = slopes.T @ (slopes * weights[:, None]) + pull * np.eye(len(found))
        gradient = slopes.T @ (weights * residual) + pull * (found - centre)
        for _ in range(_TRIES):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -gradient)
            trial: Vector = np.minimum(found + np.clip(step, -1.0, 1.0), ceiling)
            trial_residual = errors(trial)
            value = loss(trial, trial_residual)
            if value < best:
                break
            damping *= 4.0
        else:
            return found
        gained = best - value
        found, residual, best, damping = trial, trial_residual, value, max(damping / 4.0, 1e-7)
        if gained < 1e-9:
            return found
    return found
