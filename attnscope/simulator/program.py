"""Programs: tasks with dependencies and resource demands, the one input of the event engine.

A program says which resource does what and what must come before; it holds no time stamps and no formula. Durations and
latencies are in ticks, `tick_s` seconds each. Big programs are built by vectorised code that fills the arrays (see
`dependency_lists`); small ones with `ProgramBuilder`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from attnscope.errors import SpecError, UnknownNameError

_ARRAYS: dict[str, type[np.generic]] = {
    "resource": np.int32,
    "duration": np.float64,
    "latency": np.float64,
    "priority": np.int64,
    "dep_ptr": np.int64,
    "dep": np.int64,
    "kind": np.int32,
    "item": np.int64,
}
_PER_TASK = ("resource", "latency", "priority", "kind", "item")


@dataclass(frozen=True, eq=False, kw_only=True)
class Program:
    """Tasks, dependencies and resources; arrays are read-only and checked on construction.

    Attributes:
        resources: name of each resource, e.g. `("array_2d", "array_1d", "dram")`.
        servers: parallel servers of each resource; empty means one each.
        resource: [n_tasks] index into `resources`; -1 needs none (a milestone or a pure delay).
        duration: [n_tasks] ticks for which the task occupies one server of its resource.
        latency: [n_tasks] ticks between its finish and the moment its successors may start; occupies nothing.
        priority: [n_tasks] among the ready tasks of a resource the lowest starts first; ties by task number.
        dep_ptr: [n_tasks + 1] start of each task's predecessors in `dep`.
        dep: [n_dependencies] task numbers of the predecessors, task after task.
        kind: [n_tasks] index into `kinds`.
        kinds: labels for the timeline and the split of busy time, e.g. Einsum names.
        item: [n_tasks] number shown beside the kind, e.g. the tile.
        tick_s: seconds per tick.

    Raises:
        SpecError: an array has the wrong length or type, or a value out of range; the message names the task.
    """

    resources: tuple[str, ...]
    servers: tuple[int, ...] = ()
    resource: NDArray[np.int32]
    duration: NDArray[np.float64]
    latency: NDArray[np.float64]
    priority: NDArray[np.int64]
    dep_ptr: NDArray[np.int64]
    dep: NDArray[np.int64]
    kind: NDArray[np.int32]
    kinds: tuple[str, ...]
    item: NDArray[np.int64]
    tick_s: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "servers", tuple(self.servers) or (1,) * len(self.resources))
        for name, dtype in _ARRAYS.items():
            object.__setattr__(self, name, _read_only(name, getattr(self, name), dtype))
        _check_header(self)
        _check_lengths(self)
        _check_values(self)

    @property
    def n_tasks(self) -> int:
        """Number of tasks."""
        return len(self.duration)

    def predecessors(self, task: int) -> NDArray[np.int64]:
        """Task numbers that must finish before `task` may start."""
        return self.dep[self.dep_ptr[task] : self.dep_ptr[task + 1]]

    def label(self, task: int) -> str:
        """Kind, item and number of a task, for messages: `SLN[3] (task 41)`."""
        return f"{self.kinds[self.kind[task]]}[{self.item[task]}] (task {task})"

    def resource_index(self, name: str) -> int:
        """Index of a resource by name; UnknownNameError suggests the nearest one."""
        if name not in self.resources:
            raise UnknownNameError("resource", name, self.resources, "program")
        return self.resources.index(name)


def dependency_lists(
    n_tasks: int, successor: ArrayLike, predecessor: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turn pairs "`successor[i]` needs `predecessor[i]`" into the arrays `dep_ptr` and `dep` of a program.

    The order of the pairs of one successor is kept. Raises SpecError where a successor is no task.
    """
    later, earlier = np.asarray(successor, dtype=np.int64), np.asarray(predecessor, dtype=np.int64)
    if later.shape != earlier.shape or later.ndim != 1:
        raise SpecError(f"dependency pairs: {later.shape} successors, {earlier.shape} predecessors; give one of each.")
    if later.size and (later.min() < 0 or later.max() >= n_tasks):
        raise SpecError(f"dependency pairs: successors must lie in 0..{n_tasks - 1}, got {later.min()}..{later.max()}.")
    dep_ptr = np.zeros(n_tasks + 1, dtype=np.int64)
    np.cumsum(np.bincount(later, minlength=n_tasks), out=dep_ptr[1:])
    return dep_ptr, earlier[np.argsort(later, kind="stable")]


class ProgramBuilder:
    """Builds a small program task by task.

    >>> builder = ProgramBuilder(("array", "dram"), tick_s=1e-9)
    >>> load = builder.add("load", "dram", 40, latency=10)
    >>> work = builder.add("work", "array", 64, after=[load])
    >>> builder.build().n_tasks
    2
    """

    def __init__(self, resources: Iterable[str], *, tick_s: float, servers: Iterable[int] = ()) -> None:
        self._resources, self._servers, self._tick_s = tuple(resources), tuple(servers), tick_s
        self._kinds: dict[str, int] = {}
        self._rows: list[tuple[int, float, float, int, int, int]] = []
        self._dep_ptr: list[int] = [0]
        self._dep: list[int] = []

    def add(
        self,
        kind: str,
        resource: str | None,
        duration: float,
        *,
        after: Iterable[int] = (),
        latency: float = 0,
        priority: int | None = None,
        item: int = 0,
    ) -> int:
        """Add a task and return its number; `priority` defaults to that number, `resource` None needs no server.

        Raises:
            UnknownNameError: no such resource.
            SpecError: `after` names a task that was not added yet.
        """
        number = len(self._rows)
        after = tuple(after)
        if resource is not None and resource not in self._resources:
            raise UnknownNameError("resource", resource, self._resources, f"task {number} ({kind})")
        for task in after:
            if not 0 <= task < number:
                raise SpecError(
                    f"task {number} ({kind}): after={task} is not a task added before it (0..{number - 1})."
                )
        index = -1 if resource is None else self._resources.index(resource)
        rank = number if priority is None else priority
        self._rows.append((index, duration, latency, rank, self._kinds.setdefault(kind, len(self._kinds)), item))
        self._dep.extend(after)
        self._dep_ptr.append(len(self._dep))
        return number

    def build(self) -> Program:
        """The checked program."""
        columns = list(zip(*self._rows, strict=True)) or [()] * 6
        resource, duration, latency, priority, kind, item = columns
        return Program(
            resources=self._resources,
            servers=self._servers,
            resource=np.array(resource, dtype=np.int32),
            duration=np.array(duration, dtype=np.float64),
            latency=np.array(latency, dtype=np.float64),
            priority=np.array(priority, dtype=np.int64),
            dep_ptr=np.array(self._dep_ptr, dtype=np.int64),
            dep=np.array(self._dep, dtype=np.int64),
            kind=np.array(kind, dtype=np.int32),
            kinds=tuple(self._kinds),
            item=np.array(item, dtype=np.int64),
            tick_s=self._tick_s,
        )


def find_cycle(program: Program, stuck: NDArray[np.int64]) -> list[int]:
    """Tasks of one cycle in order of execution, the lowest number first, given the tasks that could not be played.

    Every stuck task has a stuck predecessor, so walking back from any of them must meet a task twice.
    """
    is_stuck = np.zeros(program.n_tasks, dtype=bool)
    is_stuck[stuck] = True
    seen: dict[int, int] = {}
    task = int(stuck[0])
    while task not in seen:
        seen[task] = len(seen)
        task = next(int(p) for p in program.predecessors(task) if is_stuck[p])
    cycle = [t for t, step in seen.items() if step >= seen[task]][::-1]
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]


def _read_only(name: str, value: ArrayLike, dtype: DTypeLike) -> NDArray[np.generic]:
    given = np.asarray(value)
    if given.ndim != 1:
        raise SpecError(f"program: {name} must have one dimension, got shape {given.shape}.")
    if given.size and not np.can_cast(given.dtype, dtype, casting="same_kind"):
        raise SpecError(f"program: {name} must hold {np.dtype(dtype)} values, got {given.dtype}.")
    if np.issubdtype(dtype, np.integer) and given.size and not np.can_cast(given.dtype, dtype):
        limits = np.iinfo(np.dtype(dtype).name)
        if given.min() < limits.min or given.max() > limits.max:
            raise SpecError(f"program: {name} must fit {np.dtype(dtype)}, got {given.min()} to {given.max()}.")
    array = np.ascontiguousarray(given, dtype=dtype).view()
    array.flags.writeable = False
    return array


def _check_header(program: Program) -> None:
    if not (np.isfinite(program.tick_s) and program.tick_s > 0):
        raise SpecError(f"program: tick_s must be a positive number of seconds, got {program.tick_s}.")
    if len(set(program.resources)) != len(program.resources):
        raise SpecError(f"program: a resource is named twice in {program.resources}.")
    if len(program.servers) != len(program.resources):
        raise SpecError(
            f"program: {len(program.servers)} entries in servers for {len(program.resources)} resources"
            f" ({', '.join(program.resources)}); give one each."
        )
    for name, count in zip(program.resources, program.servers, strict=True):
        if count < 1:
            raise SpecError(f"program: resource {name!r} has {count} servers; it needs at least 1.")


def _check_lengths(program: Program) -> None:
    n_tasks = program.n_tasks
    for name in _PER_TASK:
        if len(getattr(program, name)) != n_tasks:
            raise SpecError(
                f"program: {name} has {len(getattr(program, name))} entries but duration has {n_tasks};"
                " give one per task."
            )
    if len(program.dep_ptr) != n_tasks + 1:
        raise SpecError(f"program: dep_ptr has {len(program.dep_ptr)} entries; {n_tasks} tasks need {n_tasks + 1}.")
    ends = (int(program.dep_ptr[0]), int(program.dep_ptr[-1]))
    if ends != (0, len(program.dep)) or np.any(np.diff(program.dep_ptr) < 0):
        raise SpecError(
            f"program: dep_ptr must rise from 0 to the length of dep ({len(program.dep)}); it goes from {ends[0]} to"
            f" {ends[1]}."
        )


def _check_values(program: Program) -> None:
    _check_index(program, "kind", program.kind, 0, len(program.kinds))
    _check_index(program, "resource", program.resource, -1, len(program.resources))
    for name, ticks in (("duration", program.duration), ("latency", program.latency)):
        bad = np.flatnonzero(~(np.isfinite(ticks) & (ticks >= 0)))
        if bad.size:
            raise SpecError(
                f"program: {name} of {program.label(int(bad[0]))} is {ticks[bad[0]]}; it must be a finite number"
                f" of ticks >= 0{_and_more(bad.size)}."
            )
    bad = np.flatnonzero((program.dep < 0) | (program.dep >= program.n_tasks))
    if bad.size:
        task = int(np.searchsorted(program.dep_ptr, bad[0], side="right")) - 1
        raise SpecError(
            f"program: {program.label(task)} depends on task {program.dep[bad[0]]}, which does not exist;"
            f" tasks are 0..{program.n_tasks - 1}{_and_more(bad.size)}."
        )


def _check_index(program: Program, name: str, index: NDArray[np.int32], low: int, stop: int) -> None:
    bad = np.flatnonzero((index < low) | (index >= stop))
    if bad.size:
        names = program.resources if name == "resource" else program.kinds
        extra = "-1 (none) or " if low < 0 else ""
        raise SpecError(
            f"program: task {bad[0]} has {name} {index[bad[0]]}; it must be {extra}an index into"
            f" {names}{_and_more(bad.size)}."
        )


def _and_more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""
