"""Shapes: legal sizes, replacement, grouping of heads, wording of refusals."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnscope.errors import UnknownNameError, UsageError
from attnscope.workloads.shape import SIZES, AttentionShape, Gemm

BASE = AttentionShape(batch=2, heads=8, kv_heads=2, queries=1000, keys=2048, score_width=64, value_width=80)


def test_scores_and_label() -> None:
    assert BASE.scores == 2 * 8 * 1000 * 2048
    assert BASE.label == "B2 H8/2 P1000 M2K E64 F80"
    assert BASE.with_sizes(kv_heads=8).label == "B2 H8 P1000 M2K E64 F80"


def test_sizes_are_replaced_one_by_one() -> None:
    assert BASE.with_sizes(queries=1, keys=None).queries == 1
    assert BASE.with_sizes(queries=1).keys == 2048
    assert BASE.with_sizes() is BASE
    assert BASE.to_dict() == {**dict.fromkeys(SIZES, 0), **dataclasses.asdict(BASE)}


def test_heads_of_multi_head_attention_keep_keys_of_their_own() -> None:
    assert BASE.with_sizes(kv_heads=8).with_sizes(heads=12).kv_heads == 12
    assert BASE.with_sizes(heads=12).kv_heads == 2
    assert BASE.with_sizes(kv_heads=8).with_sizes(heads=12, kv_heads=4).kv_heads == 4


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "{0} = 0 must lie between 1 and 2^40. Nearest: 1."),
        (-3, "{0} = -3 must lie between 1 and 2^40. Nearest: 1."),
        (2**40 + 1, "{0} = 1099511627777 must lie between 1 and 2^40. Nearest: 1099511627776."),
        (1.5, "{0} = 1.5 is not a whole number. Give one such as 4096."),
        ("64K", "{0} = '64K' is not a whole number. Give one such as 4096."),
    ],
)
def test_sizes_that_are_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        BASE.with_sizes(**{name: value})
    assert str(refused.value) == f"attention shape: {words.format(name)}"


def test_an_unknown_size_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as refused:
        BASE.with_sizes(head=3)
    assert str(refused.value) == (
        "attention shape: no size named 'head'. Did you mean 'heads'? "
        "Known: batch, bytes_per_element, heads, keys, kv_heads, queries, score_width, value_width."
    )


@given(heads=st.integers(1, 64), kv_heads=st.integers(1, 64))
def test_key_heads_are_shared_evenly_or_refused(heads: int, kv_heads: int) -> None:
    if heads % kv_heads == 0:
        assert BASE.with_sizes(heads=heads, kv_heads=kv_heads).kv_heads == kv_heads
        return
    with pytest.raises(UsageError) as refused:
        BASE.with_sizes(heads=heads, kv_heads=kv_heads)
    near = int(str(refused.value).rsplit(" ", 1)[1].rstrip("."))
    assert heads % near == 0
    assert str(refused.value) == (
        f"attention shape: {heads} heads cannot share {kv_heads} KV heads evenly. "
        f"Nearest kv_heads that divides: {near}."
    )


def test_integers_of_any_type_are_taken_as_int() -> None:
    found = BASE.with_sizes(queries=np.int64(77))  # type: ignore[arg-type]
    assert found.queries == 77
    assert type(found.queries) is int


def test_a_shape_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASE.heads = 3  # type: ignore[misc]


def test_gemm_counts() -> None:
    gemm = Gemm("up", 3, 5, 7)
    assert (gemm.macs, gemm.input_words, gemm.output_words) == (105, 15 + 35, 21)
