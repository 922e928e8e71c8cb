"""Figures of the comparison with published tables: predicted against measured, and error against size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attnscope.validation.gpu_splits import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = {"prefill": "#1f5fa8", "decode": "#c9643b", "gemm": "#5a8f5a"}


def plot_comparisons(found: Sequence[Comparison]) -> "Figure":
    """Draw one row per comparison: predicted against measured time, and the error against the measured time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 3.2 * len(found)), layout="constrained")
    rows = figure.subplots(len(found), 2, squeeze=False)
    for one, (left, right) in zip(found, rows, strict=True):
        plot_times(one, left)
        plot_errors(one, right)
    return figure


def plot_times(one: Comparison, axes: "Axes") -> None:
    """Draw predicted against measured time, both logarithmic, with the line of equality."""
    measured_us, predicted_us = 1e6 * one.table.measured_s, 1e6 * one.predicted_s
    ends = [float(min(measured_us.min(), predicted_us.min())), float(max(measured_us.max(), predicted_us.max()))]
    axes.loglog(measured_us, predicted_us, ".", markersize=2, color=_COLORS[one.table.family])
    axes.loglog(ends, ends, color="black", linewidth=0.8)
    axes.set(title=one.name, xlabel="measured [us]", ylabel="predicted [us]")


def plot_errors(one: Comparison, axes: "Axes") -> None:
    """Draw the error in percent against the measured time, with the mean of its size."""
    mean = 100.0 * float(np.abs(one.errors).mean())
    axes.semilogx(1e6 * one.table.measured_s, 100.0 * one.errors, ".", markersize=2, color=_COLORS[one.table.family])
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set(title=f"mean error {mean:.1f} %, {len(one.errors):,} rows", xlabel="measured [us]", ylabel="error [%]")
