"""Two engines, one answer: the event engine, which holds no formula, arrives at the closed form's latency.

What may lie between them is worked out here, not tuned: the pipeline fills once (first loads, one tile through both
arrays and out of the 2D array) and empties once (last stores). Beyond that

- the closed form takes the larger of two *totals*. A tile that ends a row of queries also divides (AV), so single tiles
  may be limited by the other array; with one tile in flight, or with E > F, that can cost or save up to all of AV;
- with E > F the closed form adds the one cycle of RM to each tile, which the event engine hides behind another tile.
"""

from math import ceil
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.spatial import Played, play_mapping
from attnscope.simulator.events import play
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.models import load_model
from attnscope.workloads.shape import AttentionShape
from tests.mappings.spatial.strategies import STUDY, pair

SERIAL_AND_INTERLEAVED = ("fusemax-serial", "fusemax")


class Case(NamedTuple):
    shape: AttentionShape
    fields: dict[str, Any]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A few hundred to a few thousand tiles on a small array, with any balance of memory and compute."""
    side = draw(st.sampled_from((8, 16, 32, 64, 256)))
    e, f = draw(st.sampled_from((8, 16, 64, 80))), draw(st.sampled_from((8, 16, 64, 128)))
    kv_heads = draw(st.sampled_from((1, 2, 4)))
    queries, keys = (draw(st.integers(1, 20 * side)) for _ in range(2))
    shape = AttentionShape(1, kv_heads * draw(st.sampled_from((1, 2))), kv_heads, queries, keys, e, f)
    # Enough tiles in flight that their products cover the drain of a column: the sizing rule of the paper, with room.
    in_flight = max(8, ceil(4 * (side + e + f + 20) / (max(e, f) + f + 10)))
    return Case(
        shape,
        {
            "array_2d.rows": side,
            "array_2d.columns": side,
            "array_1d.columns": side,
            "array_2d.registers.words": 2 * in_flight,
            "dram.bandwidth_bytes_per_s": 10 ** draw(st.floats(8.5, 12.5)),
        },
    )


def played(mapping: str, case: Case, **options: Any) -> Played:
    how, device = pair(mapping, case.fields)
    return play_mapping(case.shape, how, device, **options)


def cycles(found: Played, device: SpatialDevice) -> tuple[float, float]:
    return found.schedule.makespan_ticks, found.estimate.latency_s * device.clock.frequency_hz


def fill_cycles(found: Played, shape: AttentionShape, device: SpatialDevice) -> float:
    """Queries of the first block and outputs of the last, one tile of K and V, and one tile through the arrays."""
    rows, columns = device.array_2d.rows, device.array_2d.columns
    width = shape.score_width + shape.value_width
    block: int = found.estimate.choices["query_tiles_per_block"]
    words = (block * columns + rows) * width
    memory = words * shape.bytes_per_element * device.clock.frequency_hz / device.dram.bandwidth_bytes_per_s
    one_tile = (shape.score_width + 1) + rows + (7 + 1) + shape.value_width  # QK and LM, drain, SLN and SLD, SLNV
    return memory + one_tile + 10 + 2 * shape.value_width  # RM, PRM, SPD, RD; RNV; AV


@pytest.mark.parametrize("mapping", SERIAL_AND_INTERLEAVED)
@settings(deadline=None, max_examples=100)
@given(case=cases())
def test_events_lie_between_the_closed_form_and_its_fill(mapping: str, case: Case) -> None:
    found, device = played(mapping, case), pair(mapping, case.fields)[1]
    events, closed = cycles(found, device)
    choices = found.estimate.choices
    divisions, wider_scores = choices["einsum_cycles"]["AV"], case.shape.score_width > case.shape.value_width
    serial = mapping == "fusemax-serial"
    below = divisions if serial else choices["tiles"] if wider_scores else 0
    above = divisions if serial or wider_scores else 0
    assert found.share == 1.0
    assert closed * (1 - 1e-9) - below <= events <= closed * (1 + 1e-9) + above + fill_cycles(found, case.shape, device)


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=25)
@given(case=cases())
def test_both_engines_count_the_same_work(mapping: str, case: Case) -> None:
    found, device = played(mapping, case), pair(mapping, case.fields)[1]
    hz, closed = device.clock.frequency_hz, found.estimate
    by_kind = found.schedule.busy_s_by_kind
    expected = closed.choices["einsum_cycles"]
    assert {name: by_kind[name] * hz for name in expected} == pytest.approx(expected, rel=1e-12)
    busy = found.schedule.busy_s
    assert busy["dram"] == pytest.approx(closed.bytes["dram"] / device.dram.bandwidth_bytes_per_s, rel=1e-9)
    assert {name: busy[name] for name in closed.busy_s} == pytest.approx(dict(closed.busy_s), rel=1e-9)
    assert found.latency_s >= max(busy.values()) * (1 - 1e-12)


@pytest.mark.parametrize("mapping", SERIAL_AND_INTERLEAVED)
@pytest.mark.parametrize("bytes_per_s", [2e9, 17e9, 60e9, 430e9])
def test_the_engines_meet_in_the_limit(mapping: str, bytes_per_s: float) -> None:
    def difference_cycles(heads: int) -> tuple[float, float]:
        case = Case(AttentionShape(1, heads, heads, 2048, 2048, 64, 64), {"dram.bandwidth_bytes_per_s": bytes_per_s})
        found, device = played(mapping, case), pair(mapping, case.fields)[1]
        events, closed = cycles(found, device)
        return events - closed, closed

    few, many = difference_cycles(16), difference_cycles(64)
    assert many[0] == pytest.approx(few[0], rel=0.05, abs=1.0) or many[0] < few[0]  # a fill, paid once
    assert abs(many[0]) < 0.01 * many[1]


@pytest.mark.parametrize("mapping", SERIAL_AND_INTERLEAVED)
@pytest.mark.parametrize("length", [1 << 14, 1 << 16, 1 << 20])
@pytest.mark.parametrize("model", ["bert", "xlm"])
def test_the_published_latency_arises_by_itself(mapping: str, length: int, model: str) -> None:
    found = play_mapping(load_model(model).attention(length), *pair(mapping), max_tasks=60_000)
    assert found.share < 0.05
    assert abs(found.against_closed_form) < 0.002


@pytest.mark.parametrize("words", [2, 4, 8, 16])
def test_too_few_tiles_in_flight_show_as_stalls(words: int) -> None:
    case = Case(AttentionShape(1, 4, 4, 4096, 4096, 64, 64), {"array_2d.registers.words": words})
    found = played("fusemax", case)
    if words >= 16:
        assert found.against_closed_form < 0.01
    else:
        assert found.against_closed_form > (0.05 if words < 8 else 0.0)
        assert "latency of LM" in found.schedule.explain_idle("array_1d") or words == 8


def test_a_serial_tile_waits_for_its_drain() -> None:
    found = played("fusemax-serial", Case(AttentionShape(1, 1, 1, 4096, 4096, 64, 64), {}))
    assert found.schedule.busy_fraction["array_2d"] == pytest.approx(137 / 458, rel=0.01)
    assert found.schedule.explain_idle("array_2d").startswith("array_2d is idle 70.2% of the time: 55.8% latency of LM")
    # The wait is 256 of the 458 cycles of a tile.
    assert found.schedule.idle_causes("array_2d")[0].idle_fraction == pytest.approx(256 / 458, rel=0.01)


@pytest.mark.parametrize("mapping", STUDY)
def test_the_same_program_plays_the_same_way(mapping: str) -> None:
    case = Case(AttentionShape(1, 2, 1, 700, 900, 64, 80), {})
    once, again = played(mapping, case), played(mapping, case)
    for name in ("resource", "duration", "latency", "priority", "dep_ptr", "dep", "kind", "item"):
        assert np.array_equal(getattr(once.program, name), getattr(again.program, name)), name
    assert np.array_equal(once.schedule.start, again.schedule.start)
    assert np.array_equal(once.schedule.start, play(once.program).start)


@pytest.mark.parametrize("mapping", STUDY)
def test_what_is_played_is_said(mapping: str) -> None:
    found = played(mapping, Case(AttentionShape(1, 2, 2, 512, 512, 64, 64), {}))
    said = found.to_dict()
    assert said["latency_events_s"] == found.latency_s == found.schedule.makespan_s
    assert said["latency_closed_form_s"] == found.estimate.latency_s
    assert said["difference"] == pytest.approx(found.latency_s / found.estimate.latency_s - 1)
    assert (said["share_played"], said["n_tasks"]) == (1.0, found.program.n_tasks)
