"""Gantt charts: what they show, how they are drawn and saved."""

import json
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from attnscope.errors import UsageError
from attnscope.simulator.events import Schedule, play
from attnscope.simulator.program import ProgramBuilder
from attnscope.simulator.timeline import PALETTE, gantt, save_timeline
from attnscope.simulator.timeline_plot import plot_gantt
from benchmarks.events import fusemax_like


@pytest.fixture(scope="module")
def interleaved() -> Schedule:
    return play(fusemax_like(8, 8, 8, window=6))


@pytest.fixture(scope="module")
def one_by_one() -> Schedule:
    return play(fusemax_like(2, 8, 4, window=1, short_first=False))


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def legend(ax: Axes) -> list[str]:
    shown = ax.get_legend()
    return [] if shown is None else [text.get_text() for text in shown.get_texts()]


def test_kinds_have_hues_and_items_have_shades(interleaved: Schedule) -> None:
    info = gantt(interleaved.program, interleaved, item_name="tile")
    assert [even for even, _ in info.colors] == list(PALETTE[: len(info.kinds)])
    assert len({shade for pair in info.colors for shade in pair}) == 2 * len(info.kinds)
    assert {info.kinds[kind] for kind in info.shown_kinds} >= {"QK", "LM", "RM", "SLNV", "SPNV", "RNV"}
    assert info.makespan_s == interleaved.makespan_s


def test_the_followed_tile_goes_from_its_first_to_its_last_einsum(interleaved: Schedule) -> None:
    info = gantt(interleaved.program, interleaved)
    mine = interleaved.program.item == info.followed_item
    assert len(info.followed) == mine.sum()
    assert [start for _, start, _ in info.followed] == sorted(start for _, start, _ in info.followed)
    assert info.followed[0][1] == pytest.approx(interleaved.start[mine].min() * info.tick_s)
    assert {lane for lane, _, _ in info.followed} == {0, 1}


def test_the_picture_holds_a_bar_per_task_labels_and_utilisation(interleaved: Schedule) -> None:
    info = gantt(interleaved.program, interleaved, item_name="tile")
    ax = plot_gantt(info)
    bars = [c for c in ax.collections if isinstance(c, PolyCollection)]
    assert [len(c.get_paths()) for c in bars] == [len(lane.task) for lane in info.lanes]
    assert f"QK\n{info.followed_item}" in texts(ax)
    assert {f"{lane.busy_fraction:.1%}" for lane in info.lanes} <= set(texts(ax))
    assert legend(ax)[:3] == ["QK", "LM", "RM"]
    ticks = (info.followed[-1][2] - info.followed[0][1]) / info.tick_s
    assert legend(ax)[-2:] == ["idle", f"tile {info.followed_item}: {ticks:,.0f} ticks"]
    assert ax.get_xlabel() == "time [µs]"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["array_2d", "array_1d"]


def test_stalls_carry_their_cause(one_by_one: Schedule) -> None:
    ax = plot_gantt(gantt(one_by_one.program, one_by_one, max_tasks=45))
    assert "latency of LM" in texts(ax)
    assert any("of 712 tasks" in text for text in texts(ax))


def test_a_picture_can_be_drawn_into_given_axes(one_by_one: Schedule) -> None:
    given = Figure(figsize=(6, 2)).add_subplot()
    assert plot_gantt(gantt(one_by_one.program, one_by_one), given) is given


def test_far_from_the_start_time_counts_from_the_window() -> None:
    builder = ProgramBuilder(("array",), tick_s=1e-9)
    long = builder.add("long", "array", 3_000_000_000)
    for item in range(4):
        builder.add("step", "array", 5, after=[long], item=item)
    schedule = play(builder.build())
    ax = plot_gantt(gantt(schedule.program, schedule, start=3_000_000_000))
    assert ax.get_xlabel() == "time since 3 s [ns]"
    assert ax.get_xlim() == pytest.approx((0, 20))


def test_many_servers_are_cut_and_counted() -> None:
    builder = ProgramBuilder(("sm",), tick_s=1e-9, servers=(108,))
    for item in range(216):
        builder.add("block", "sm", 1000, item=item)
    schedule = play(builder.build())
    ax = plot_gantt(gantt(schedule.program, schedule, max_tasks=1000))
    assert "whole run, 2 µs; 48 of 216 tasks; 84 more servers not shown" in texts(ax)


@pytest.mark.parametrize("suffix", [".svg", ".png", ".json"])
def test_saving_twice_gives_the_same_bytes(suffix: str, tmp_path: Path, one_by_one: Schedule) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        save_timeline(path, one_by_one.program, one_by_one, title="One tile at a time", item_name="tile")
    assert first.read_bytes() == second.read_bytes()
    start = {".svg": b"<?xml", ".png": b"\x89PNG", ".json": b"{"}[suffix]
    assert first.read_bytes().startswith(start)
    assert b"dc:date" not in first.read_bytes()


def test_a_trace_holds_the_whole_run(tmp_path: Path, one_by_one: Schedule) -> None:
    save_timeline(tmp_path / "run.JSON", one_by_one.program, one_by_one)
    trace = json.loads((tmp_path / "run.JSON").read_text())
    assert sum(event["ph"] == "X" for event in trace["traceEvents"]) == one_by_one.program.n_tasks


@pytest.mark.parametrize(("name", "given"), [("out.pdf", "'.pdf'"), ("out", "a file without suffix")])
def test_other_suffixes_are_refused_with_the_legal_ones(
    name: str, given: str, tmp_path: Path, one_by_one: Schedule
) -> None:
    with pytest.raises(UsageError) as caught:
        save_timeline(tmp_path / name, one_by_one.program, one_by_one)
    assert str(caught.value) == (
        f"{tmp_path / name}: cannot save a timeline as {given};"
        " use .svg or .png (picture), or .json (Chrome trace, opens in Perfetto)."
    )
