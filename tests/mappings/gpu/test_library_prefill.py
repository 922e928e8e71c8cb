"""Counts of library prefill attention against brute force over query and key positions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.library_prefill import head_visits, prefill, visible_pairs
from attnscope.mappings.gpu.library_resources import find_library
from attnscope.mappings.gpu.library_shapes import AttentionShapes


def brute_visits(length: int, group: int, q_rows: int, kv_rows: int, window: int) -> list[int]:
    """KV tiles with a visible pair, or between such tiles, per Q tile."""
    rows = [p for p in range(length) for _ in range(group)]
    found = []
    for start in range(0, len(rows), q_rows):
        positions = rows[start : start + q_rows]
        keys = {k for p in positions for k in range(max(0, p - window + 1) if window else 0, p + 1)}
        found.append(max(keys) // kv_rows - min(keys) // kv_rows + 1)
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 150), st.integers(1, 7), st.sampled_from([4, 16, 24]), st.sampled_from([8, 16]), st.integers(0, 40)
)
def test_visits_equal_brute_force(length: int, group: int, q_rows: int, kv_rows: int, window: int) -> None:
    ours, theirs = (
        head_visits(length, group, q_rows, kv_rows, window, 1),
        brute_visits(length, group, q_rows, kv_rows, window),
    )
    assert (ours.n_tiles, ours.total, ours.longest) == (len(theirs), sum(theirs), max(theirs))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.integers(0, 90))
def test_visible_pairs(length: int, window: int) -> None:
    shapes = AttentionShapes.of([(1, 1, 1, 64, length, window)])
    keys = [min(q + 1, window or length) for q in range(length)]
    assert visible_pairs(shapes)[0] == sum(keys)


@given(st.integers(1, 300), st.integers(1, 9))
def test_splits_share_the_visits_out(length: int, splits: int) -> None:
    whole, cut = (head_visits(length, 1, 16, 16, 0, s) for s in (1, splits))
    assert cut.total == whole.total
    assert whole.n_tiles <= cut.pieces <= min(splits * whole.n_tiles, whole.total)
    assert cut.longest_piece == -(-whole.longest // splits)


def test_the_cache_write_belongs_to_some_calls_only() -> None:
    shapes = AttentionShapes.of([(2, 8, 4, 128, 1024, 0)])
    names = {}
    for device, version in (("a100", "vllm0.14.0"), ("h100", "vllm0.19.0"), ("h100", "sglang0.5.10")):
        gpu = load_gpu(device)
        counts = prefill(shapes, find_library(version, gpu), gpu)
        names[device, version] = [x.name for x in counts.launches]
    assert names["a100", "vllm0.14.0"] == ["store k and v", "attention", "merge"]
    assert names["h100", "vllm0.19.0"] == ["attention", "merge"]
    assert names["h100", "sglang0.5.10"][0] == "store k and v"


def test_flops_are_padded_and_bytes_unique() -> None:
    gpu = load_gpu("h100")
    shapes = AttentionShapes.of([(2, 8, 2, 128, 1000, 0), (1, 4, 4, 64, 256, 128)])
    counts = prefill(shapes, find_library("vllm0.19.0", gpu), gpu)
    assert np.all(counts.total("tensor_flops") >= counts.useful_flops)
    main = next(x for x in counts.launches if x.name == "attention")
    assert main.dram_bytes[0] == 2 * 2 * 1000 * (8 + 2) * 128 * 2


@pytest.mark.parametrize(("version", "expected"), [("vllm0.20.0", "vllm"), ("trtllm1.0", "")])
def test_unlisted_versions_take_the_nearest(version: str, expected: str) -> None:
    gpu = load_gpu("h100")
    found = find_library(version, gpu)
    assert found.attention == "fa3"
    assert expected != "vllm" or found == find_library("vllm0.19.0", gpu)
    assert find_library("vllm9", load_gpu("a100")).attention == "fa2"
