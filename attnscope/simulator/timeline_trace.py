"""Schedules as Chrome traces: open them at ui.perfetto.dev or chrome://tracing.

Format: "Trace Event Format" (Google): complete events ("X") in microseconds, one process per resource, one thread per
server, and flow events ("s", "f") for the dependencies that set a start.
"""

from typing import Any

import numpy as np

from attnscope.simulator.events import Schedule
from attnscope.simulator.events_explain import lanes_of
from attnscope.simulator.program import Program


def chrome_trace(
    program: Program,
    schedule: Schedule,
    *,
    start: float | None = None,
    stop: float | None = None,
    flows: bool = False,
) -> dict[str, Any]:
    """Trace of all tasks, or of those that run between two ticks, as a JSON-ready dictionary.

    Args:
        program: the program.
        schedule: what `play` made of it.
        start: leave out tasks that finish before this tick.
        stop: leave out tasks that start after this tick.
        flows: draw an arrow from each task to those it released.
    """
    events: list[dict[str, Any]] = []
    place: dict[int, tuple[int, int]] = {}
    for process, (name, n_servers) in enumerate(zip(program.resources, program.servers, strict=True), start=1):
        events += _names(process, name, n_servers)
        tasks, lanes = lanes_of(schedule, name)
        place.update(zip(tasks.tolist(), ((process, lane) for lane in lanes.tolist()), strict=True))
    low, high = start if start is not None else 0.0, stop if stop is not None else schedule.makespan_ticks
    chosen = np.flatnonzero((schedule.finish >= low) & (schedule.start <= high))
    in_order = chosen[np.lexsort((chosen, schedule.start[chosen]))].tolist()
    events += [_event(program, schedule, task, place.get(task)) for task in in_order]
    if flows:
        events += _flows(schedule, in_order, place)
    return {
        "displayTimeUnit": "ns",
        "otherData": {"tick_s": program.tick_s, "makespan_s": schedule.makespan_s},
        "traceEvents": events,
    }


def _names(process: int, name: str, n_servers: int) -> list[dict[str, Any]]:
    def meta(what: str, thread: int, **args: str | int) -> dict[str, Any]:
        return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": args}

    rows = [meta("process_name", 0, name=name), meta("process_sort_index", 0, sort_index=process)]
    for lane in range(n_servers):
        rows.append(meta("thread_name", lane, name=name if n_servers == 1 else f"{name} {lane}"))
        rows.append(meta("thread_sort_index", lane, sort_index=lane))
    return rows


def _event(program: Program, schedule: Schedule, task: int, place: tuple[int, int] | None) -> dict[str, Any]:
    tick_us = program.tick_s * 1e6
    kind = program.kinds[program.kind[task]]
    event: dict[str, Any] = {
        "name": f"{kind} {program.item[task]}",
        "cat": kind,
        "ts": float(schedule.start[task] * tick_us),
        "args": {
            "item": int(program.item[task]),
            "task": task,
            "queued_us": float((schedule.start[task] - schedule.ready[task]) * tick_us),
        },
    }
    if place is None:  # a milestone needs no resource: an instant across the whole trace
        return {"ph": "i", "s": "g", "pid": 0, "tid": 0, **event}
    return {"ph": "X", "pid": place[0], "tid": place[1], "dur": float(program.duration[task] * tick_us), **event}


def _flows(schedule: Schedule, tasks: list[int], place: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    tick_us = schedule.program.tick_s * 1e6
    shown = set(tasks)
    events: list[dict[str, Any]] = []
    for task in tasks:
        before = int(schedule.released_by[task])
        if before not in shown or task not in place or before not in place:
            continue
        for phase, end, ticks in (("s", before, schedule.finish[before]), ("f", task, schedule.start[task])):
            process, lane = place[end]
            arrow = {"ph": phase, "id": task, "name": "releases", "cat": "dependency", "pid": process, "tid": lane}
            events.append({**arrow, "ts": float(ticks * tick_us), **({"bp": "e"} if phase == "f" else {})})
    return events
