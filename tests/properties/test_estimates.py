"""Laws that every spatial estimate obeys, whatever the mapping, the shape and the machine."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial import evaluate
from attnscope.mappings.spatial.energy import Accounting
from attnscope.simulator.estimate import Estimate
from attnscope.workloads.shape import AttentionShape
from tests.mappings.spatial.strategies import FUSED, STUDY, arrays, device, lengths, pair, shapes

ROUNDING = 1 + 1e-12
GROWN = ("batch", "heads", "queries", "keys", "score_width", "value_width")
WIDE = {"dram.bandwidth_bytes_per_s": 1e18}


def estimate(
    mapping: str,
    shape: AttentionShape,
    fields: dict[str, Any] | None = None,
    accounting: Accounting = "corrected",
) -> Estimate:
    """An estimate, for shapes that fit; others are drawn again."""
    try:
        return evaluate(shape, *pair(mapping, fields), accounting=accounting)
    except IllegalMappingError:
        assume(False)
        raise AssertionError from None


def grown(shape: AttentionShape, size: str, by: int) -> AttentionShape:
    if size == "heads":  # as many KV heads more, so that the grouping stays
        return shape.with_sizes(heads=shape.heads * by, kv_heads=shape.kv_heads * by)
    return shape.with_sizes(**{size: getattr(shape, size) * by})


@pytest.mark.parametrize("mapping", STUDY)
@pytest.mark.parametrize("size", GROWN)
@settings(deadline=None, max_examples=25)
@given(shape=shapes(longest=1 << 13), by=st.integers(2, 5))
def test_more_work_is_never_faster_nor_cheaper(mapping: str, size: str, shape: AttentionShape, by: int) -> None:
    small, large = (estimate(mapping, s, WIDE) for s in (shape, grown(shape, size, by)))
    assert small.latency_s <= large.latency_s * ROUNDING
    assert small.energy_j <= large.energy_j * ROUNDING


@pytest.mark.parametrize("mapping", ("unfused", *FUSED))
@pytest.mark.parametrize("size", GROWN)
@settings(deadline=None, max_examples=25)
@given(shape=shapes(longest=1 << 13), fields=arrays())
def test_twice_the_work_is_never_faster_even_when_memory_bound(
    mapping: str, size: str, shape: AttentionShape, fields: dict[str, Any]
) -> None:
    # Not so for FLAT, whose published rule may spill at one length and, with a lower block, not at the next. Blocks of
    # the fused mappings divide the queries evenly, as published: a prime number of tiles has only blocks of one.
    if size == "queries":
        shape = shape.with_sizes(queries=1 << (shape.queries - 1).bit_length())
    small, large = (estimate(mapping, s, fields) for s in (shape, grown(shape, size, 2)))
    assert small.latency_s <= large.latency_s * ROUNDING
    assert small.bytes["dram"] <= large.bytes["dram"] * ROUNDING


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), extra=st.integers(1, 1000), size=st.sampled_from(("queries", "keys")))
def test_a_few_more_tokens_are_never_faster(mapping: str, shape: AttentionShape, extra: int, size: str) -> None:
    longer = shape.with_sizes(**{size: getattr(shape, size) + extra})
    assert estimate(mapping, shape, WIDE).latency_s <= estimate(mapping, longer, WIDE).latency_s * ROUNDING


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), fields=arrays())
def test_never_below_the_roofline(mapping: str, shape: AttentionShape, fields: dict[str, Any]) -> None:
    found, machine = estimate(mapping, shape, fields), pair(mapping, fields)[1]
    macs = shape.scores * (shape.score_width + shape.value_width)
    rows = shape.batch * shape.heads * shape.queries * (shape.score_width + shape.value_width)
    columns = shape.batch * shape.kv_heads * shape.keys * (shape.score_width + shape.value_width)
    compulsory = (rows + columns) * shape.bytes_per_element
    assert found.latency_s * ROUNDING >= macs / machine.peak_macs_per_s
    assert found.latency_s * ROUNDING >= compulsory / machine.dram.bandwidth_bytes_per_s
    assert found.bytes["dram"] >= compulsory
    assert found.latency_s * ROUNDING >= max(found.busy_s.values())


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), fields=arrays())
def test_parts_sum_to_totals_and_nothing_is_negative(
    mapping: str, shape: AttentionShape, fields: dict[str, Any]
) -> None:
    found = estimate(mapping, shape, fields)
    assert found.energy_j == pytest.approx(sum(found.energy_parts_j.values()), rel=1e-12)
    assert all(joules >= 0 for joules in found.energy_parts_j.values())
    assert {"dram", "buffer", "array_2d.mac"} <= set(found.energy_parts_j)
    assert sum(found.bytes.values()) == pytest.approx(sum(row.bytes for row in found.traffic), rel=1e-12)
    assert all(cycles > 0 for cycles in found.choices["einsum_cycles"].values())
    assert found.latency_s > 0


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), fields=arrays())
def test_the_corrected_accounting_never_charges_less(
    mapping: str, shape: AttentionShape, fields: dict[str, Any]
) -> None:
    ours, theirs = (estimate(mapping, shape, fields, accounting) for accounting in ("corrected", "published"))
    assert ours.energy_j * ROUNDING >= theirs.energy_j
    assert ours.latency_s == theirs.latency_s
    for part, joules in theirs.energy_parts_j.items():
        assert ours.energy_parts_j[part] * ROUNDING >= joules


@pytest.mark.parametrize("mapping", ("unfused", *FUSED))
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), bits=st.integers(18, 26), more=st.integers(1, 1 << 26))
def test_a_larger_buffer_never_moves_more(mapping: str, shape: AttentionShape, bits: int, more: int) -> None:
    small, large = (
        estimate(mapping, shape, {"buffer.capacity_bytes": capacity}) for capacity in (1 << bits, (1 << bits) + more)
    )
    assert large.bytes["dram"] <= small.bytes["dram"]
    assert large.latency_s <= small.latency_s * ROUNDING


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), exponent=st.floats(8, 14), factor=st.floats(1, 100))
def test_more_bandwidth_is_never_slower(mapping: str, shape: AttentionShape, exponent: float, factor: float) -> None:
    slow, fast = (
        evaluate(shape, *_bandwidth(mapping, bytes_per_s)) for bytes_per_s in (10**exponent, 10**exponent * factor)
    )
    assert fast.latency_s <= slow.latency_s * ROUNDING
    assert fast.bytes == slow.bytes
    assert fast.energy_j == slow.energy_j


def _bandwidth(mapping: str, bytes_per_s: float) -> tuple[Any, Any]:
    how, machine = pair(mapping)
    return how, machine.model_copy(
        update={"dram": machine.dram.model_copy(update={"bandwidth_bytes_per_s": bytes_per_s})}
    )


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=30)
@given(shape=shapes(), fields=arrays(), times=st.integers(2, 64))
def test_batch_is_linear(mapping: str, shape: AttentionShape, fields: dict[str, Any], times: int) -> None:
    one, many = estimate(mapping, shape, fields), estimate(mapping, grown(shape, "batch", times), fields)
    assert many.latency_s == pytest.approx(times * one.latency_s, rel=1e-9)
    assert many.energy_j == pytest.approx(times * one.energy_j, rel=1e-9)
    assert many.bytes == pytest.approx({level: times * total for level, total in one.bytes.items()}, rel=1e-9)
    assert many.utilization == pytest.approx(dict(one.utilization), rel=1e-9)
    assert many.choices["query_tiles_per_block"] == one.choices["query_tiles_per_block"]


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=30)
@given(shape=shapes(), heads=st.sampled_from((2, 4, 8)))
def test_heads_and_sequences_are_alike(mapping: str, shape: AttentionShape, heads: int) -> None:
    alone = shape.with_sizes(batch=1, heads=heads, kv_heads=heads)
    batched = shape.with_sizes(batch=heads, heads=1, kv_heads=1)
    one, other = estimate(mapping, alone), estimate(mapping, batched)
    assert (one.latency_s, one.energy_j, one.bytes) == (other.latency_s, other.energy_j, other.bytes)


@pytest.mark.parametrize("mapping", FUSED)
@settings(deadline=None, max_examples=40)
@given(shape=shapes(longest=1 << 12), group=st.sampled_from((2, 4, 8)))
def test_shared_keys_are_as_longer_queries(mapping: str, shape: AttentionShape, group: int) -> None:
    plain = shape.with_sizes(heads=shape.kv_heads, kv_heads=shape.kv_heads)
    grouped = plain.with_sizes(heads=plain.kv_heads * group, kv_heads=plain.kv_heads)
    longer = plain.with_sizes(queries=plain.queries * group)
    one, other = estimate(mapping, grouped), estimate(mapping, longer)
    assert (one.latency_s, one.bytes, one.energy_j) == (other.latency_s, other.bytes, other.energy_j)


@pytest.mark.parametrize("mapping", ("unfused", *FUSED))
@settings(deadline=None, max_examples=30)
@given(bits=st.integers(0, 13), keys=lengths(1 << 12), group=st.sampled_from((2, 4)))
def test_sharing_keys_never_costs_traffic(mapping: str, bits: int, keys: int, group: int) -> None:
    own = AttentionShape(2, 8, 8, 1 << bits, keys, 64, 64)
    shared = replace(own, kv_heads=8 // group)
    assert estimate(mapping, shared).bytes["dram"] <= estimate(mapping, own).bytes["dram"] * ROUNDING


@pytest.mark.parametrize("mapping", FUSED)
@settings(deadline=None, max_examples=30)
@given(shape=shapes(longest=1 << 12))
def test_one_block_is_the_untiled_traffic_and_more_blocks_cost_more(mapping: str, shape: AttentionShape) -> None:
    how, machine = pair(mapping, {"buffer.capacity_bytes": 1 << 30})
    whole = evaluate(shape, how, machine)
    tiles = whole.choices["query_tiles_per_block"]
    assert whole.choices["query_blocks"] == 1
    moved = [
        evaluate(shape, how, machine, block=block).bytes["dram"] for block in sorted({1, max(1, tiles // 2), tiles})
    ]
    assert moved == sorted(moved, reverse=True)
    assert moved[-1] == whole.bytes["dram"]


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=30)
@given(shape=shapes(), factor=st.sampled_from((2.0, 0.5)))
def test_clock_and_bandwidth_together_scale_time_alone(mapping: str, shape: AttentionShape, factor: float) -> None:
    fields = {"clock.frequency_hz": 940e6 * factor, "dram.bandwidth_bytes_per_s": 429496729600 * factor}
    base, scaled = estimate(mapping, shape), estimate(mapping, shape, fields)
    assert scaled.latency_s * factor == pytest.approx(base.latency_s, rel=1e-12)
    assert scaled.energy_j == base.energy_j
    assert scaled.limiter == base.limiter


@settings(deadline=None, max_examples=30)
@given(shape=shapes())
def test_interleaving_never_hurts(shape: AttentionShape) -> None:
    serial, interleaved = estimate("fusemax-serial", shape), estimate("fusemax", shape)
    assert interleaved.latency_s <= serial.latency_s * ROUNDING
    assert interleaved.energy_parts_j == serial.energy_parts_j
    assert interleaved.bytes == serial.bytes


@pytest.mark.parametrize("mapping", STUDY)
@settings(deadline=None, max_examples=20)
@given(shape=shapes(), fields=arrays())
def test_the_same_inputs_give_the_same_answer(mapping: str, shape: AttentionShape, fields: dict[str, Any]) -> None:
    once, again = estimate(mapping, shape, fields), estimate(mapping, shape, fields)
    assert once.to_dict() == again.to_dict()
    fresh = device.__wrapped__(pair(mapping)[1].name, tuple(sorted(fields.items())))
    try:
        anew = evaluate(shape, pair(mapping)[0], fresh)
    except IllegalMappingError:
        return
    assert anew.to_dict() == once.to_dict()
