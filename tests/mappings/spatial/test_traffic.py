"""Traffic row by row: fills, streams, blocks, spills, partial sums."""

import pytest
from hypothesis import given, settings

from attnscope.mappings.spatial import evaluate
from attnscope.mappings.spatial.evaluate import resolve
from attnscope.mappings.spatial.traffic import dram_words, moves, operand_words
from attnscope.simulator.estimate import Estimate
from attnscope.workloads.shape import AttentionShape
from tests.mappings.spatial import oracle
from tests.mappings.spatial.strategies import FUSED, STUDY, pair, shapes

SHAPE = AttentionShape(2, 4, 2, 1000, 3000, 64, 80)


def rows(found: Estimate, level: str) -> dict[str, tuple[float, float]]:
    return {row.tensor: (row.read_bytes, row.write_bytes) for row in found.traffic if row.level == level}


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes())
def test_rows_are_unique_and_sum_to_the_levels(mapping: str, shape: AttentionShape) -> None:
    found = evaluate(shape, *pair(mapping))
    assert len({(row.level, row.tensor) for row in found.traffic}) == len(found.traffic)
    for level, total in found.bytes.items():
        assert total == pytest.approx(sum(row.bytes for row in found.traffic if row.level == level), rel=1e-12)
    plan, s, tiling = resolve(shape, *pair(mapping))
    assert found.bytes["dram"] == pytest.approx(dram_words(plan, s, tiling) * shape.bytes_per_element, rel=1e-12)
    assert all(row.read_bytes >= 0 and row.write_bytes >= 0 for row in found.traffic)


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes())
def test_no_mapping_moves_less_than_its_inputs_and_outputs(mapping: str, shape: AttentionShape) -> None:
    found = evaluate(shape, *pair(mapping))
    x = oracle.point(shape, pair(mapping)[1])
    dram = rows(found, "dram")
    least = {"Q": x.P * x.E, "K": x.M * x.E, "V": x.M * x.F, "AV": x.P * x.F}
    for tensor, words in least.items():
        assert sum(dram[tensor]) >= x.T * words * x.w * (1 - 1e-12), tensor


@pytest.mark.parametrize("mapping", FUSED)
def test_a_block_that_covers_everything_moves_each_tensor_once(mapping: str) -> None:
    found = evaluate(SHAPE, *pair(mapping))
    assert found.choices["query_blocks"] == 1
    assert rows(found, "dram") == {
        "Q": (2 * 2 * 2 * 2000 * 64, 0),
        "K": (2 * 2 * 2 * 3000 * 64, 0),
        "V": (2 * 2 * 2 * 3000 * 80, 0),
        "AV": (0, 2 * 2 * 2 * 2000 * 80),
    }


def test_queries_that_share_keys_fetch_them_once() -> None:
    shared = evaluate(SHAPE, *pair("fusemax"))
    apart = evaluate(SHAPE.with_sizes(kv_heads=4), *pair("fusemax"))
    assert rows(shared, "dram")["K"][0] * 2 == rows(apart, "dram")["K"][0]
    assert rows(shared, "dram")["Q"] == rows(apart, "dram")["Q"]


def test_one_tile_of_keys_stays_while_blocks_of_queries_pass() -> None:
    shape = AttentionShape(1, 1, 1, 1 << 17, 200, 64, 64)
    found = evaluate(shape, *pair("fusemax"))
    assert found.choices["query_blocks"] > 1
    assert rows(found, "dram")["K"] == (2 * 200 * 64, 0)


def test_what_waits_in_the_buffer_of_fusemax() -> None:
    waits = rows(evaluate(SHAPE, *pair("fusemax")), "buffer")
    assert set(waits) == {"Q", "K", "V", "RM", "RD", "RNV"}
    assert "QK" in rows(evaluate(SHAPE, *pair("cascade")), "buffer")  # its vector array works on the scores


def test_scores_of_unfused_attention_cross_dram_four_times() -> None:
    dram = rows(evaluate(SHAPE, *pair("unfused")), "dram")
    scores = 2 * SHAPE.scores
    assert dram["QK"] == dram["A"] == (scores, scores)


def test_flat_spills_a_part_of_its_scores() -> None:
    shape = AttentionShape(1, 1, 1, 4096, 4096, 64, 64)
    found = evaluate(shape, *pair("flat"))
    dram = rows(found, "dram")
    crossings = sum(sum(dram[tensor]) for tensor in ("QK", "SN", "A"))
    assert crossings == pytest.approx(7 * 2 * shape.scores / 129, rel=1e-12)


def test_scores_that_outgrow_the_buffer_row_by_row() -> None:
    shape = AttentionShape(1, 1, 1, 256, 1 << 24, 64, 64)
    for mapping in ("flat", "unfused"):
        dram = rows(evaluate(shape, *pair(mapping)), "dram")
        assert dram["QK"] == (2 * 2 * shape.scores, 2 * shape.scores)  # read for the maximum, and again for exp


@pytest.mark.parametrize("mapping", STUDY)
def test_operand_words_are_those_of_the_rows(mapping: str) -> None:
    plan, s, tiling = resolve(SHAPE, *pair(mapping))
    for tensor in ("Q", "K", "V", "AV"):
        mine = [m for m in moves(plan, s, tiling) if m.tensor == tensor and m.level == "dram"]
        assert operand_words(plan, s, tiling, (tensor,)) == sum(m.read_words + m.write_words for m in mine)
