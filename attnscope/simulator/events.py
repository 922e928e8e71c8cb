"""Event engine: play a program in time. It knows tasks, dependencies and resources, and no formula.

Non-preemptive list scheduling: whenever a server of a resource is free, the ready task of that resource with the lowest
(priority, number) starts. A task is ready when finish + latency of every predecessor have passed. There is no
lookahead: a free server never waits for a better task that is not ready yet.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import SpecError
from attnscope.simulator.program import Program, find_cycle

if TYPE_CHECKING:
    from attnscope.simulator.events_explain import CriticalPath, IdleCause


@dataclass(frozen=True, eq=False)
class Schedule:
    """When each task of a program ran, and why not earlier.

    Attributes:
        program: what was played.
        start: [n_tasks] ticks.
        finish: [n_tasks] ticks.
        ready: [n_tasks] ticks; `start - ready` is the time spent queueing for a server.
        released_by: [n_tasks] the predecessor that was satisfied last, -1 without predecessors.
        blocked_by: [n_tasks] the task whose finish freed the server for a task that had queued, -1 where none did.
    """

    program: Program
    start: NDArray[np.float64]
    finish: NDArray[np.float64]
    ready: NDArray[np.float64]
    released_by: NDArray[np.int64]
    blocked_by: NDArray[np.int64]

    @cached_property
    def makespan_ticks(self) -> float:
        """Finish of the last task; a latency nobody waits for does not count."""
        return float(self.finish.max(initial=0.0))

    @property
    def makespan_s(self) -> float:
        """Makespan in seconds."""
        return self.makespan_ticks * self.program.tick_s

    @cached_property
    def busy_s_by_resource_and_kind(self) -> dict[str, dict[str, float]]:
        """Server-seconds of work, by resource, then by kind; kinds without work on a resource are left out."""
        program = self.program
        n_kinds = len(program.kinds)
        bound = program.resource >= 0
        cell = program.resource[bound].astype(np.int64) * n_kinds + program.kind[bound]
        shape = (len(program.resources), n_kinds)
        ticks = np.bincount(cell, weights=program.duration[bound], minlength=shape[0] * n_kinds).reshape(shape)
        used = np.bincount(cell, minlength=shape[0] * n_kinds).reshape(shape) > 0
        return {
            name: {k: float(ticks[r, i] * program.tick_s) for i, k in enumerate(program.kinds) if used[r, i]}
            for r, name in enumerate(program.resources)
        }

    @cached_property
    def busy_s(self) -> dict[str, float]:
        """Server-seconds of work of each resource."""
        return {name: sum(parts.values(), 0.0) for name, parts in self.busy_s_by_resource_and_kind.items()}

    @cached_property
    def busy_s_by_kind(self) -> dict[str, float]:
        """Server-seconds of work of each kind, over all resources."""
        total = dict.fromkeys(self.program.kinds, 0.0)
        for parts in self.busy_s_by_resource_and_kind.values():
            for kind, busy_s in parts.items():
                total[kind] += busy_s
        return total

    @cached_property
    def busy_fraction(self) -> dict[str, float]:
        """Share of each resource's server time spent working, 0 to 1."""
        available_s = [count * self.makespan_s for count in self.program.servers]
        return {
            name: busy_s / room_s if room_s > 0 else 0.0
            for (name, busy_s), room_s in zip(self.busy_s.items(), available_s, strict=True)
        }

    def critical_path(self) -> "CriticalPath":
        """The chain of tasks that set the makespan, with what each step waited for."""
        from attnscope.simulator.events_explain import critical_path

        return critical_path(self)

    def idle_causes(self, resource: str) -> "tuple[IdleCause, ...]":
        """What the idle servers of a resource waited for, largest first. Raises UnknownNameError."""
        from attnscope.simulator.events_explain import idle_causes

        return idle_causes(self, resource)

    def explain_idle(self, resource: str) -> str:
        """One sentence: how idle a resource is, and its three largest causes. Raises UnknownNameError."""
        causes = self.idle_causes(resource)
        parts = ", ".join(str(cause) for cause in causes[:3])
        return f"{resource} is idle {1 - self.busy_fraction[resource]:.1%} of the time{': ' + parts if parts else ''}."


def play(program: Program) -> Schedule:
    """Play a program; the same program always gives the same schedule.

    Raises:
        SpecError: the dependencies hold a cycle; the message names the tasks on it.
    """
    from attnscope.simulator.events_core import list_schedule

    start, finish, ready, released_by, blocked_by = list_schedule(
        np.array(program.servers, dtype=np.int64),
        program.resource,
        program.duration,
        program.latency,
        program.priority,
        program.dep_ptr,
        program.dep,
    )
    stuck = np.flatnonzero(start < 0)
    if stuck.size:
        names = [program.label(task) for task in find_cycle(program, stuck)]
        shown = names if len(names) <= 8 else [*names[:4], f"... {len(names) - 8} more ...", *names[-4:]]
        raise SpecError(
            f"program: these tasks wait for each other: {' -> '.join([*shown, names[0]])}. Remove one dependency."
        )
    return Schedule(program, start, finish, ready, released_by, blocked_by)
