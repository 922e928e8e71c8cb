"""Draw Gantt charts. Nothing is computed here beyond where text fits; no window is opened, no global state is kept."""

from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from attnscope.simulator.timeline import GanttInfo
from attnscope.simulator.timeline_window import IdleSpan, Lane

INK, GREY, PAPER, HATCH = "#1c2329", "#6b747c", "#f6f4ef", "#d3ccc0"
HALF = 0.36  # half the height of a bar; lanes are 1 apart
FONT_POINTS = 7.5
LEGEND_ROW_INCHES = 0.19
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def save_gantt(path: Path, info: GanttInfo, *, title: str = "") -> None:
    """Draw and save; the suffix of the path chooses the format. The same input gives the same bytes."""
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "attnscope", "svg.fonttype": "path", "hatch.linewidth": 0.7}):
        axes = plot_gantt(info)
        if title:
            axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=44)
        figure = axes.get_figure(root=True)
        if figure is not None:
            figure.savefig(path, dpi=160, metadata=metadata)


def plot_gantt(info: GanttInfo, ax: Axes | None = None) -> Axes:
    """Draw lanes, bars coloured by kind (shade by item), idle time, one followed item, and each lane's utilisation.

    Without `ax` a new figure of fitting size is made; it is `ax.get_figure()` of the answer.
    """
    ax = ax if ax is not None else _new_axes(info)
    unit_s, unit = next(((s, name) for s, name in UNITS if info.stop_s - info.start_s >= s), UNITS[-1])
    # Far from the start, absolute times would need too many digits: count from the window's left end.
    origin_s = 0.0 if info.start_s < 1e4 * unit_s else info.start_s
    scale = _Scale(ax, info, origin_s, unit_s)
    for row, lane in enumerate(info.lanes):
        for span in lane.idle:
            _draw_idle(scale, row, span)
        _draw_bars(scale, row, lane)
        _draw_utilisation(scale, row, lane)
    _draw_followed(scale)
    _draw_axes(scale, unit)
    _draw_legend(scale)
    return ax


class _Scale:
    """An axes with the window's unit: turns seconds into its x coordinates, and lengths into points on paper."""

    def __init__(self, ax: Axes, info: GanttInfo, origin_s: float, unit_s: float) -> None:
        self.ax, self.info, self.origin_s, self.unit_s = ax, info, origin_s, unit_s
        ax.set_xlim(self.x(info.start_s), self.x(info.stop_s))
        ax.set_ylim(len(info.lanes) - 0.5, -0.5)
        box = ax.get_position()
        figure = ax.get_figure(root=True)
        width, height = figure.get_size_inches() if figure is not None else (10.0, 3.0)
        self.width_points = float(box.width * width * 72)
        self.height_points = float(box.height * height * 72)
        self.lane_points = self.height_points / max(1, len(info.lanes))

    def x(self, seconds: float) -> float:
        return (float(seconds) - self.origin_s) / self.unit_s

    def points(self, seconds: float) -> float:
        return seconds / (self.info.stop_s - self.info.start_s) * self.width_points

    def fits(self, text: str, seconds: float, size: float = FONT_POINTS) -> bool:
        return 0.64 * size * len(text) + 3 <= self.points(seconds)


def _new_axes(info: GanttInfo) -> Axes:
    n_lanes = max(1, len(info.lanes))
    lanes_inches = n_lanes * min(1.05, max(0.34, 7.0 / n_lanes))
    width = 13.6
    labels = _legend_labels(info)
    columns = _legend_columns(labels, (width - 2.5) * 72)
    below = 0.75 + LEGEND_ROW_INCHES * -(-len(labels) // columns)
    height = lanes_inches + below + 0.9
    figure = Figure(figsize=(width, height), facecolor="white")
    return figure.add_axes((1.1 / width, below / height, (width - 2.5) / width, lanes_inches / height))


def _draw_idle(scale: _Scale, row: int, span: IdleSpan) -> None:
    length_s = span.stop_s - span.start_s
    left, right = scale.x(span.start_s), scale.x(span.stop_s)
    hatch = "////" if scale.points(length_s) > 1 else None
    box = ((left, row - HALF), right - left, 2 * HALF)
    scale.ax.add_patch(Rectangle(*box, facecolor=PAPER, edgecolor=HATCH, hatch=hatch, linewidth=0, zorder=1))
    lines = [span.cause] if scale.fits(span.cause, length_s) else _two_lines(span.cause)
    if not scale.fits(max(lines, key=len), length_s) or (len(lines) + 1) * FONT_POINTS > 2 * HALF * scale.lane_points:
        return
    scale.ax.text(
        (left + right) / 2,
        row,
        "\n".join(lines),
        ha="center",
        va="center",
        fontsize=FONT_POINTS,
        fontstyle="italic",
        color=GREY,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.2},
        zorder=2,
    )


def _two_lines(text: str) -> list[str]:
    """Break at the space that makes the longer line shortest."""
    words = text.split()
    breaks = [[" ".join(words[:i]), " ".join(words[i:])] for i in range(1, len(words))]
    return min(breaks, key=lambda lines: max(map(len, lines)), default=[text])


def _draw_bars(scale: _Scale, row: int, lane: Lane) -> None:
    boxes, faces = [], []
    for start_s, stop_s, kind, item in zip(lane.start_s, lane.stop_s, lane.kind, lane.item, strict=True):
        left, right = scale.x(start_s), scale.x(stop_s)
        boxes.append([(left, row - HALF), (right, row - HALF), (right, row + HALF), (left, row + HALF)])
        faces.append(scale.info.colors[kind][item % 2])
        _label_bar(scale, row, float(start_s), float(stop_s), scale.info.kinds[kind], str(item), faces[-1])
    # A white rim separates wide bars; on bars of a few pixels it would hide them.
    rims = [
        0.6 if scale.points(stop - start) > 6 else 0.0 for start, stop in zip(lane.start_s, lane.stop_s, strict=True)
    ]
    scale.ax.add_collection(
        PolyCollection(boxes, facecolors=faces, edgecolors="white", linewidths=rims, zorder=3), autolim=False
    )


def _label_bar(scale: _Scale, row: int, start_s: float, stop_s: float, kind: str, item: str, face: str) -> None:
    """Kind above item where both fit, else the item, else nothing."""
    tall = 2 * HALF * scale.lane_points > 3 * FONT_POINTS
    both = tall and scale.fits(max(kind, item, key=len), stop_s - start_s)
    if not scale.fits(item, stop_s - start_s):
        return
    scale.ax.text(
        scale.x((start_s + stop_s) / 2),
        row,
        f"{kind}\n{item}" if both else item,
        ha="center",
        va="center",
        fontsize=FONT_POINTS,
        linespacing=1.35,
        color=_ink_on(face),
        zorder=4,
    )


def _draw_followed(scale: _Scale) -> None:
    """Outline the bars of one item and join them, so that its way down the lanes can be seen."""
    bars = scale.info.followed
    for row, start_s, stop_s in bars:
        left, right = scale.x(start_s), scale.x(stop_s)
        box = Rectangle((left, row - HALF), right - left, 2 * HALF, fill=False, edgecolor=INK, linewidth=1.4, zorder=6)
        scale.ax.add_patch(box)
    for (row, _, stop_s), (next_row, start_s, _) in pairwise(bars):
        left, right = scale.x(stop_s), scale.x(start_s)
        if row == next_row and scale.points(start_s - stop_s) < 4:
            continue
        if row == next_row:  # along the upper edge, where no label is crossed
            edge = row - HALF - 0.035
            scale.ax.plot((left, left, right, right), (row - HALF, edge, edge, row - HALF), color=INK, lw=1.1, zorder=5)
        else:
            side = HALF if next_row > row else -HALF
            # Behind the bars, and the labels, of lanes in between.
            scale.ax.plot((left, right), (row + side, next_row - side), color=INK, lw=1.1, zorder=1.5)


def _draw_utilisation(scale: _Scale, row: int, lane: Lane) -> None:
    """A gauge and a figure to the right of the lane."""
    transform = scale.ax.get_yaxis_transform()
    left, width, height = 1.012, 0.05, 0.16
    for length, color in ((width, "#e4e0d8"), (width * lane.busy_fraction, "#2f7d62")):
        gauge = Rectangle((left, row + 0.08), length, height, facecolor=color, transform=transform, clip_on=False)
        scale.ax.add_patch(gauge)
    size = min(12.0, 0.45 * scale.lane_points)
    text = f"{lane.busy_fraction:.1%}"
    scale.ax.text(
        left, row - 0.02, text, transform=transform, ha="left", va="bottom", fontsize=size, fontweight="bold", color=INK
    )


def _draw_axes(scale: _Scale, unit: str) -> None:
    ax, info = scale.ax, scale.info
    ax.set_yticks(range(len(info.lanes)), [lane.name for lane in info.lanes], fontsize=10, color=INK)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", colors=GREY, labelsize=8.5)
    since = f"since {scale.origin_s:.9g} s " if scale.origin_s else ""
    ax.set_xlabel(f"time {since}[{unit}]", fontsize=9.5, color=INK)
    ax.xaxis.set_major_locator(MaxNLocator(10))
    ax.ticklabel_format(axis="x", style="plain", useOffset=False)
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(HATCH)
    _draw_ticks_axis(scale)
    for x, points_above, side, size, text in (
        (1.012, 6, "left", 8.5, "busy"),
        (-0.014, 6, "right", 8.5, "clock ticks"),
        (0.0, 28, "left", 9.5, _window_note(info)),
    ):
        y = 1 + points_above / scale.height_points
        ax.text(x, y, text, ha=side, va="bottom", fontsize=size, color=GREY, transform=ax.transAxes)


def _draw_ticks_axis(scale: _Scale) -> None:
    """Clock ticks since the left end of the window, along the top."""
    info = scale.info

    def to_ticks(x: ArrayLike) -> ArrayLike:
        return (np.asarray(x) * scale.unit_s + scale.origin_s - info.start_s) / info.tick_s

    def from_ticks(ticks: ArrayLike) -> ArrayLike:
        return (np.asarray(ticks) * info.tick_s + info.start_s - scale.origin_s) / scale.unit_s

    top = scale.ax.secondary_xaxis("top", functions=(to_ticks, from_ticks))
    top.xaxis.set_major_locator(MaxNLocator(10))
    top.tick_params(colors=GREY, labelsize=8.5, length=3, pad=2)
    top.spines["top"].set_visible(False)


def _window_note(info: GanttInfo) -> str:
    n_bars = sum(len(lane.task) for lane in info.lanes)
    share = f"{n_bars:,} of {info.n_tasks:,} tasks"
    hidden = f"; {info.n_hidden_lanes} more servers not shown" if info.n_hidden_lanes else ""
    if info.start_s <= 0 and info.stop_s >= info.makespan_s:
        return f"whole run, {_time(info.makespan_s)}; {share}{hidden}"
    return f"{_time(info.stop_s - info.start_s)} of {_time(info.makespan_s)}; {share}{hidden}"


def _time(seconds: float) -> str:
    unit_s, unit = next(((s, name) for s, name in UNITS if seconds >= s), UNITS[-1])
    return f"{seconds / unit_s:.4g} {unit}"


def _draw_legend(scale: _Scale) -> None:
    info, labels = scale.info, _legend_labels(scale.info)
    handles = [Patch(facecolor=info.colors[kind][0], label=info.kinds[kind]) for kind in info.shown_kinds]
    handles.append(Patch(facecolor=PAPER, edgecolor=HATCH, hatch="////", linewidth=0, label="idle"))
    if info.followed:
        handles.append(Patch(facecolor="none", edgecolor=INK, linewidth=1.5, label=labels[-1]))
    scale.ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, -44 / scale.height_points),
        borderaxespad=0,
        ncols=_legend_columns(labels, scale.width_points),
        frameon=False,
        fontsize=8.5,
        handlelength=1.3,
        handleheight=1.1,
        columnspacing=1.3,
        labelcolor=INK,
    )


def _legend_labels(info: GanttInfo) -> list[str]:
    labels = [*(info.kinds[kind] for kind in info.shown_kinds), "idle"]
    if info.followed:
        ticks = (max(stop for _, _, stop in info.followed) - info.followed[0][1]) / info.tick_s
        labels.append(f"{info.item_name} {info.followed_item}: {ticks:,.0f} ticks")
    return labels


def _legend_columns(labels: list[str], width_points: float) -> int:
    """One row where it fits, else columns as wide as the longest label."""
    widths = [32 + 5.2 * len(label) for label in labels]
    return len(labels) if sum(widths) <= width_points else max(1, int(width_points / max(widths)))


def _ink_on(face: str) -> str:
    """Dark or white text, whichever reads better on a colour."""
    red, green, blue = (int(face[i : i + 2], 16) for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 135 else "white"
