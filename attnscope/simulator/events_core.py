"""The compiled loop of the event engine: binary heaps in arrays, no Python objects.

Time advances in rounds. A round takes every event of the earliest time (a task finishes, a task becomes ready), then
lets each resource that changed start its best ready tasks. Tasks of no duration finish in the next round of the same
time. Times depend on durations, priorities and ties by task number, never on the order in which equal events are met.
"""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ticks = NDArray[np.float64]


@numba.njit(cache=True)
def successor_lists(n_tasks: int, dep_ptr: Ints, dep: Ints) -> tuple[Ints, Ints]:
    """Invert predecessor lists: successors of task t are `succ[succ_ptr[t]:succ_ptr[t + 1]]`, in ascending order."""
    succ_ptr = np.zeros(n_tasks + 1, np.int64)
    for i in range(dep.shape[0]):
        succ_ptr[dep[i] + 1] += 1
    for task in range(n_tasks):
        succ_ptr[task + 1] += succ_ptr[task]
    fill = succ_ptr[:-1].copy()
    succ = np.empty(dep.shape[0], np.int64)
    for task in range(n_tasks):
        for i in range(dep_ptr[task], dep_ptr[task + 1]):
            succ[fill[dep[i]]] = task
            fill[dep[i]] += 1
    return succ_ptr, succ


@numba.njit(cache=True)
def _push(keys: Ints | Ticks, tasks: Ints, base: int, size: int, key: float, task: int) -> None:
    """Insert (key, task) into the heap of `size` entries that starts at `base`."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        above = keys[base + parent]
        if above < key or (above == key and tasks[base + parent] < task):
            break
        keys[base + hole] = above
        tasks[base + hole] = tasks[base + parent]
        hole = parent
    keys[base + hole] = key
    tasks[base + hole] = task


@numba.njit(cache=True)
def _drop_top(keys: Ints | Ticks, tasks: Ints, base: int, size: int) -> None:
    """Remove the least (key, task) of the heap, which keeps `size` entries afterwards."""
    key, task = keys[base + size], tasks[base + size]
    hole, child = 0, 1
    while child < size:
        right = child + 1
        if right < size and (
            keys[base + right] < keys[base + child]
            or (keys[base + right] == keys[base + child] and tasks[base + right] < tasks[base + child])
        ):
            child = right
        below = keys[base + child]
        if key < below or (key == below and task < tasks[base + child]):
            break
        keys[base + hole] = below
        tasks[base + hole] = tasks[base + child]
        hole, child = child, 2 * child + 1
    keys[base + hole] = key
    tasks[base + hole] = task


@numba.njit(cache=True)
def list_schedule(
    servers: Ints,
    resource: NDArray[np.int32],
    duration: Ticks,
    latency: Ticks,
    priority: Ints,
    dep_ptr: Ints,
    dep: Ints,
) -> tuple[Ticks, Ticks, Ticks, Ints, Ints]:
    """Play all tasks.

    Args:
        servers: [n_resources] int64 servers of each resource.
        resource: [n_tasks] int32, -1 for none.
        duration: [n_tasks] ticks.
        latency: [n_tasks] ticks.
        priority: [n_tasks] int64, lowest first.
        dep_ptr: [n_tasks + 1] predecessor lists.
        dep: [n_dependencies] predecessors.

    Returns:
        start, finish, ready: [n_tasks] ticks; start is -1 for tasks that were never played (they hang on a cycle).
        released_by: [n_tasks] predecessor that was satisfied last, -1 without predecessors.
        blocked_by: [n_tasks] task that freed the server for a task that had to queue, -1 if it did not.
    """
    n_tasks, n_resources = duration.shape[0], servers.shape[0]
    succ_ptr, succ = successor_lists(n_tasks, dep_ptr, dep)
    start, finish = np.full(n_tasks, -1.0), np.full(n_tasks, -1.0)
    ready, missing = np.zeros(n_tasks), np.empty(n_tasks, np.int64)
    released_by, blocked_by = np.full(n_tasks, -1, np.int64), np.full(n_tasks, -1, np.int64)
    event_time, event_task, n_events = np.empty(n_tasks + 1), np.empty(n_tasks + 1, np.int64), 0

    # One ready heap per resource, side by side in two arrays; resource r owns base[r]..base[r+1].
    base, queued, free = np.zeros(n_resources + 1, np.int64), np.zeros(n_resources, np.int64), servers.copy()
    for task in range(n_tasks):
        if resource[task] >= 0:
            base[resource[task] + 1] += 1
    for r in range(n_resources):
        base[r + 1] += base[r]
    heap_key, heap_task = np.empty(n_tasks, np.int64), np.empty(n_tasks, np.int64)
    last_done = np.full(n_resources, -1, np.int64)
    changed, is_changed, n_changed = np.empty(n_resources, np.int64), np.zeros(n_resources, np.bool_), 0

    for task in range(n_tasks):
        missing[task] = dep_ptr[task + 1] - dep_ptr[task]
        if missing[task] == 0:
            _push(event_time, event_task, 0, n_events, 0.0, task)
            n_events += 1

    while n_events > 0:
        now = event_time[0]
        while n_events > 0 and event_time[0] == now:
            task = event_task[0]
            n_events -= 1
            _drop_top(event_time, event_task, 0, n_events)
            r = resource[task]
            if r >= 0 and not is_changed[r]:
                is_changed[r] = True
                changed[n_changed] = r
                n_changed += 1
            if start[task] < 0.0:  # the event says: ready
                if r >= 0:
                    _push(heap_key, heap_task, base[r], queued[r], priority[task], task)
                    queued[r] += 1
                else:
                    start[task] = now
                    finish[task] = now + duration[task]
                    _push(event_time, event_task, 0, n_events, finish[task], task)
                    n_events += 1
                continue
            if r >= 0:
                free[r] += 1
                last_done[r] = task
            may_follow = now + latency[task]
            for i in range(succ_ptr[task], succ_ptr[task + 1]):
                later = succ[i]
                if released_by[later] < 0 or may_follow > ready[later]:
                    ready[later] = may_follow
                    released_by[later] = task
                missing[later] -= 1
                if missing[later] == 0:
                    _push(event_time, event_task, 0, n_events, ready[later], later)
                    n_events += 1
        for c in range(n_changed):
            r = changed[c]
            is_changed[r] = False
            while free[r] > 0 and queued[r] > 0:
                task = heap_task[base[r]]
                queued[r] -= 1
                _drop_top(heap_key, heap_task, base[r], queued[r])
                free[r] -= 1
                start[task] = now
                finish[task] = now + duration[task]
                if ready[task] < now:
                    blocked_by[task] = last_done[r]
                _push(event_time, event_task, 0, n_events, finish[task], task)
                n_events += 1
        n_changed = 0
    return start, finish, ready, released_by, blocked_by
