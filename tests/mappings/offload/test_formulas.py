"""Closed forms: published payloads and ridge points, laws that hold for all sizes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.deployment import model_numbers
from attnscope.mappings.offload.numbers import CollectiveNumbers, LinkNumbers, PoolNumbers
from attnscope.workloads.models import load_model

FEW = settings(deadline=None, max_examples=60)
BIG = model_numbers(load_model("llama3-70b"), 137.5e9)
H100 = PoolNumbers(989e12, 3.35e12, 3.35e12, 0.0, 80e9, 11.06, 0.0, 0.0, 0.0, 0.0, 0.0, False, 128.0, 0.0)
H20 = PoolNumbers(148e12, 4.0e12, 4.0e12, 0.0, 96e9, 4.63, 0.0, 0.0, 0.0, 0.0, 0.0, False, 128.0, 0.0)
FHBN = LinkNumbers(33e-6, 45.7e9)
NONE = CollectiveNumbers(0.0, 0.0, 0.0)


def test_published_payloads() -> None:
    assert formulas.kv_token_bytes(BIG) == 327_680
    assert formulas.query_bytes(BIG, 64) == formulas.output_bytes(BIG, 64) == 1_048_576
    assert formulas.new_kv_bytes(BIG, 64) == 262_144
    assert formulas.step_bytes(BIG, 64) == 188_743_680
    assert formulas.residual_bytes(BIG, 1) == 16_384


def test_ridge_points_and_the_batch_that_reaches_them() -> None:
    assert formulas.ridge_flops_per_byte(989e12, 3.35e12) == pytest.approx(295.2, abs=0.05)
    batch = formulas.compute_bound_batch(BIG, H100)
    assert 295 < batch < 310
    below, above = (formulas.linear_layer_s(BIG, H100, batch * x, 1) for x in (0.9, 1.1))
    assert above / below > 1.09


def test_a_model_of_activations_alone_is_never_compute_bound() -> None:
    tiny = BIG._replace(layer_weight_bytes=1.0)
    assert math.isinf(formulas.compute_bound_batch(tiny, H100))


@pytest.mark.parametrize(("context", "published"), [(2048, 47.7), (4096, 30.9), (8192, 18.1)])
def test_minimum_bandwidth(context: int, published: float) -> None:
    model_s = 80 * formulas.linear_layer_s(BIG, H100, 300, 1)
    attention_s = 80 * formulas.attention_layer_s(BIG, H20, 300, 1, True, context)
    found = formulas.minimum_bytes_per_s(formulas.step_bytes(BIG, 300), model_s, attention_s, 0.2)
    assert found / 1e9 == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize(("batch", "published_s"), [(1, 33.8e-6), (64, 84.6e-6), (300, 275.0e-6)])
def test_network_time_of_a_layer(batch: int, published_s: float) -> None:
    assert formulas.network_layer_s(BIG, FHBN, batch, 1) == pytest.approx(published_s, rel=0.01)


def test_a_full_pool_takes_the_same_time_whatever_the_model() -> None:
    context = 4096.0
    for name in ("llama-33b", "llama-65b", "llama3-70b"):
        model = model_numbers(load_model(name))
        batch = 0.9 * 4 * H20.capacity_bytes / (context * formulas.kv_token_bytes(model))
        step = model.layers * formulas.attention_layer_s(model, H20, batch, 4, True, context)
        assert step == pytest.approx(0.9 * H20.capacity_bytes / H20.attention_bytes_per_s)


def test_all_reduce_of_one_device_is_free() -> None:
    ring = CollectiveNumbers(3e-6, 2e-6, 250e9)
    assert formulas.all_reduce_s(ring, 1e6, 1) == 0.0
    assert formulas.all_reduce_s(NONE, 1e6, 4) == 0.0
    assert formulas.all_reduce_s(ring, 1e6, 4) == pytest.approx(3e-6 + 8e-6 + 1.5e6 / 250e9)


def test_requests_that_fit_are_whole_and_never_negative() -> None:
    assert formulas.requests_that_fit(80e9, 8192 * 327_680) == 29
    assert formulas.requests_that_fit(-1.0, 10) == 0


@FEW
@given(st.floats(1e-6, 1e-3), st.floats(0, 1), *(st.floats(0, 1e-3) for _ in range(5)))
def test_early_queries_never_help_by_more_than_is_hidden(
    model_s: float, share: float, query_s: float, kv_s: float, attention_s: float, back_s: float, round_trip_s: float
) -> None:
    projection = share * model_s
    early = formulas.early_chain_s(model_s, projection, query_s, kv_s, attention_s, 0.0, back_s, round_trip_s)
    serial = formulas.serial_chain_s(model_s, query_s + kv_s, attention_s, back_s, round_trip_s)
    hidden = serial - early
    assert -1e-15 <= hidden <= min(projection + kv_s, attention_s + query_s) + 1e-15


@FEW
@given(st.integers(1, 5), st.integers(1, 8), st.integers(1, 600), st.integers(1, 20_000), st.booleans())
def test_no_resource_is_busy_for_more_than_the_period(
    batches: int, devices: int, each: int, context: int, early: bool
) -> None:
    found = formulas.terms(BIG, H100, H20, FHBN, NONE, devices, devices, batches, True, early, each * batches, context)
    for share in (found.compute_busy, found.memory_busy, found.link_busy):
        assert 0.0 <= share <= 1.0 + 1e-12
    assert found.period_s >= found.chain_s
    assert found.tokens_per_s == pytest.approx(each * batches / found.step_s)


@FEW
@given(st.integers(2, 400), st.floats(1e9, 400e9))
def test_a_faster_link_never_hurts(batch: int, bandwidth: float) -> None:
    slow, fast = (
        formulas.terms(BIG, H100, H20, LinkNumbers(33e-6, b), NONE, 2, 4, 2, True, True, batch, 4096).step_s
        for b in (bandwidth, 2 * bandwidth)
    )
    assert fast <= slow


def test_one_batch_goes_through_everything_in_turn() -> None:
    found = formulas.terms(BIG, H100, H20, FHBN, NONE, 2, 4, 1, True, False, 64, 4096)
    parts = found.model_s + found.attention_s + found.out_s + found.back_s + FHBN.round_trip_s
    assert found.chain_s == found.period_s == pytest.approx(parts)
    assert found.hidden_s == 0.0
