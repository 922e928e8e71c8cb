"""Figures of the study: utilisation, speed-up and energy. Panels are computed first and drawn after."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attnscope.units import format_length
from attnscope.validation.study import LENGTHS, MAPPINGS, MODELS, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURES = ("utilization", "speedup", "energy")
_COLORS = {
    "unfused": "#9aa0a6",
    "flat": "#e8a33d",
    "cascade": "#c9643b",
    "fusemax-serial": "#6fa8dc",
    "fusemax": "#1f5fa8",
}
_NAMES = {"bert": "BERT", "trxl": "TrXL", "t5": "T5", "xlm": "XLM"}


@dataclass(frozen=True)
class Panel:
    """One panel: a value for each mapping and length, `bars[mapping][i]` at `labels[i]`."""

    title: str
    y_label: str
    labels: tuple[str, ...]
    bars: dict[str, tuple[float, ...]]
    percent: bool = False


@dataclass(frozen=True)
class FigureInfo:
    """A figure of the study, row by row."""

    name: str
    title: str
    rows: tuple[tuple[Panel, ...], ...]


def figure_info(study: Study, name: str) -> FigureInfo:
    """Return what the figure `name` (utilization, speedup or energy) shows."""
    if name == "utilization":
        arrays = (("array_2d", "2D array"), ("array_1d", "1D array"))
        rows = tuple(tuple(_utilization(study, model, *array) for model in MODELS) for array in arrays)
        return FigureInfo(name, "Utilisation of the arrays in attention", rows)
    what, unit = {
        "speedup": ("Speed-up of attention over unfused", "times"),
        "energy": (f"Energy of attention against unfused ({study.accounting} accounting)", "share"),
    }[name]
    return FigureInfo(name, what, (tuple(_ratios(study, model, name, unit) for model in MODELS),))


def _utilization(study: Study, model: str, array: str, label: str) -> Panel:
    bars = {m: tuple(study.get(m, model, n).utilization[array] for n in LENGTHS) for m in MAPPINGS}
    return Panel(_NAMES[model], label, _length_labels(), bars, percent=True)


def _ratios(study: Study, model: str, quantity: str, unit: str) -> Panel:
    bars = {m: tuple(study.ratio(quantity, m, "unfused", (model, n)) for n in LENGTHS) for m in MAPPINGS}
    return Panel(_NAMES[model], unit, _length_labels(), bars, percent=unit == "share")


def _length_labels() -> tuple[str, ...]:
    return tuple(format_length(n) for n in LENGTHS)


def draw(info: FigureInfo) -> "Figure":
    """Return the figure drawn from `info`."""
    from matplotlib.figure import Figure

    n_rows, n_columns = len(info.rows), len(info.rows[0])
    figure = Figure(figsize=(3.4 * n_columns, 1.1 + 2.2 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, sharey="row", squeeze=False)
    for i, row in enumerate(info.rows):
        for j, panel in enumerate(row):
            _draw_panel(axes[i][j], panel, title=i == 0, y_label=j == 0, x_label=i == n_rows - 1)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(info.title, fontsize=13, fontweight="bold")
    return figure


def _draw_panel(ax: "Axes", panel: Panel, *, title: bool, y_label: bool, x_label: bool) -> None:
    from matplotlib.ticker import PercentFormatter

    width = 0.85 / len(panel.bars)
    for k, (mapping, values) in enumerate(panel.bars.items()):
        x = [i + (k - (len(panel.bars) - 1) / 2) * width for i in range(len(values))]
        ax.bar(x, values, width, label=mapping, color=_COLORS.get(mapping))
    ax.set_xticks(range(len(panel.labels)), panel.labels)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", linewidth=0.5, alpha=0.5)
    ax.set_axisbelow(True)
    if panel.percent:
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if title:
        ax.set_title(panel.title)
    if y_label:
        ax.set_ylabel(panel.y_label)
    if x_label:
        ax.set_xlabel("sequence length")


def save_figures(study: Study, folder: Path) -> tuple[Path, ...]:
    """Draw every figure into `folder` as SVG and PNG and return the paths; the same study gives the same bytes."""
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    with mpl.rc_context({"svg.hashsalt": "attnscope"}):
        for name in FIGURES:
            figure = draw(figure_info(study, name))
            for suffix, metadata in ((".svg", {"Date": None}), (".png", {"Software": None})):
                path = folder / f"{name}{suffix}"
                figure.savefig(path, dpi=150, metadata=metadata)
                saved.append(path)
    return tuple(saved)
