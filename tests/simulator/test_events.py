"""The event engine against a naive scheduler, its laws on random programs, and small cases by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from attnscope.errors import SpecError
from attnscope.simulator.events import Schedule, play
from attnscope.simulator.events_core import list_schedule
from attnscope.simulator.program import Program, ProgramBuilder, dependency_lists
from benchmarks.events import DRAIN_TICKS, TICKS, fusemax_like, play_in_python

QUICK = settings(deadline=None, max_examples=150)


@st.composite
def programs(draw: st.DrawFn, *, distinct: bool = False) -> Program:
    """Random acyclic programs: few ticks, so that many events fall together, and many tasks of no duration."""
    n_tasks, n_resources = draw(st.integers(0, 22)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    earlier, later = np.nonzero(np.triu(rng.random((n_tasks, n_tasks)) < draw(st.sampled_from([0.02, 0.1, 0.3])), k=1))
    number = rng.permutation(n_tasks)  # so that predecessors do not always have the lower number
    dep_ptr, dep = dependency_lists(n_tasks, number[later], number[earlier])
    return Program(
        resources=("a", "b", "c")[:n_resources],
        servers=tuple(rng.integers(1, 4, n_resources).tolist()),
        resource=rng.integers(-1, n_resources, n_tasks, dtype=np.int32),
        duration=rng.integers(0, draw(st.sampled_from([1, 3, 8])), n_tasks).astype(float),
        latency=rng.integers(0, draw(st.sampled_from([1, 2, 6])), n_tasks).astype(float),
        priority=rng.permutation(n_tasks) if distinct else rng.integers(0, 3, n_tasks),
        dep_ptr=dep_ptr,
        dep=dep,
        kind=rng.integers(0, 2, n_tasks, dtype=np.int32),
        kinds=("x", "y"),
        item=np.arange(n_tasks),
        tick_s=0.5,
    )


def naive_schedule(program: Program) -> tuple[list[float], list[float]]:
    """Start and finish of every task by rescanning all tasks at every moment; shares nothing with the engine."""
    everyone = range(program.n_tasks)
    start: dict[int, float] = {}
    done: set[int] = set()
    now = 0.0

    def ready_at(task: int) -> float:
        before = program.predecessors(task).tolist()
        if not done.issuperset(before):
            return float("inf")
        return max((start[p] + program.duration[p] + program.latency[p] for p in before), default=0.0)

    def try_start(resource: int, servers: int) -> bool:
        mine = [t for t in everyone if program.resource[t] == resource]
        free = servers - len([t for t in mine if t in start and t not in done])
        waiting = sorted((program.priority[t], t) for t in mine if t not in start and ready_at(t) <= now)
        start.update((t, now) for _, t in waiting[:free])
        return bool(waiting[:free])

    while len(done) < program.n_tasks:
        busy = True
        while busy:
            ended = {t for t in start if t not in done and start[t] + program.duration[t] <= now}
            done |= ended
            if ended or try_start(-1, program.n_tasks):  # results and milestones first, then all resources at once
                continue
            started = [try_start(r, n) for r, n in enumerate(program.servers)]
            busy = any(started)
        coming = [start[t] + program.duration[t] for t in start if t not in done]
        coming += [ready_at(t) for t in everyone if t not in start]
        now = min((moment for moment in coming if moment > now), default=now)
    return [start[t] for t in everyone], [start[t] + program.duration[t] for t in everyone]


@QUICK
@given(programs())
def test_equals_the_naive_scheduler(program: Program) -> None:
    schedule = play(program)
    assert (schedule.start.tolist(), schedule.finish.tolist()) == naive_schedule(program)


@settings(deadline=None, max_examples=30)
@given(programs())
def test_the_loop_gives_the_same_uncompiled(program: Program) -> None:
    arrays = (program.resource, program.duration, program.latency, program.priority, program.dep_ptr, program.dep)
    servers = np.array(program.servers, dtype=np.int64)
    for compiled, plain in zip(list_schedule(servers, *arrays), list_schedule.py_func(servers, *arrays), strict=True):
        np.testing.assert_array_equal(compiled, plain)


@QUICK
@given(programs())
def test_dependencies_latencies_and_servers_are_respected(program: Program) -> None:
    schedule = play(program)
    for task in range(program.n_tasks):
        before = program.predecessors(task)
        assert schedule.start[task] >= (schedule.finish[before] + program.latency[before]).max(initial=0.0)
        assert schedule.ready[task] == (schedule.finish[before] + program.latency[before]).max(initial=0.0)
    for r, n_servers in enumerate(program.servers):
        mine = program.resource == r
        for moment in schedule.start[mine]:
            running = mine & (schedule.start <= moment) & (schedule.finish > moment)
            assert running.sum() <= n_servers


@QUICK
@given(programs())
def test_makespan_is_at_least_every_bound_and_busy_parts_add_up(program: Program) -> None:
    schedule = play(program)
    longest = longest_path(program)
    assert schedule.makespan_ticks >= longest
    for r, (name, n_servers) in enumerate(zip(program.resources, program.servers, strict=True)):
        work = program.duration[program.resource == r].sum()
        assert schedule.makespan_ticks >= work / n_servers
        assert schedule.busy_s[name] == pytest.approx(work * program.tick_s)
        assert 0.0 <= schedule.busy_fraction[name] <= 1.0
    assert sum(schedule.busy_s_by_kind.values()) == pytest.approx(sum(schedule.busy_s.values()))


@QUICK
@given(programs(distinct=True), st.integers(0, 2**32 - 1))
def test_numbering_does_not_matter_where_priorities_differ(program: Program, seed: int) -> None:
    new_number = np.random.default_rng(seed).permutation(program.n_tasks)
    schedule, renumbered = play(program), play(renumber(program, new_number))
    np.testing.assert_array_equal(schedule.start, renumbered.start[new_number])
    np.testing.assert_array_equal(schedule.finish, renumbered.finish[new_number])


@QUICK
@given(programs())
def test_critical_path_adds_up_to_the_makespan(program: Program) -> None:
    schedule = play(program)
    path = schedule.critical_path()
    charged_s = sum(path.running_s.values()) + sum(path.latency_s.values())
    assert charged_s == pytest.approx(schedule.makespan_s)
    for before, task, queued in zip(path.tasks[:-1], path.tasks[1:], path.queued[1:], strict=True):
        if queued:
            assert program.resource[before] == program.resource[task]
            assert schedule.finish[before] == schedule.start[task] > schedule.ready[task]
        else:
            assert before in program.predecessors(task)
            assert schedule.finish[before] + program.latency[before] == schedule.start[task]


@QUICK
@given(programs())
def test_idle_causes_add_up_to_the_idle_time(program: Program) -> None:
    schedule = play(program)
    for name, n_servers in zip(program.resources, program.servers, strict=True):
        causes = schedule.idle_causes(name)
        idle_s = n_servers * schedule.makespan_s - schedule.busy_s[name]
        assert sum(cause.idle_s for cause in causes) == pytest.approx(idle_s)
        assert [c.idle_s for c in causes] == sorted((c.idle_s for c in causes), reverse=True)
        assert all(cause.idle_s > 0 for cause in causes)


def test_a_free_server_does_not_wait_for_a_better_task() -> None:
    builder = ProgramBuilder(("array", "dram"), tick_s=1.0)
    load = builder.add("load", "dram", 3)
    urgent = builder.add("urgent", "array", 5, after=[load], priority=-1)
    long = builder.add("long", "array", 10)
    schedule = play(builder.build())
    assert schedule.start[long] == 0.0
    assert (schedule.ready[urgent], schedule.start[urgent]) == (3.0, 10.0)
    assert schedule.critical_path().tasks.tolist() == [long, urgent]
    assert schedule.critical_path().queued.tolist() == [False, True]


def test_tasks_of_no_duration_let_better_followers_in_at_the_same_tick() -> None:
    builder = ProgramBuilder(("array",), tick_s=1.0)
    flag = builder.add("flag", "array", 0, priority=0)
    other = builder.add("other", "array", 4, priority=5)
    mark = builder.add("mark", None, 0, after=[flag])
    first = builder.add("first", "array", 2, after=[mark], priority=1)
    schedule = play(builder.build())
    assert schedule.start[[flag, mark, first, other]].tolist() == [0.0, 0.0, 0.0, 2.0]


def test_latency_delays_successors_and_occupies_nothing() -> None:
    builder = ProgramBuilder(("array",), tick_s=1e-3)
    drained = builder.add("drained", "array", 2, latency=10)
    user = builder.add("user", "array", 1, after=[drained])
    filler = builder.add("filler", "array", 4)
    schedule = play(builder.build())
    assert schedule.start[[drained, filler, user]].tolist() == [0.0, 2.0, 12.0]
    assert schedule.makespan_s == pytest.approx(13e-3)
    assert schedule.explain_idle("array") == "array is idle 46.2% of the time: 46.2% latency of drained."


def test_idle_explanation_names_tasks_places_and_the_tail() -> None:
    builder = ProgramBuilder(("array", "dram"), tick_s=1.0)
    load = builder.add("load", "dram", 5)
    builder.add("work", "array", 3, after=[load])
    builder.add("store", "dram", 2, after=[load])
    schedule = play(builder.build())
    assert schedule.explain_idle("array") == "array is idle 62.5% of the time: 62.5% waiting for load on dram."
    assert schedule.explain_idle("dram") == "dram is idle 12.5% of the time: 12.5% no task left."
    assert schedule.busy_s_by_resource_and_kind == {"array": {"work": 3.0}, "dram": {"load": 5.0, "store": 2.0}}
    assert schedule.busy_s_by_kind == {"load": 5.0, "work": 3.0, "store": 2.0}


def test_a_cycle_is_refused_by_the_names_on_it() -> None:
    dep_ptr, dep = dependency_lists(4, [1, 2, 0, 3], [0, 1, 2, 2])
    ones = np.ones(4)
    program = Program(
        resources=("array",),
        resource=np.zeros(4, dtype=np.int32),
        duration=ones,
        latency=ones,
        priority=np.arange(4),
        dep_ptr=dep_ptr,
        dep=dep,
        kind=np.array([0, 1, 2, 0], dtype=np.int32),
        kinds=("QK", "LM", "RM"),
        item=np.zeros(4, dtype=np.int64),
        tick_s=1.0,
    )
    with pytest.raises(SpecError) as caught:
        play(program)
    assert str(caught.value) == (
        "program: these tasks wait for each other: QK[0] (task 0) -> LM[0] (task 1) -> RM[0] (task 2) ->"
        " QK[0] (task 0). Remove one dependency."
    )


def test_a_long_cycle_is_shortened() -> None:
    n = 20
    dep_ptr, dep = dependency_lists(n, np.arange(n), np.roll(np.arange(n), 1))
    zeros, none = np.zeros(n, dtype=np.int64), np.zeros(n)
    program = Program(
        resources=(),
        resource=np.full(n, -1, dtype=np.int32),
        duration=none,
        latency=none,
        priority=zeros,
        dep_ptr=dep_ptr,
        dep=dep,
        kind=zeros.astype(np.int32),
        kinds=("x",),
        item=zeros,
        tick_s=1.0,
    )
    with pytest.raises(SpecError, match=r"\.\.\. 12 more \.\.\."):
        play(program)


def test_an_empty_program_takes_no_time() -> None:
    schedule = play(ProgramBuilder(("array",), tick_s=1.0).build())
    assert (schedule.makespan_s, schedule.busy_fraction) == (0.0, {"array": 0.0})
    assert schedule.idle_causes("array") == ()
    assert schedule.critical_path().tasks.size == 0


def test_one_tile_at_a_time_takes_the_sum_of_the_chain() -> None:
    schedule = play(fusemax_like(1, 64, 4, window=1, short_first=False))
    assert steady_ticks_per_tile(schedule) == pytest.approx(458)
    parts = schedule.critical_path()
    assert parts.latency_s["LM"] / schedule.makespan_s == pytest.approx(DRAIN_TICKS / 458, rel=1e-3)


@pytest.mark.parametrize(("groups", "m1", "p1"), [(16, 4, 4), (4, 16, 16), (32, 8, 1), (200, 1, 1)])
def test_tiles_in_flight_reach_the_bound_but_for_the_first_fill(groups: int, m1: int, p1: int) -> None:
    program = fusemax_like(groups, m1, p1, window=6)
    work = program.duration[program.resource == 1].sum()
    fill = TICKS["QK"] + TICKS["LM"] + DRAIN_TICKS  # nothing can run on the other array before
    assert play(program).makespan_ticks == work + fill


def test_the_benchmark_compares_equal_schedulers() -> None:
    program = fusemax_like(2, 4, 4, window=3)
    assert play(program).finish.tolist() == play_in_python(program)


def steady_ticks_per_tile(schedule: Schedule) -> float:
    """Ticks between the RNV of a tile at a quarter and one at three quarters of the run, per tile."""
    program = schedule.program
    finish = np.sort(schedule.finish[program.kind == program.kinds.index("RNV")])
    first, last = len(finish) // 4, 3 * len(finish) // 4
    return float(finish[last] - finish[first]) / (last - first)


def longest_path(program: Program) -> float:
    """Longest chain of durations and latencies, without its last latency."""
    finish: NDArray[np.float64] = np.zeros(program.n_tasks)
    for _ in range(program.n_tasks):  # relax until every chain has been walked
        for task in range(program.n_tasks):
            before = program.predecessors(task)
            finish[task] = program.duration[task] + (finish[before] + program.latency[before]).max(initial=0.0)
    return float(finish.max(initial=0.0))


def renumber(program: Program, new_number: NDArray[np.int64]) -> Program:
    """The same program with task t called new_number[t]."""
    old = np.argsort(new_number)
    successor = np.repeat(np.arange(program.n_tasks), np.diff(program.dep_ptr))
    dep_ptr, dep = dependency_lists(program.n_tasks, new_number[successor], new_number[program.dep])
    return Program(
        resources=program.resources,
        servers=program.servers,
        resource=program.resource[old],
        duration=program.duration[old],
        latency=program.latency[old],
        priority=program.priority[old],
        dep_ptr=dep_ptr,
        dep=dep,
        kind=program.kind[old],
        kinds=program.kinds,
        item=program.item[old],
        tick_s=program.tick_s,
    )
