"""Timelines: what a Gantt chart of a schedule shows, and saving it as a picture or a trace.

Everything is computed here; `timeline_plot` only draws and `timeline_trace` only writes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from attnscope.errors import UsageError
from attnscope.simulator.events import Schedule
from attnscope.simulator.program import Program
from attnscope.simulator.timeline_window import Lane, choose_window, followed_item, window_lanes

# Hues that stay apart side by side and in print; kinds take them in order, then again from the start.
PALETTE = (
    "#3a6ea5",
    "#e4572e",
    "#17202a",
    "#f2a541",
    "#9c2f55",
    "#7a9e3b",
    "#1b998b",
    "#5fb0c9",
    "#6a4c93",
    "#c98bb9",
    "#8c5e3c",
    "#7d8597",
    "#b7b09c",
    "#8fb8de",
    "#b5c99a",
    "#d9b44a",
    "#a26769",
    "#4a5859",
)
DEFAULT_TASKS = 130


@dataclass(frozen=True, eq=False)
class GanttInfo:
    """All that a Gantt chart shows; times in seconds since the program's start.

    Attributes:
        lanes: top to bottom.
        kinds: labels; `Lane.kind` indexes them.
        shown_kinds: those with a bar in the window, in the order of `kinds`.
        colors: two shades per kind, for even and odd items.
        start_s: left end of the window.
        stop_s: right end.
        makespan_s: of the whole schedule.
        tick_s: seconds per tick.
        n_tasks: tasks of the whole program.
        n_hidden_lanes: servers left out because there are too many to draw.
        followed: the bars (lane, start_s, stop_s) of one item that lies whole inside the window, in order of time.
        followed_item: that item, -1 where none fits.
        item_name: what an item is, e.g. "tile".
    """

    lanes: tuple[Lane, ...]
    kinds: tuple[str, ...]
    shown_kinds: tuple[int, ...]
    colors: tuple[tuple[str, str], ...]
    start_s: float
    stop_s: float
    makespan_s: float
    tick_s: float
    n_tasks: int
    n_hidden_lanes: int
    followed: tuple[tuple[int, float, float], ...]
    followed_item: int
    item_name: str


def gantt(
    program: Program,
    schedule: Schedule,
    *,
    start: float | None = None,
    stop: float | None = None,
    max_tasks: int = DEFAULT_TASKS,
    item_name: str = "item",
) -> GanttInfo:
    """Compute a Gantt chart of a window of a schedule.

    Args:
        program: the program.
        schedule: what `play` made of it.
        start: left end of the window in ticks; see `choose_window` for what is shown without it.
        stop: right end in ticks.
        max_tasks: most bars that begin in a window that is not given by both ends.
        item_name: what an item is, e.g. "tile".

    Raises:
        UsageError: the window is empty, or both ends are given and it holds more than 5000 tasks.
    """
    first, last = choose_window(schedule, start, stop, max_tasks)
    lanes, n_hidden_lanes = window_lanes(schedule, first, last)
    item = followed_item(schedule, lanes, first, last)
    return GanttInfo(
        lanes=lanes,
        kinds=program.kinds,
        shown_kinds=tuple(sorted({int(kind) for lane in lanes for kind in lane.kind})),
        colors=tuple(_shades(PALETTE[i % len(PALETTE)]) for i in range(len(program.kinds))),
        start_s=first * program.tick_s,
        stop_s=last * program.tick_s,
        makespan_s=schedule.makespan_s,
        tick_s=program.tick_s,
        n_tasks=program.n_tasks,
        n_hidden_lanes=n_hidden_lanes,
        followed=_bars_of(item, lanes),
        followed_item=item,
        item_name=item_name,
    )


def save_timeline(
    path: str | Path,
    program: Program,
    schedule: Schedule,
    *,
    start: float | None = None,
    stop: float | None = None,
    max_tasks: int = DEFAULT_TASKS,
    item_name: str = "item",
    title: str = "",
) -> None:
    """Save a timeline; the suffix chooses: .svg and .png draw `gantt`, .json is a Chrome trace (Perfetto opens it).

    A trace holds the whole schedule unless `start` or `stop` (ticks) cut it. Raises UsageError for other suffixes.
    """
    path = Path(path)
    if path.suffix.lower() not in (".svg", ".png", ".json"):
        given = repr(path.suffix) if path.suffix else "a file without suffix"
        raise UsageError(
            f"{path}: cannot save a timeline as {given};"
            " use .svg or .png (picture), or .json (Chrome trace, opens in Perfetto)."
        )
    if path.suffix.lower() == ".json":
        from attnscope.simulator.timeline_trace import chrome_trace

        trace = chrome_trace(program, schedule, start=start, stop=stop)
        path.write_text(json.dumps(trace, separators=(",", ":")) + "\n", encoding="utf-8")
        return
    from attnscope.simulator.timeline_plot import save_gantt

    info = gantt(program, schedule, start=start, stop=stop, max_tasks=max_tasks, item_name=item_name)
    save_gantt(path, info, title=title)


def _bars_of(item: int, lanes: tuple[Lane, ...]) -> tuple[tuple[int, float, float], ...]:
    bars = [
        (i, float(start), float(stop))
        for i, lane in enumerate(lanes)
        for start, stop, owner in zip(lane.start_s, lane.stop_s, lane.item, strict=True)
        if owner == item
    ]
    return tuple(sorted(bars, key=lambda bar: (bar[1], bar[0]))) if item >= 0 else ()


def _shades(color: str) -> tuple[str, str]:
    """A colour and one 35 % nearer to white, so that neighbouring items of one kind stay apart."""
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return color, "#" + "".join(f"{round(part + 0.35 * (255 - part)):02x}" for part in parts)
