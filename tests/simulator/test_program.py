"""Programs: what is accepted, what is refused and in which words."""

from typing import Any

import numpy as np
import pytest

from attnscope.errors import SpecError, UnknownNameError
from attnscope.simulator.program import Program, ProgramBuilder, dependency_lists, find_cycle


def two_tasks(**changed: Any) -> Program:
    """`load` on dram, then `work[3]` on the array, with fields replaced."""
    fields: dict[str, Any] = {
        "resources": ("array", "dram"),
        "resource": [1, 0],
        "duration": [4.0, 8.0],
        "latency": [1.0, 0.0],
        "priority": [0, 1],
        "dep_ptr": [0, 0, 1],
        "dep": [0],
        "kind": [0, 1],
        "kinds": ("load", "work"),
        "item": [3, 3],
        "tick_s": 1e-9,
    }
    return Program(**{**fields, **changed})


def test_arrays_get_their_types_and_are_read_only() -> None:
    program = two_tasks(duration=[4, 8], resource=np.array([1, 0], dtype=np.int64))
    assert program.n_tasks == 2
    assert program.servers == (1, 1)
    assert program.duration.dtype == np.float64
    assert program.resource.dtype == np.int32
    assert program.predecessors(1).tolist() == [0]
    assert program.label(1) == "work[3] (task 1)"
    with pytest.raises(ValueError, match="read-only"):
        program.duration[0] = 1.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"latency": [1.0]}, "program: latency has 1 entries but duration has 2; give one per task."),
        ({"dep_ptr": [0, 1]}, "program: dep_ptr has 2 entries; 2 tasks need 3."),
        (
            {"dep_ptr": [0, 0, 2]},
            "program: dep_ptr must rise from 0 to the length of dep (1); it goes from 0 to 2.",
        ),
        (
            {"dep_ptr": [0, 2, 1]},
            "program: dep_ptr must rise from 0 to the length of dep (1); it goes from 0 to 1.",
        ),
        (
            {"dep": [7]},
            "program: work[3] (task 1) depends on task 7, which does not exist; tasks are 0..1.",
        ),
        (
            {"duration": [4.0, -2.0]},
            "program: duration of work[3] (task 1) is -2.0; it must be a finite number of ticks >= 0.",
        ),
        (
            {"latency": [np.nan, np.inf]},
            "program: latency of load[3] (task 0) is nan; it must be a finite number of ticks >= 0 (and 1 more).",
        ),
        (
            {"resource": [1, 2]},
            "program: task 1 has resource 2; it must be -1 (none) or an index into ('array', 'dram').",
        ),
        ({"kind": [0, -1]}, "program: task 1 has kind -1; it must be an index into ('load', 'work')."),
        ({"servers": (1,)}, "program: 1 entries in servers for 2 resources (array, dram); give one each."),
        ({"servers": (0, 1)}, "program: resource 'array' has 0 servers; it needs at least 1."),
        ({"resources": ("a", "a")}, "program: a resource is named twice in ('a', 'a')."),
        ({"tick_s": 0.0}, "program: tick_s must be a positive number of seconds, got 0.0."),
        ({"item": [[3, 3]]}, "program: item must have one dimension, got shape (1, 2)."),
        ({"priority": [0.5, 1.0]}, "program: priority must hold int64 values, got float64."),
        ({"resource": [1, 2**32]}, "program: resource must fit int32, got 1 to 4294967296."),
    ],
)
def test_refusals(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        two_tasks(**changed)
    assert str(caught.value) == message


def test_resource_index_suggests_the_nearest_name() -> None:
    assert two_tasks().resource_index("dram") == 1
    with pytest.raises(UnknownNameError, match=r"program: no resource named 'dran'\. Did you mean 'dram'\? Known: "):
        two_tasks().resource_index("dran")


def test_builder_numbers_tasks_and_defaults_to_their_order() -> None:
    builder = ProgramBuilder(("array", "dram"), tick_s=1e-9, servers=(2, 1))
    load = builder.add("load", "dram", 40, latency=10, item=5)
    work = builder.add("work", "array", 64, after=[load], priority=-3)
    done = builder.add("done", None, 0, after=(load, work))
    program = builder.build()
    assert (load, work, done) == (0, 1, 2)
    assert program.kinds == ("load", "work", "done")
    assert program.resource.tolist() == [1, 0, -1]
    assert program.priority.tolist() == [0, -3, 2]
    assert program.predecessors(done).tolist() == [0, 1]
    assert program.servers == (2, 1)


def test_builder_of_nothing_builds_an_empty_program() -> None:
    assert ProgramBuilder((), tick_s=1.0).build().n_tasks == 0


def test_builder_refuses_unknown_names_and_forward_references() -> None:
    builder = ProgramBuilder(("array",), tick_s=1e-9)
    with pytest.raises(UnknownNameError, match=r"task 0 \(work\): no resource named 'aray'\. Did you mean 'array'\?"):
        builder.add("work", "aray", 1)
    builder.add("work", "array", 1)
    with pytest.raises(SpecError, match=r"task 1 \(next\): after=4 is not a task added before it \(0\.\.0\)\."):
        builder.add("next", "array", 1, after=[4])


def test_dependency_lists_group_pairs_by_successor() -> None:
    dep_ptr, dep = dependency_lists(4, [3, 1, 3], [2, 0, 0])
    assert dep_ptr.tolist() == [0, 0, 1, 1, 3]
    assert dep.tolist() == [0, 2, 0]


def test_dependency_lists_refuse_pairs_that_do_not_match() -> None:
    with pytest.raises(
        SpecError, match=r"dependency pairs: \(2,\) successors, \(1,\) predecessors; give one of each\."
    ):
        dependency_lists(3, [1, 2], [0])
    with pytest.raises(SpecError, match=r"successors must lie in 0\.\.2, got 1\.\.3\."):
        dependency_lists(3, [1, 3], [0, 0])


def test_find_cycle_leaves_out_tasks_that_only_wait_for_it() -> None:
    program = two_tasks(dep_ptr=[0, 1, 2], dep=[1, 0])
    assert find_cycle(program, np.array([0, 1])) == [0, 1]
    tail = two_tasks(dep_ptr=[0, 1, 2], dep=[0, 0])  # task 0 waits for itself, task 1 for it
    assert find_cycle(tail, np.array([0, 1])) == [0]
