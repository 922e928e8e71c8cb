"""Why a schedule took as long as it did: the chain that set the makespan, and what idle servers waited for.

Both walk back from a task to the one it waited for (`Schedule.blocked_by` if it had queued, else `released_by`), so
every tick is charged to a task that ran or to a latency that passed at that moment.
"""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from attnscope.simulator.events import Schedule
from attnscope.simulator.program import Program

Ints = NDArray[np.int64]
Ticks = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CriticalPath:
    """The chain of tasks that set the makespan, first to last; durations and latencies on it add up to the makespan.

    Attributes:
        tasks: [n_steps] task numbers in order of time.
        queued: [n_steps] True where the task waited for the step before it to free a server, False where it waited for
            its result (or, for the first step, for nothing).
        running_s: seconds of the makespan spent running tasks of each kind.
        latency_s: seconds of the makespan spent in the latency of each kind.
    """

    tasks: NDArray[np.int64]
    queued: NDArray[np.bool_]
    running_s: dict[str, float]
    latency_s: dict[str, float]


@dataclass(frozen=True)
class IdleCause:
    """One reason for which servers of a resource stood idle.

    Attributes:
        reason: "running" (the input was still being computed), "latency" (it was on its way) or "no task left".
        kind: kind of the task waited for, empty for "no task left".
        resource: where that task was running, empty for none and for latencies.
        idle_s: server-seconds.
        idle_fraction: share of the resource's server time, 0 to 1.
    """

    reason: str
    kind: str
    resource: str
    idle_s: float
    idle_fraction: float

    def __str__(self) -> str:
        place = f" on {self.resource}" if self.resource else ""
        return f"{self.idle_fraction:.1%} {self.what}{place}"

    @property
    def what(self) -> str:
        """The cause in words, e.g. `waiting for RNV`."""
        words = {"running": f"waiting for {self.kind}", "latency": f"latency of {self.kind}"}
        return words.get(self.reason, self.reason)


def critical_path(schedule: Schedule) -> CriticalPath:
    """Walk back from the task that finished last; see `CriticalPath`."""
    if not schedule.program.n_tasks:
        return CriticalPath(np.empty(0, np.int64), np.empty(0, np.bool_), {}, {})
    program = schedule.program
    tasks, queued = _walk_back(
        schedule.start, schedule.ready, schedule.released_by, schedule.blocked_by, np.argmax(schedule.finish)
    )
    # The latency of a step counts where the next step waited for its result, not for its server.
    in_flight = np.append(~queued[1:], False)
    running_s = _by_kind(schedule, tasks, program.duration[tasks])
    latency_s = _by_kind(schedule, tasks, np.where(in_flight, program.latency[tasks], 0.0))
    return CriticalPath(tasks, queued, running_s, latency_s)


def idle_causes(schedule: Schedule, resource: str) -> tuple[IdleCause, ...]:
    """What the idle servers of a resource waited for, largest first; the parts add up to its idle time.

    Each gap before a task is charged to the chain of tasks that led to it. Raises UnknownNameError.
    """
    program = schedule.program
    n_servers = program.servers[program.resource_index(resource)]
    tasks, lanes = lanes_of(schedule, resource)
    running, latency = _no_charges(program)
    room_ticks = n_servers * schedule.makespan_ticks
    tail = _charge_gaps(running, latency, tasks, lanes, n_servers, schedule.makespan_ticks, _links(schedule))
    causes = _causes(schedule, running, latency, room_ticks)
    if tail > 0:
        causes.append(IdleCause("no task left", "", "", float(tail * program.tick_s), float(tail / room_ticks)))
    return tuple(sorted(causes, key=_largest_first))


def gap_cause(schedule: Schedule, task: int, gap_start: float) -> IdleCause:
    """Largest cause of the gap from `gap_start` ticks to a task's start; `idle_fraction` is its share of the gap."""
    running, latency = _no_charges(schedule.program)
    _charge_gap(running, latency, task, gap_start, _links(schedule))
    return min(_causes(schedule, running, latency, schedule.start[task] - gap_start), key=_largest_first)


def lanes_of(schedule: Schedule, resource: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tasks of a resource in order of start, and the server (0 is the first) that each ran on.

    Servers are interchangeable; every task is drawn on the lowest one that is free. Raises UnknownNameError.
    """
    program = schedule.program
    r = program.resource_index(resource)
    tasks = np.flatnonzero(program.resource == r)
    # Tasks of no duration come first among those that start together: they free their server at once.
    order = tasks[np.lexsort((tasks, schedule.finish[tasks] > schedule.start[tasks], schedule.start[tasks]))]
    return order, _lanes(schedule.start[order], schedule.finish[order], program.servers[r])


def _links(schedule: Schedule) -> tuple[NDArray[np.generic], ...]:
    program = schedule.program
    who = (program.resource, program.kind)
    return (*who, schedule.start, schedule.finish, schedule.ready, schedule.released_by, schedule.blocked_by)


def _no_charges(program: Program) -> tuple[Ticks, Ticks]:
    """Zeros by [resource, kind]; the last row, reached with index -1, is for latencies and tasks without a resource."""
    shape = (len(program.resources) + 1, len(program.kinds))
    return np.zeros(shape), np.zeros(shape)


def _causes(schedule: Schedule, running: Ticks, latency: Ticks, room_ticks: float) -> list[IdleCause]:
    program = schedule.program
    names = (*program.resources, "")
    return [
        IdleCause(
            reason,
            program.kinds[kind],
            names[place],
            float(ticks[place, kind] * program.tick_s),
            float(ticks[place, kind] / room_ticks),
        )
        for reason, ticks in (("running", running), ("latency", latency))
        for place, kind in zip(*np.nonzero(ticks), strict=True)
    ]


def _largest_first(cause: IdleCause) -> tuple[float, str, str, str]:
    return (-cause.idle_s, cause.reason, cause.kind, cause.resource)


def _by_kind(schedule: Schedule, tasks: Ints, ticks: Ticks) -> dict[str, float]:
    program = schedule.program
    total = np.bincount(program.kind[tasks], weights=ticks, minlength=len(program.kinds)) * program.tick_s
    return {kind: float(part) for kind, part in zip(program.kinds, total, strict=True) if part > 0}


@numba.njit(cache=True)
def _walk_back(
    start: Ticks, ready: Ticks, released_by: Ints, blocked_by: Ints, task: int
) -> tuple[Ints, NDArray[np.bool_]]:
    """Chain that ends at `task`, first step first, and whether each step queued for a server."""
    steps, queued = [task], [ready[task] < start[task]]
    while True:
        task = blocked_by[task] if ready[task] < start[task] else released_by[task]
        if task < 0:
            return np.array(steps[::-1]), np.array(queued[::-1])
        steps.append(task)
        queued.append(ready[task] < start[task])


@numba.njit(cache=True)
def _lanes(start: Ticks, finish: Ticks, n_servers: int) -> Ints:
    """Lowest free server for each task; tasks come in order of start."""
    lane, free_at = np.empty(start.shape[0], np.int64), np.zeros(n_servers)
    for i in range(start.shape[0]):
        server = 0
        while free_at[server] > start[i]:
            server += 1
        lane[i] = server
        free_at[server] = finish[i]
    return lane


@numba.njit(cache=True)
def _charge_gap(running: Ticks, latency: Ticks, task: int, gap: float, links: tuple[NDArray[np.generic], ...]) -> None:
    """Add the ticks from `gap` to the start of `task` to what ran, or was in flight, on the chain that led to it."""
    resource, kind, start, finish, ready, released_by, blocked_by = links
    moment = start[task]
    while moment > gap:
        task = blocked_by[task] if ready[task] < start[task] else released_by[task]
        latency[-1, kind[task]] += moment - max(gap, finish[task])
        moment = max(gap, finish[task])
        running[resource[task], kind[task]] += moment - max(gap, start[task])
        moment = start[task]


@numba.njit(cache=True)
def _charge_gaps(
    running: Ticks,
    latency: Ticks,
    tasks: Ints,
    lanes: Ints,
    n_servers: int,
    makespan: float,
    links: tuple[NDArray[np.generic], ...],
) -> float:
    """Charge every gap before one of `tasks`; return the server-ticks after the last task of each lane."""
    start, finish = links[2], links[3]
    free_at = np.zeros(n_servers)
    for i in range(tasks.shape[0]):
        if start[tasks[i]] > free_at[lanes[i]]:
            _charge_gap(running, latency, tasks[i], free_at[lanes[i]], links)
        free_at[lanes[i]] = finish[tasks[i]]
    return float((makespan - free_at).sum())
