"""Expressions: one meaning for numbers, columns and traced numbers; nothing else is let in."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UnknownNameError, UsageError
from attnscope.explore.expressions import Expression, bound, conjuncts, near_names
from attnscope.mappings.spatial.batch import compile_batch
from attnscope.mappings.spatial.batch_symbols import Graph


def _read(text: str) -> Expression:
    return Expression(text, "query")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2 - a / b", 3 + 4 * 2 - 3 / 4),
        ("-a < b and not a == b", True),
        ("1 < a <= 3 or b > 100", True),
        ("min(a, b) + max(a, b)", 7),
        ("sqrt(b) + ceil(a / 2) + floor(b / 3)", 2 + 2 + 1),
        ("device.pe_dim >= 128 and name == 'flat'", True),
    ],
)
def test_values(text: str, expected: Any) -> None:
    values: dict[str, Any] = {"a": 3, "b": 4, "device.pe_dim": 128, "name": "flat"}
    assert _read(text).value(values) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**6), st.floats(0.1, 1e6))
def test_numbers_columns_and_traces_agree(a: int, b: float) -> None:
    text = "max(sqrt(a * b) / (a + b), floor(a / 3) + ceil(b)) - min(a, b)"
    plain = _read(text).value({"a": a, "b": b})
    column = _read(text).value({"a": np.array([a]), "b": np.array([b])})
    graph = Graph()
    traced = _read(text).value({"a": graph.input("a", 1, 10**6), "b": graph.input("b", 0.1, 1e6)})
    batch = compile_batch(graph, {"out": traced.real()})
    assert column[0] == plain
    assert batch({"a": np.array([float(a)]), "b": np.array([b])})["out"][0] == plain


def test_names_in_order() -> None:
    assert _read("device.dram.x > a and max(a, b.c) < 2").names == ("device.dram.x", "a", "b.c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latency_s <", "query: cannot read 'latency_s <' at column"),
        ("", "query: cannot read ''"),
        ("open('f')", "no function named 'open'. Known: ceil, floor, max, min, sqrt."),
        ("sqr(2)", "no function named 'sqr'. Did you mean 'sqrt'?"),
        ("a[0] > 1", "query: 'a[0]' in 'a[0] > 1' is not part of an expression. Use numbers, names, 'text'"),
        ("[a for a in b]", "is not part of an expression"),
        ("(lambda: 1)()", "is not part of an expression"),
        ("a ** 9 ** 9", "'a ** 9 ** 9' in 'a ** 9 ** 9' is not part of an expression"),
        ("a if b else 1", "is not part of an expression"),
        ("().__class__", "'().__class__' in '().__class__' is not part of an expression"),
        ("min(a)", "'min(a)' in 'min(a)' is not part of an expression"),
        ("True", "'True' in 'True' is not part of an expression"),
    ],
)
def test_what_is_no_expression(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _ = _read(text).names
    assert message in str(caught.value)


def test_unknown_names_are_suggested() -> None:
    known = ["device.pe_dim", "device.clock.frequency_hz", "latency_s", "energy_j"]
    with pytest.raises(UnknownNameError) as caught:
        _read("device.pe_dm > 1").check_names(known)
    assert str(caught.value) == (
        "query 'device.pe_dm > 1': no field or figure named 'device.pe_dm'. Did you mean 'device.pe_dim'? "
        "Known: device.clock.frequency_hz, device.pe_dim."
    )
    assert near_names("latency", known) == ["latency_s", "energy_j"]


def test_bounds_and_conjuncts() -> None:
    parts = conjuncts(_read("a < 3 and (b >= 2 and 5 > a * 2) and not c"))
    assert [part.text for part in parts] == ["a < 3", "b >= 2", "5 > a * 2", "not c"]
    assert [bound(part) for part in parts] == [("a", "<", 3.0), ("b", ">", 2.0), ("a * 2", "<", 5.0), None]
    assert bound(_read("a > -1")) == ("a", ">", -1.0)
    assert math.isclose(_read("2e-3").value({}), 0.002)
