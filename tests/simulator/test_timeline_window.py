"""Windows, lanes and gaps of a timeline."""

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.simulator.events import Schedule, play
from attnscope.simulator.program import ProgramBuilder
from attnscope.simulator.timeline_window import MOST_LANES, choose_window, followed_item, window_lanes
from benchmarks.events import fusemax_like


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    return play(fusemax_like(8, 8, 8, window=6))


def pool(n_servers: int, n_tasks: int) -> Schedule:
    """Equal tasks on equal servers."""
    builder = ProgramBuilder(("sm",), tick_s=1e-9, servers=(n_servers,))
    for i in range(n_tasks):
        builder.add("block", "sm", 10, item=i)
    return play(builder.build())


def begun_between(schedule: Schedule, first: float, last: float) -> int:
    return int(((schedule.start >= first) & (schedule.start < last)).sum())


def test_everything_is_shown_where_it_fits(schedule: Schedule) -> None:
    assert choose_window(schedule, None, None, 10**6) == (0.0, schedule.makespan_ticks)


@pytest.mark.parametrize("ends", [(None, None), (5000.0, None), (None, 20000.0)])
def test_open_ends_are_set_by_the_number_of_tasks(schedule: Schedule, ends: tuple[float | None, float | None]) -> None:
    first, last = choose_window(schedule, *ends, 100)
    assert begun_between(schedule, first, last) == pytest.approx(100, abs=3)
    assert ends[0] in (None, first)
    assert ends[1] in (None, last)


def test_the_window_chosen_is_like_the_whole(schedule: Schedule) -> None:
    first, last = choose_window(schedule, None, None, 130)
    lanes, _ = window_lanes(schedule, first, last)
    for lane in lanes:
        assert lane.busy_fraction == pytest.approx(schedule.busy_fraction[lane.name], abs=0.03)


def test_ends_that_are_given_are_kept_and_cut_to_the_run(schedule: Schedule) -> None:
    assert choose_window(schedule, 100.0, 400.0, 1) == (100.0, 400.0)
    assert choose_window(pool(2, 10), -5.0, 1e12, 1) == (0.0, 50.0)


def test_tasks_that_all_begin_at_once_are_all_shown() -> None:
    assert choose_window(pool(500, 500), None, None, 20) == (0.0, 10.0)


def test_windows_without_time_and_crowds_are_refused(schedule: Schedule) -> None:
    with pytest.raises(UsageError) as caught:
        choose_window(schedule, 500, 300, 10)
    assert str(caught.value) == (
        f"timeline: no time passes from tick 500 to 300; the schedule runs from 0 to {schedule.makespan_ticks:.15g}."
    )
    with pytest.raises(UsageError, match=r"max_tasks is 0; show at least 1\."):
        choose_window(schedule, None, None, 0)
    with pytest.raises(UsageError) as caught:
        choose_window(schedule, 0, schedule.makespan_ticks, 10)
    assert "5696 tasks begin between tick 0 and" in str(caught.value)
    hint = float(str(caught.value).split("Stop at ")[1].split(",")[0])
    assert choose_window(schedule, 0, hint, 10) == (0.0, hint)


def test_bars_and_gaps_fill_each_lane_of_the_window(schedule: Schedule) -> None:
    first, last = 100.0, 1500.0
    lanes, n_hidden = window_lanes(schedule, first, last)
    assert [lane.name for lane in lanes] == ["array_2d", "array_1d"]
    assert n_hidden == 0
    for lane in lanes:
        busy_s = float((lane.stop_s - lane.start_s).sum())
        idle_s = sum(gap.stop_s - gap.start_s for gap in lane.idle)
        window_s = (last - first) * schedule.program.tick_s
        assert busy_s + idle_s == pytest.approx(window_s)
        assert lane.busy_fraction == pytest.approx(busy_s / window_s)
        assert np.all(lane.start_s[1:] >= lane.stop_s[:-1])
    assert lanes[1].idle[0].cause == "latency of LM"


def test_gaps_name_their_cause_also_at_the_end() -> None:
    builder = ProgramBuilder(("array", "dram"), tick_s=1.0)
    load = builder.add("load", "dram", 5)
    builder.add("work", "array", 3, after=[load])
    schedule = play(builder.build())
    lanes, _ = window_lanes(schedule, 0.0, 8.0)
    assert [(g.start_s, g.stop_s, g.cause) for g in lanes[0].idle] == [(0.0, 5.0, "waiting for load")]
    assert [(g.start_s, g.stop_s, g.cause) for g in lanes[1].idle] == [(5.0, 8.0, "no task left")]


def test_servers_get_lanes_of_their_own_up_to_a_limit() -> None:
    lanes, n_hidden = window_lanes(pool(3, 6), 0.0, 20.0)
    assert [lane.name for lane in lanes] == ["sm 0", "sm 1", "sm 2"]
    assert [lane.item.tolist() for lane in lanes] == [[0, 3], [1, 4], [2, 5]]
    lanes, n_hidden = window_lanes(pool(100, 100), 0.0, 10.0)
    assert (len(lanes), n_hidden) == (MOST_LANES, 100 - MOST_LANES)


def test_the_followed_item_lies_whole_inside(schedule: Schedule) -> None:
    first, last = choose_window(schedule, None, None, 130)
    lanes, _ = window_lanes(schedule, first, last)
    item = followed_item(schedule, lanes, first, last)
    mine = schedule.program.item == item
    assert item >= 0
    assert first <= schedule.start[mine].min() < schedule.finish[mine].max() <= last
    narrow, _ = window_lanes(schedule, 0.0, 70.0)
    assert followed_item(schedule, narrow, 0.0, 70.0) == -1
    assert followed_item(schedule, (), 0.0, 70.0) == -1
