"""Split rules: the public kernels' choices, against straightforward numpy restatements."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.decode_splits import fa2_splits, fa3_splits, n_splits, tile_keys, wave_efficiency

FEW = settings(deadline=None, max_examples=80)


def plain_fa2(units: int, tiles: int, n_sms: int) -> int:
    """num_splits_heuristic of flash_api.cpp, as written there."""
    slots = 2 * n_sms
    if units >= 0.8 * slots:
        return 1
    most = min(128, slots, tiles)
    eligible = [s for s in range(1, most + 1) if s == 1 or math.ceil(tiles / s) != math.ceil(tiles / (s - 1))]
    efficiency = {s: units * s / slots / math.ceil(units * s / slots) for s in eligible}
    best = max(efficiency.values())
    return next(s for s in eligible if efficiency[s] >= 0.85 * best)


@FEW
@given(st.integers(1, 400), st.integers(1, 2000), st.sampled_from([78, 108, 132]))
def test_flash_attention_2_rule(units: int, tiles: int, n_sms: int) -> None:
    assert fa2_splits(units, tiles, n_sms, 4.0) == plain_fa2(units, tiles, n_sms)


@FEW
@given(st.integers(1, 400), st.integers(1, 2000), st.sampled_from([78, 132]))
def test_flash_attention_3_rule(units: int, tiles: int, n_sms: int) -> None:
    found = fa3_splits(units, tiles, n_sms)
    assert 1 <= found <= min(128, n_sms, tiles)
    if units >= 0.8 * n_sms or tiles <= 4:
        assert found == 1
        return
    splits = np.arange(1, min(128, n_sms, tiles) + 1)
    efficiency = np.array([wave_efficiency(float(units * s), n_sms) for s in splits])
    assert found == splits[efficiency >= 0.85 * efficiency.max()][0]


def test_long_contexts_of_one_sequence_are_split_as_published() -> None:
    # 8 KV heads, 131,072 keys: 23 splits on the 108 SMs of an A100; one split for a batch of 64.
    assert fa2_splits(8, 1024, 108, 8.0) == 23
    assert fa2_splits(512, 32, 108, 4.0) == 1


def test_kernels_without_shared_heads_do_not_split_in_flash_attention_2() -> None:
    assert fa2_splits(1, 1024, 108, 1.0) == 1
    assert n_splits(True, 1, 1024, 108, 1.0) == 1
    assert n_splits(False, 1, 1024, 132, 1.0) > 100


def test_tiles_of_both_generations() -> None:
    assert [tile_keys("fa2", width) for width in (64, 128, 256)] == [256, 128, 64]
    assert [tile_keys("fa3", width) for width in (64, 128)] == [128, 128]
