"""Decode latency as pure functions: floors, monotony, what the compiled loops rely on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.decode_time import merge_bytes, resident_fraction, split_parts, tile_time_s

FEW = settings(deadline=None, max_examples=80)
BANDWIDTH = 3e12


def latency(
    batch: float = 8, context: float = 4096, splits: float = 0, longest: float = 0, in_l2: float = 0.0
) -> float:
    parts = split_parts(
        batch, 8, 4, context, longest or context, 128, 128, 2, splits, False, 128, 132, BANDWIDTH, 8e12, in_l2,
        7e-6, 2e-6, 2e-6, 0.5e-6,
    )  # fmt: skip
    return sum(parts[:6])


@FEW
@given(st.integers(1, 512), st.integers(1, 65536), st.integers(0, 32))
def test_never_below_the_bytes_over_the_bandwidth(batch: int, context: int, splits: int) -> None:
    bytes_read = batch * context * 8 * 256 * 2
    assert latency(batch, context, splits) >= bytes_read / BANDWIDTH * (1 - 1e-12)


@FEW
@given(st.integers(1, 512), st.integers(1, 30_000))
def test_longer_contexts_never_take_less_without_a_split(batch: int, context: int) -> None:
    assert latency(batch, context + 128, 1) >= latency(batch, context, 1)


@FEW
@given(st.integers(1, 600))
def test_larger_batches_never_take_less_without_a_split(batch: int) -> None:
    assert latency(batch + 1, 2048, 1) >= latency(batch, 2048, 1) * (1 - 1e-12)


def test_a_ragged_batch_costs_more_than_an_even_one_and_less_than_the_longest() -> None:
    assert latency(64, 4096) < latency(64, 4096, longest=8192) <= latency(64, 8192)


def test_keys_and_values_in_l2_are_faster() -> None:
    assert latency(4, 2048, in_l2=1.0) < latency(4, 2048)


def test_only_warm_loops_find_their_data_in_l2() -> None:
    assert resident_fraction(1e6, 50e6, False) == 0.0
    assert resident_fraction(1e6, 50e6, True) == 1.0
    assert resident_fraction(37.5e6, 50e6, True) == pytest.approx(0.5)
    assert resident_fraction(60e6, 50e6, True) == 0.0


def test_a_tile_alone_takes_its_floor_and_many_their_share() -> None:
    assert tile_time_s(65536, 1, BANDWIDTH, 8e12, 0.0, 1e-6) == 1e-6
    assert tile_time_s(65536, 132, BANDWIDTH, 8e12, 0.0, 1e-6) == pytest.approx(65536 * 132 / BANDWIDTH)


def test_one_piece_needs_no_merge() -> None:
    assert merge_bytes(32, 1, 128) == 0.0
    assert merge_bytes(32, 2, 128) == 2 * 4 * 32 * 2 * 130
