"""What part of a schedule a picture shows: the window in time, the lanes, the gaps in them, one item to follow."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.simulator.events import Schedule
from attnscope.simulator.events_explain import gap_cause, lanes_of

MOST_TASKS = 5000
MOST_LANES = 24


@dataclass(frozen=True)
class IdleSpan:
    """A gap of a lane inside the window, with the cause that took most of it."""

    start_s: float
    stop_s: float
    cause: str


@dataclass(frozen=True, eq=False)
class Lane:
    """One server of one resource inside the window.

    Attributes:
        name: `array_2d`, or `sm 3` where the resource has several servers.
        task: [n_bars] task numbers in order of time.
        start_s: [n_bars] left ends, cut to the window.
        stop_s: [n_bars] right ends, cut to the window.
        kind: [n_bars] indices into the kinds.
        item: [n_bars] items, e.g. tile numbers.
        idle: the gaps between the bars, in order.
        busy_fraction: share of the window in which the server works.
    """

    name: str
    task: NDArray[np.int64]
    start_s: NDArray[np.float64]
    stop_s: NDArray[np.float64]
    kind: NDArray[np.int32]
    item: NDArray[np.int64]
    idle: tuple[IdleSpan, ...]
    busy_fraction: float


def choose_window(schedule: Schedule, start: float | None, stop: float | None, max_tasks: int) -> tuple[float, float]:
    """Both ends in ticks; an end that is not given is set so that about `max_tasks` bars begin in the window.

    Without either end, everything is shown if it fits, else the part that is most like the whole: the one in which each
    resource is about as busy as over the makespan (see `_typical`).

    Raises:
        UsageError: the window is empty, or both ends are given and hold more than 5000 tasks.
    """
    makespan = schedule.makespan_ticks
    drawn = (schedule.program.resource >= 0) & (schedule.program.duration > 0)
    begins = np.sort(schedule.start[drawn])
    if max_tasks < 1:
        raise UsageError(f"timeline: max_tasks is {max_tasks}; show at least 1.")
    n_cuts = len(begins) - max_tasks
    if start is not None:
        i = int(np.searchsorted(begins, start))
    elif stop is not None:
        i = max(0, int(np.searchsorted(begins, stop)) - max_tasks)
    else:
        i = _typical(schedule, begins, max_tasks) if n_cuts > 0 else 0
    first = float(start) if start is not None else float(begins[i]) if i else 0.0
    last = float(stop) if stop is not None else float(begins[i + max_tasks]) if i < n_cuts else makespan
    # Where very many tasks begin at once there is no cut between them: show all that follows.
    first, last = max(0.0, first), min(makespan, last if last > first or stop is not None else makespan)
    if not first < last:
        raise UsageError(
            f"timeline: no time passes from tick {first:.15g} to {last:.15g};"
            f" the schedule runs from 0 to {makespan:.15g}."
        )
    _refuse_crowds(begins, first, last, given=start is not None and stop is not None)
    return first, last


def _typical(schedule: Schedule, begins: NDArray[np.float64], max_tasks: int) -> int:
    """Index into `begins` of a window's first bar: of 99 places the one most like the whole, nearest the middle."""
    program = schedule.program
    at = np.unique(np.linspace(0, len(begins) - max_tasks - 1, 99).astype(np.int64))
    first, last = begins[at], np.maximum(begins[at + max_tasks], np.nextafter(begins[at], np.inf))
    distance = np.zeros(len(at))
    for r, n_servers in enumerate(program.servers):
        mine = program.resource == r
        start, finish = np.sort(schedule.start[mine]), np.sort(schedule.finish[mine])
        share = (_worked(start, finish, last) - _worked(start, finish, first)) / (last - first)
        distance += np.abs(share - (finish - start).sum() / schedule.makespan_ticks) / n_servers
    from_middle = np.abs(np.arange(len(at)) - len(at) // 2)
    return int(at[np.lexsort((from_middle, np.round(distance, 2)))[0]])


def _worked(start: NDArray[np.float64], finish: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Server-ticks of work done before each of the ticks `at`, given the sorted starts and the sorted finishes."""
    begun, ended = np.searchsorted(start, at), np.searchsorted(finish, at)
    start_sum, finish_sum = np.append(0.0, np.cumsum(start)), np.append(0.0, np.cumsum(finish))
    return np.asarray(finish_sum[ended] - start_sum[begun] + (begun - ended) * at)


def _refuse_crowds(begins: NDArray[np.float64], first: float, last: float, *, given: bool) -> None:
    inside = begins[(begins >= first) & (begins < last)]
    if given and len(inside) > MOST_TASKS:
        raise UsageError(
            f"timeline: {len(inside)} tasks begin between tick {first:.15g} and {last:.15g};"
            f" a picture shows {MOST_TASKS} at most. Stop at {inside[MOST_TASKS]:.15g}, or save a trace (.json)."
        )


def window_lanes(schedule: Schedule, first: float, last: float) -> tuple[tuple[Lane, ...], int]:
    """The lanes of all resources between two ticks, and how many servers were left out as too many to draw."""
    program = schedule.program
    # The same limit for all resources, the highest at which the picture stays legible.
    most = max(
        (k for k in range(1, MOST_LANES + 1) if sum(min(n, k) for n in program.servers) <= MOST_LANES), default=1
    )
    lanes: list[Lane] = []
    for name, n_servers in zip(program.resources, program.servers, strict=True):
        tasks, server = lanes_of(schedule, name)
        for number in range(min(n_servers, most)):
            lane_name = name if n_servers == 1 else f"{name} {number}"
            lanes.append(_lane(schedule, lane_name, tasks[server == number], first, last))
    return tuple(lanes), sum(program.servers) - len(lanes)


def followed_item(schedule: Schedule, lanes: tuple[Lane, ...], first: float, last: float) -> int:
    """The item of several tasks, all inside the window and on its lanes, nearest the middle; -1 if there is none."""
    program = schedule.program
    shown = np.concatenate([np.empty(0, np.int64), *(lane.task for lane in lanes)])
    items = np.unique(program.item[shown])
    if len(items) < 2:
        return -1
    drawn = (program.resource >= 0) & (program.duration > 0)
    middle = (first + last) / 2
    whole: list[tuple[float, int]] = []
    for item in items:
        tasks = np.flatnonzero((program.item == item) & drawn)
        begin, end = schedule.start[tasks].min(), schedule.finish[tasks].max()
        if len(tasks) > 1 and begin >= first and end <= last and np.isin(tasks, shown).all():
            whole.append((abs((begin + end) / 2 - middle), int(item)))
    return min(whole)[1] if whole else -1


def _lane(schedule: Schedule, name: str, tasks: NDArray[np.int64], first: float, last: float) -> Lane:
    """The part of one server between two ticks; `tasks` are all tasks it runs, in order."""
    program, tick_s = schedule.program, schedule.program.tick_s
    tasks = tasks[program.duration[tasks] > 0]
    inside = tasks[(schedule.finish[tasks] > first) & (schedule.start[tasks] < last)]
    start, stop = np.maximum(schedule.start[inside], first), np.minimum(schedule.finish[inside], last)
    return Lane(
        name=name,
        task=inside,
        start_s=start * tick_s,
        stop_s=stop * tick_s,
        kind=program.kind[inside],
        item=program.item[inside],
        idle=tuple(_gaps(schedule, tasks, first, last)),
        busy_fraction=float((stop - start).sum() / (last - first)),
    )


def _gaps(schedule: Schedule, tasks: NDArray[np.int64], first: float, last: float) -> Iterator[IdleSpan]:
    tick_s = schedule.program.tick_s
    free_from = np.concatenate([[0.0], schedule.finish[tasks]])
    free_to = np.concatenate([schedule.start[tasks], [max(last, schedule.makespan_ticks)]])
    for i in np.flatnonzero((free_to > free_from) & (free_to > first) & (free_from < last)):
        cause = gap_cause(schedule, int(tasks[i]), float(free_from[i])).what if i < len(tasks) else "no task left"
        yield IdleSpan(float(max(free_from[i], first) * tick_s), float(min(free_to[i], last) * tick_s), cause)
