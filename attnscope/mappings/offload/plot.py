"""Figure of a sweep: throughput against time between tokens, the Pareto front coloured by price."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.mappings.offload.sweep import OffloadSweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
SUFFIXES = (".svg", ".png", ".pdf")
MOST_DOTS = 5000


@dataclass(frozen=True, eq=False)
class FrontInfo:
    """All that the figure shows.

    Attributes:
        title: of the figure.
        all_ms, all_tokens_per_s: at most 5,000 points of the sweep, evenly taken.
        front_ms, front_tokens_per_s, front_price: [n_front] the front, the dearest pools first.
    """

    title: str
    all_ms: Floats
    all_tokens_per_s: Floats
    front_ms: Floats
    front_tokens_per_s: Floats
    front_price: Floats


def front_info(sweep: OffloadSweep) -> FrontInfo:
    """Return what the figure of a sweep shows."""
    some = np.arange(0, sweep.n_points, max(1, -(-sweep.n_points // MOST_DOTS)))
    front = sweep.front[::-1]
    d = sweep.deployment
    memory = d.memory.device if d.memory else ""
    return FrontInfo(
        f"{d.model.name} on {d.compute.device} + {memory}: throughput, latency and price",
        1e3 * sweep.time_between_tokens_s[some],
        sweep.tokens_per_s[some],
        1e3 * sweep.time_between_tokens_s[front],
        sweep.tokens_per_s[front],
        sweep.price_per_hour[front],
    )


def draw_front(info: FrontInfo) -> "Figure":
    """Return the figure drawn from `info`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(info.all_ms, info.all_tokens_per_s, s=4, color="#c8ccd0", label="all points", rasterized=True)
    marks = axes.scatter(
        info.front_ms, info.front_tokens_per_s, s=16, c=info.front_price, cmap="viridis_r", label="Pareto front"
    )
    figure.colorbar(marks, ax=axes, label="price per hour")
    axes.set_xlabel("time between tokens [ms]")
    axes.set_ylabel("tokens per second")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(linewidth=0.5, alpha=0.5)
    axes.set_axisbelow(True)
    axes.set_title(info.title, fontsize=11)
    axes.legend(frameon=False, loc="lower right")
    return figure


def save_front(path: str | Path, sweep: OffloadSweep) -> None:
    """Save the figure of a sweep as .svg, .png or .pdf; the same sweep gives the same bytes.

    Raises:
        UsageError: another suffix.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{file}: cannot save a figure as {file.suffix or 'a file without suffix'}; use .svg or .png.")
    import matplotlib as mpl

    no_dates = {".svg": {"Date": None}, ".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    with mpl.rc_context({"svg.hashsalt": "attnscope"}):
        draw_front(front_info(sweep)).savefig(file, dpi=150, metadata=no_dates[file.suffix.lower()])
