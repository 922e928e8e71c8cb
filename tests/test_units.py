"""Quantities as people type and read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.units import LARGEST_LENGTH, format_bytes, format_length, format_si, parse_length


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64K", 65536),
        ("64k", 65536),
        ("1M", 2**20),
        ("2G", 2**31),
        ("1000", 1000),
        (" 77 ", 77),
        ("1.5K", 1536),
        (".5K", 512),
        ("5.", 5),
        ("1e3", 1000),
        (4096, 4096),
        ("1024G", LARGEST_LENGTH),
    ],
)
def test_lengths_that_are_read(text: str | int, value: int) -> None:
    assert parse_length(text) == value


NOT_A_COUNT = "is not a count. Write a whole number such as 4096, or 64K, 1M (binary units)."
TOO_LARGE = "is above the largest that is modelled, 2^40. Nearest: 1024G."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "must be at least 1. Nearest: 1."),
        (0, "must be at least 1. Nearest: 1."),
        ("1e-400", "must be at least 1. Nearest: 1."),
        ("1e30", TOO_LARGE),
        ("1e400", TOO_LARGE),
        ("1025G", TOO_LARGE),
        ("1.5", "is 1.5, not a whole number. Nearest: 2."),
        ("0.4", "is 0.4, not a whole number. Nearest: 1."),
        ("1024.25", "is 1024.25, not a whole number. Nearest: 1024."),
        ("", NOT_A_COUNT),
        (".", NOT_A_COUNT),
        ("1..2", NOT_A_COUNT),
        ("-5", NOT_A_COUNT),
        ("many", NOT_A_COUNT),
        ("nan", NOT_A_COUNT),
    ],
)
def test_lengths_that_are_refused(text: str | int, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_length(text, "--seq-len")
    assert str(refused.value) == f"--seq-len: {text!r} {words}"


def test_an_unknown_unit() -> None:
    with pytest.raises(UsageError) as refused:
        parse_length("12Q")
    assert str(refused.value) == (
        "sequence length: unknown unit 'Q' in '12Q'. Known: K = 1024, M = 1024 K, G = 1024 M."
    )


@given(st.integers(1, LARGEST_LENGTH))
def test_lengths_come_back_as_they_were_written(length: int) -> None:
    assert parse_length(format_length(length)) == length
    assert parse_length(length) == length


@given(st.text())
def test_any_text_is_a_length_or_refused(text: str) -> None:
    try:
        assert 1 <= parse_length(text) <= LARGEST_LENGTH
    except UsageError as refused:
        assert repr(text) in str(refused)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0020131, "s", "2.013 ms"),
        (7.4025, "s", "7.402 s"),
        (1891.83, "s", "1,892 s"),
        (2_028_813.0, "s", "2,028,813 s"),
        (2_028_813.0, "J", "2.029 MJ"),
        (9.9999, "J", "10.00 J"),
        (0.99999, "s", "1.000 s"),
        (999.96, "J", "1.000 kJ"),
        (-0.5, "W", "-500.0 mW"),
        (0.0, "s", "0 s"),
        (math.inf, "s", "inf s"),
        (3e-13, "s", "0.3000 ps"),
        (1e15, "B", "1,000 TB"),
    ],
)
def test_quantities_as_they_are_shown(value: float, unit: str, text: str) -> None:
    assert format_si(value, unit) == text


@given(st.floats(1e-11, 1e13))
def test_shown_quantities_have_four_digits_and_their_value(value: float) -> None:
    number, unit = format_si(value, "J").split(" ")
    scale = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
    assert float(number.replace(",", "")) * scale[unit.removesuffix("J")] == pytest.approx(value, rel=6e-4)
    assert sum(c.isdigit() for c in number) == 4 or value >= 1e15


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (402_653_184, "384 MiB"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (6_803_228_196_864, "6.188 TiB"),
        (2.0**63, "8192 PiB"),
        (0, "0 B"),
    ],
)
def test_bytes_as_they_are_shown(value: float, text: str) -> None:
    assert format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(65536, "64K"), (1000, "1000"), (2**30, "1G"), (1536, "1536"), (3 << 20, "3M")]
)
def test_lengths_as_they_are_shown(value: int, text: str) -> None:
    assert format_length(value) == text
