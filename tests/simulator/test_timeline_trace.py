"""Chrome traces: what a trace viewer needs."""

import json

import pytest

from attnscope.simulator.events import Schedule, play
from attnscope.simulator.program import ProgramBuilder
from attnscope.simulator.timeline_trace import chrome_trace


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    builder = ProgramBuilder(("array", "dram"), tick_s=1e-6, servers=(2, 1))
    for item in range(3):
        load = builder.add("load", "dram", 4, item=item)
        work = builder.add("work", "array", 10, after=[load], item=item)
    builder.add("done", None, 0, after=[work])
    return play(builder.build())


def test_a_row_per_server_with_names_in_order(schedule: Schedule) -> None:
    events = chrome_trace(schedule.program, schedule)["traceEvents"]
    names = [(e["pid"], e["tid"], e["args"]["name"]) for e in events if e["ph"] == "M" and "name" in e["args"]]
    assert names == [(1, 0, "array"), (1, 0, "array 0"), (1, 1, "array 1"), (2, 0, "dram"), (2, 0, "dram")]


def test_every_task_is_an_event_in_microseconds(schedule: Schedule) -> None:
    events = chrome_trace(schedule.program, schedule)["traceEvents"]
    tasks = [e for e in events if e["ph"] == "X"]
    assert [(e["name"], e["pid"], e["tid"], e["ts"], e["dur"]) for e in tasks] == [
        ("load 0", 2, 0, 0.0, 4.0),
        ("work 0", 1, 0, 4.0, 10.0),
        ("load 1", 2, 0, 4.0, 4.0),
        ("work 1", 1, 1, 8.0, 10.0),
        ("load 2", 2, 0, 8.0, 4.0),
        ("work 2", 1, 0, pytest.approx(14.0), 10.0),
    ]
    assert tasks[-1]["args"] == {"item": 2, "task": 5, "queued_us": pytest.approx(2.0)}
    assert [e["name"] for e in events if e["ph"] == "i"] == ["done 0"]


def test_a_window_leaves_the_rest_out(schedule: Schedule) -> None:
    events = chrome_trace(schedule.program, schedule, start=5, stop=7)["traceEvents"]
    assert [e["name"] for e in events if e["ph"] == "X"] == ["work 0", "load 1"]


def test_flow_arrows_join_a_task_to_what_it_released(schedule: Schedule) -> None:
    events = chrome_trace(schedule.program, schedule, flows=True)["traceEvents"]
    arrows = [(e["ph"], e["id"], e["pid"], e["ts"]) for e in events if e["ph"] in "sf"]
    assert arrows == [
        ("s", 1, 2, 4.0),
        ("f", 1, 1, 4.0),
        ("s", 3, 2, 8.0),
        ("f", 3, 1, 8.0),
        ("s", 5, 2, pytest.approx(12.0)),
        ("f", 5, 1, pytest.approx(14.0)),
    ]


def test_the_trace_is_plain_json(schedule: Schedule) -> None:
    trace = chrome_trace(schedule.program, schedule, flows=True)
    assert json.loads(json.dumps(trace)) == trace
    assert trace["otherData"] == {"tick_s": 1e-6, "makespan_s": pytest.approx(24e-6)}
