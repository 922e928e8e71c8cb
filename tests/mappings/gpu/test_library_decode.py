"""Counts of library decode attention: splits, windows, copies."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.decode_splits import fa2_splits
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.library_decode import decode, dynamic_splits, shared_splits
from attnscope.mappings.gpu.library_resources import find_library
from attnscope.mappings.gpu.library_shapes import AttentionShapes

H100, A100, H200 = (load_gpu(n) for n in ("h100", "a100", "h200"))


@settings(deadline=None, max_examples=80)
@given(st.integers(1, 300), st.integers(1, 3), st.integers(1, 1024), st.sampled_from([16, 32, 128]))
def test_dynamic_splits_never_exceed_their_bounds(units: int, m_tiles: int, kv_tiles: int, most: int) -> None:
    splits = dynamic_splits(units, m_tiles, kv_tiles, 132, most)
    assert 1 <= splits <= min(most, kv_tiles)
    if units * m_tiles >= 106 or kv_tiles <= 4:
        assert splits == 1


def test_pieces_do_not_exceed_the_even_share() -> None:
    splits = dynamic_splits(8, 1, 64, 132, 32)
    assert math.ceil(64 / splits) <= math.ceil(1.1 * 8 * 64 / 132)


def test_shared_splits_divide_the_batch() -> None:
    assert [shared_splits(b, 64, 16) for b in (1, 4, 8, 16, 64)] == [16, 4, 2, 1, 1]
    assert shared_splits(1, 4, 16) == 1


def test_ampere_follows_the_rule_of_flashattention_2() -> None:
    shapes = AttentionShapes.of([(2, 16, 4, 128, 8192, 0), (2, 4, 4, 128, 8192, 0)])
    counts = decode(shapes, find_library("vllm0.14.0", A100), A100)
    assert counts.counts["splits"].tolist() == [fa2_splits(8, 64, 108, 4), 1]


def test_heads_are_copied_only_for_several_sequences_of_several_kv_heads() -> None:
    shapes = AttentionShapes.of(
        [(1, 8, 2, 128, 64, 0), (4, 8, 1, 128, 64, 0), (4, 2, 2, 128, 64, 0), (4, 8, 2, 128, 64, 0)]
    )
    copies = [x for x in decode(shapes, find_library("vllm0.14.0", A100), A100).launches if x.name == "copy q"]
    assert copies[0].n_ctas.tolist() == [0, 0, 0, 1]
    assert not any(x.name == "copy q" for x in decode(shapes, find_library("vllm0.19.0", H100), H100).launches)


def test_a_window_bounds_bytes_and_tiles() -> None:
    shapes = AttentionShapes.of([(4, 8, 2, 128, n, w) for n in (64, 4096) for w in (0, 128)])
    main = next(x for x in decode(shapes, find_library("vllm0.19.0", H100), H100).launches if x.name == "attention")
    kv = main.kv_bytes_per_head
    assert kv[0] == kv[1] == 2 * 64 * 256
    assert kv[3] == 2 * 128 * 256
    assert kv[2] == 32 * kv[3]
    assert main.worst_iterations[3] == 2


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 64), st.sampled_from([1, 2, 8]), st.integers(1, 8), st.integers(1, 20000))
def test_work_is_shared_out_among_the_ctas(batch: int, kv_heads: int, group: int, length: int) -> None:
    shapes = AttentionShapes.of([(batch, kv_heads * group, kv_heads, 128, length, 0)])
    for gpu, version in ((A100, "vllm0.14.0"), (H200, "vllm0.14.0"), (H100, "vllm0.19.0")):
        counts = decode(shapes, find_library(version, gpu), gpu)
        main = next(x for x in counts.launches if x.name == "attention")
        assert np.all(main.n_ctas * main.worst_iterations >= main.iterations)
        assert np.all(main.n_ctas >= counts.counts["splits"])
