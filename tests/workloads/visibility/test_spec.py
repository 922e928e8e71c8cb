"""Text to values."""

from typing import Any

import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    Gna,
    Mixture,
    SlidingWindow,
    duo_attention,
    mask_from_spec,
    parse_axes,
    parse_count,
    parse_flags,
    parse_layout,
    swin,
)


@pytest.mark.parametrize(
    ("text", "shape"),
    [("30x48x80", (30, 48, 80)), ("128", (128,)), (" 16X24 ", (16, 24)), ("4,8", (4, 8)), ("64K", (65536,))],
)
def test_shapes(text: str, shape: tuple[int, ...]) -> None:
    assert parse_layout(text) == shape


def test_counts_know_k_and_m() -> None:
    assert [parse_count(t) for t in ("80", "64K", "2m", "-3")] == [80, 65536, 2 << 20, -3]


def test_one_value_stands_for_all_axes() -> None:
    assert parse_axes("3", 3) == (3, 3, 3)
    assert parse_flags("1", 2) == (True, True)
    assert parse_flags("0,1") == parse_flags("no,yes") == parse_flags("falsextrue") == (False, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: parse_layout("30xx80"),
            (
                "'30xx80' is not a shape such as 128, 16x24 or 30x48x80: number: '' is not a count. "
                "Write a whole number such as 4096, or 64K, 1M (binary units)."
            ),
        ),
        (lambda: parse_count("1.5"), "number: '1.5' is 1.5, not a whole number. Nearest: 2."),
        (lambda: parse_axes("3x3", 3), "'3x3' has 2 axes but the layout has 3; give one value, or 3 values."),
        (lambda: parse_flags("0,2"), "'0,2': '2' is not a flag; write 0 or 1 for each axis, such as 0,1."),
        (lambda: parse_flags("0,1", 3), "'0,1' has 2 axes but the layout has 3; give one value, or 3 values."),
        (
            lambda: mask_from_spec("sliding-window", n_queries=8, n_keys=8, widow=3),
            (
                "mask 'sliding-window' has no parameter 'widow'. Did you mean 'window'? "
                "Parameters: n_queries, n_keys, window, causal."
            ),
        ),
        (
            lambda: mask_from_spec("gna", layout="8x8"),
            "mask 'gna' needs window. Parameters: layout, window, stride, dilation, causal.",
        ),
        (
            lambda: mask_from_spec("radial", frames="4", tokens_per_frame="8", decay="much"),
            "parameter 'decay': could not convert string to float: 'much'",
        ),
        (
            lambda: mask_from_spec("block-mask", n_queries=8, n_keys=8, block=4, kept="1001"),
            "parameter 'kept' cannot be given as text.",
        ),
    ],
)
def test_text_that_cannot_be_read_is_refused(call: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert str(caught.value) == message


def test_masks_from_text_and_from_values_are_the_same() -> None:
    named = mask_from_spec("gna", layout="16x24", window="5x7", stride="1x2", dilation=(2, 1), causal="0,1")
    assert named == Gna((16, 24), (5, 7), (1, 2), (2, 1), (False, True))
    assert mask_from_spec("sliding-window", n_queries="1K", n_keys=0, window="64", causal="0") == SlidingWindow(
        1024, 0, 64, causal=False
    )


def test_one_value_as_text_stands_for_every_axis() -> None:
    assert mask_from_spec("gna", layout="8x8", window="3", causal="1") == Gna((8, 8), (3, 3), causal=(True, True))
    assert mask_from_spec("gna", layout="64", window="3") == Gna((64,), (3,))
    assert mask_from_spec("swin", layout="8x8", window="4") == swin((8, 8), (4, 4))


def test_mixtures_have_names_too() -> None:
    mixture = mask_from_spec("duo", n_queries="1", n_keys="100000", n_heads="32", full_fraction="0.25")
    assert isinstance(mixture, Mixture)
    assert mixture == duo_attention(1, 100_000, 32, 0.25)
