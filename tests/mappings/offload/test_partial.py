"""Merging partial attention: associative, commutative, neutral element, any split, extreme logits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.mappings.gpu.decode_partition import lean_partition
from attnscope.mappings.offload.partial import (
    Partial,
    from_scores,
    identity,
    merge,
    merge_all,
    partial_attention,
    split_attention,
    stream_k_attention,
)

Floats = NDArray[np.float64]
FEW = settings(deadline=None, max_examples=60)


def softmax_attention(scores: Floats, value: Floats) -> Floats:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    answer: Floats = (weights / weights.sum(axis=-1, keepdims=True)) @ value
    return answer


def same(a: Partial, b: Partial, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(a.output, b.output, rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(a.maximum, b.maximum)
    np.testing.assert_allclose(a.total, b.total, rtol=rtol)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Floats, Floats, list[int]]:
    """Scores of two rows up to +-1e4, values, and cuts of the keys."""
    n_keys = draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    scale = draw(st.sampled_from([0.0, 1.0, 30.0, 1e4]))
    random = np.random.default_rng(seed)
    scores = random.uniform(-1.0, 1.0, (2, n_keys)) * scale
    return scores, random.normal(size=(n_keys, 3)), sorted(draw(st.lists(st.integers(0, n_keys), max_size=4)))


def pieces(scores: Floats, value: Floats, cuts: list[int]) -> list[Partial]:
    return [
        from_scores(scores[:, a:b], value[a:b]) if b > a else identity((2,), 3)
        for a, b in pairwise([0, *cuts, scores.shape[1]])
    ]


@FEW
@given(cases(), st.randoms(use_true_random=False))
def test_any_split_in_any_order_is_softmax_attention(
    case: tuple[Floats, Floats, list[int]], random: "np.random.Generator"
) -> None:
    scores, value, cuts = case
    parts = pieces(scores, value, cuts)
    random.shuffle(parts)
    merged = merge_all(parts)
    np.testing.assert_allclose(merged.output, softmax_attention(scores, value), rtol=1e-12, atol=1e-12)
    same(merged, from_scores(scores, value))


@FEW
@given(cases())
def test_merge_is_associative_and_commutative(case: tuple[Floats, Floats, list[int]]) -> None:
    scores, value, cuts = case
    a, b, c = (*pieces(scores, value, (cuts + [scores.shape[1]] * 2)[:2]),)
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
    same(merge(a, b), merge(b, a))


@FEW
@given(cases())
def test_attention_over_no_key_is_neutral(case: tuple[Floats, Floats, list[int]]) -> None:
    scores, value, _ = case
    whole = from_scores(scores, value)
    same(merge(whole, identity((2,), 3)), whole)
    same(merge(identity((2,), 3), whole), whole)


def test_merging_nothing_with_nothing_stays_nothing() -> None:
    empty = merge(identity((2,), 3), identity((2,), 3))
    assert np.isneginf(empty.maximum).all()
    assert not empty.total.any()
    assert not empty.output.any()


def test_logits_of_ten_thousand_do_not_overflow() -> None:
    value = np.array([[1.0], [2.0], [4.0]])
    merged = merge_all(pieces(np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]]), value, [1, 2])[:3])
    np.testing.assert_allclose(merged.output[:, 0], [2.5, 7.0 / 3.0], rtol=1e-12)


def test_half_precision_stays_within_two_thousandths() -> None:
    random = np.random.default_rng(3)
    query, key, value = (random.normal(size=(n, 16)).astype(np.float16) for n in (4, 96, 96))
    exact = partial_attention(*(x.astype(np.float64) for x in (query, key, value))).output
    split = split_attention(query, key, value, [10, 50, 77])
    assert split.output.dtype == np.float32
    stored = split.output.astype(np.float16).astype(np.float64)
    assert np.abs(stored - exact).max() < 2e-3 * np.abs(exact).max()


def test_split_kv_equals_one_pass() -> None:
    random = np.random.default_rng(5)
    query, key, value = (random.normal(size=(n, 8)) for n in (2, 40, 40))
    same(split_attention(query, key, value, [7, 7, 30]), partial_attention(query, key, value))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.integers(1, 4), st.integers(2, 9))
def test_stream_k_partition_computes_attention(contexts: list[int], kv_heads: int, n_sms: int) -> None:
    random = np.random.default_rng(len(contexts))
    partition = lean_partition(n_sms, kv_heads, 128, contexts)
    units = [length for length in contexts for _ in range(kv_heads)]
    queries = [random.normal(size=(2, 4)) for _ in units]
    keys, values = ([random.normal(size=(n, 4)) for n in units] for _ in range(2))
    found = stream_k_attention(queries, keys, values, partition, 128)
    for q, k, v, part in zip(queries, keys, values, found, strict=True):
        np.testing.assert_allclose(part.output, partial_attention(q, k, v).output, rtol=1e-11, atol=1e-12)


def test_merging_no_part_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no partial result; give at least one"):
        merge_all([])
