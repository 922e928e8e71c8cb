"""Lowered programs: every tile once, dependencies of the cascade, durations of one tile, a share of a long layer."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from attnscope.mappings.spatial import evaluate, load_mapping, lower
from attnscope.simulator.events import play
from attnscope.simulator.program import Program
from attnscope.workloads.models import load_model
from attnscope.workloads.shape import AttentionShape
from tests.mappings.spatial.strategies import STUDY, pair

SMALL = AttentionShape(1, 2, 1, 700, 900, 64, 80)  # GQA, ragged: 6 query tiles of 256 stacked, 4 key tiles
TILES = 6 * 4


def program(mapping: str, shape: AttentionShape = SMALL, **options: Any) -> Program:
    found, share = lower(shape, *pair(mapping), **options)
    assert share == 1.0
    return found


def tasks_of(found: Program, kind: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.flatnonzero(found.kind == found.kinds.index(kind))


@pytest.mark.parametrize("mapping", STUDY)
def test_one_task_per_einsum_and_tile(mapping: str) -> None:
    found = program(mapping)
    counts = Counter(found.kinds[k] for k in found.kind)
    einsums = load_mapping(mapping).bind
    names = {name for bind in einsums for name in bind.einsums}
    assert names <= {*found.kinds}
    per_row = {"AV"} if "1pass" in load_mapping(mapping).cascade else {*()}
    for name in names:
        assert counts[name] == (6 if name in per_row else TILES), name


@pytest.mark.parametrize("mapping", STUDY)
def test_einsums_run_where_the_mapping_binds_them(mapping: str) -> None:
    found = program(mapping)
    for bind in load_mapping(mapping).bind:
        for name in bind.einsums:
            places = {found.resources[r] for r in found.resource[tasks_of(found, name)]}
            assert places == {bind.array}, name


def test_tiles_follow_the_waterfall_of_the_cascade() -> None:
    found = program("fusemax")
    before = {
        name: {found.kinds[found.kind[p]] for t in tasks_of(found, name) for p in found.predecessors(int(t))}
        for name in ("LM", "RM", "SLN", "SLD", "SLNV", "PRM", "SPD", "RD", "SPNV", "RNV", "AV")
    }
    assert before == {
        "LM": {"QK"},
        "RM": {"RM", "LM"},
        "SLN": {"QK", "RM"},
        "SLD": {"SLN"},
        "SLNV": {"SLN", "load V"},
        "PRM": {"RM"},
        "SPD": {"RD", "PRM"},
        "RD": {"SLD", "SPD"},
        "SPNV": {"RNV", "PRM"},
        "RNV": {"SLNV", "SPNV"},
        "AV": {"RNV", "RD"},
    }


@pytest.mark.parametrize("name", ["RM", "PRM", "SPD", "SPNV"])
def test_what_is_carried_comes_from_the_key_tile_before(name: str) -> None:
    found = program("fusemax")
    carried = {"RM": "RM", "PRM": "RM", "SPD": "RD", "SPNV": "RNV"}[name]
    steps = []
    for task in tasks_of(found, name):
        older = [int(found.item[p]) for p in found.predecessors(int(task)) if found.kinds[found.kind[p]] == carried]
        steps += [int(found.item[task]) - item for item in older if item != found.item[task]]
    # All six query tiles are one block, so that the same queries meet the next keys six tiles later.
    assert steps == [6] * (TILES - 6)


def test_a_column_maximum_arrives_one_array_height_later() -> None:
    found = program("fusemax")
    late = {kind: set(found.latency[tasks_of(found, kind)].tolist()) for kind in found.kinds}
    assert late.pop("LM") == {256.0}
    assert set().union(*late.values()) == {0.0}


def test_one_tile_or_several_are_in_flight() -> None:
    def first_gate(mapping: str) -> int:
        """The tile whose scores first have to wait for an older tile to be worked off."""
        found = program(mapping)
        gates = [
            int(found.item[t])
            for t in tasks_of(found, "QK")
            if any(found.kinds[found.kind[p]] == "SLNV" for p in found.predecessors(int(t)))
        ]
        return min(gates)

    assert first_gate("fusemax-serial") == 1
    assert first_gate("fusemax") == 6  # 12 words per PE, two for each tile


@pytest.mark.parametrize("mapping", STUDY)
def test_partial_tiles_take_only_the_steps_they_need(mapping: str) -> None:
    found = program(mapping)
    scores = found.duration[tasks_of(found, "QK")]
    assert set(scores.tolist()) == {64.0}
    if mapping == "cascade":  # a lane walks the 132 keys that the last key tile really has
        assert set(found.duration[tasks_of(found, "LM")].tolist()) == {256.0, 132.0}


@pytest.mark.parametrize("mapping", STUDY)
@pytest.mark.parametrize("length", [1 << 14, 1 << 17, 1 << 20])
def test_a_share_of_a_layer_costs_its_share(mapping: str, length: int) -> None:
    shape = load_model("bert").attention(length)
    found, share = lower(shape, *pair(mapping), max_tasks=40_000)
    closed = evaluate(shape, *pair(mapping))
    hz = pair(mapping)[1].clock.frequency_hz
    assert 0 < share < 1
    assert found.n_tasks < 80_000
    for name, cycles in closed.choices["einsum_cycles"].items():
        assert found.duration[tasks_of(found, name)].sum() == pytest.approx(cycles * share, rel=1e-9), name
    memory = found.duration[found.resource == found.resources.index("dram")].sum() / hz
    assert memory == pytest.approx(closed.busy_s["dram"] * share, rel=1e-9)


def test_phases_of_the_unfused_mapping_do_not_overlap() -> None:
    found = program("unfused")
    milestones = [int(tasks_of(found, f"end of phase {number}")[0]) for number in (1, 2)]
    assert {int(found.resource[m]) for m in milestones} == {-1}
    assert all(len(found.predecessors(m)) > TILES for m in milestones)
    starts = play(found).start
    softmax, products = tasks_of(found, "GM"), tasks_of(found, "AV")
    assert starts[softmax].min() >= starts[milestones[0]]
    assert starts[products].min() >= starts[milestones[1]]


@pytest.mark.parametrize("mapping", ["unfused", "flat"])
def test_scores_in_dram_are_stored_before_they_are_loaded(mapping: str) -> None:
    shape = AttentionShape(1, 1, 1, 512, 1 << 16, 64, 64)
    found = lower(shape, *pair(mapping, {"buffer.capacity_bytes": 1 << 22}), max_tasks=100_000)[0]

    def before(kind: str) -> set[str]:
        return {found.kinds[found.kind[p]] for t in tasks_of(found, kind) for p in found.predecessors(int(t))}

    assert "QK" in before("store QK")
    assert "store QK" in before("load QK")
    assert {"load QK"} <= before("GM")
    assert {"load A"} <= before("AV")


@pytest.mark.parametrize(("block", "loads"), [(4, 2), (2, 4), (1, 8)])
def test_each_block_of_queries_loads_the_keys_again(block: int, loads: int) -> None:
    found = program("fusemax", AttentionShape(1, 1, 1, 1024, 512, 64, 64), block=block)
    assert (len(tasks_of(found, "load Q")), len(tasks_of(found, "load K"))) == (4, loads)
