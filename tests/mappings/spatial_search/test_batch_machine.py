"""The block machine: each operation against Python's own arithmetic."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attnscope.mappings.spatial.batch import compile_batch
from attnscope.mappings.spatial.batch_machine import BLOCK, largest_divisor
from attnscope.mappings.spatial.batch_operations import largest_divisor as by_trial
from attnscope.mappings.spatial.batch_rebind import added, over_symbols, whole
from attnscope.mappings.spatial.batch_symbols import Graph, Number

WIDE = (-(2**61), 2**61)


def _apply(function: Callable[[Any, Any], Any], a: list[Any], b: list[Any], ends: tuple[Any, Any]) -> list[float]:
    graph = Graph()
    x, y = graph.input("x", *ends), graph.input("y", *ends)
    out = function(x, y)
    number = graph.lift(out)
    batch = compile_batch(graph, {"out": number if number.node.kind == "bool" else number.real()})
    found = batch({"x": np.array(a, dtype=float), "y": np.array(b, dtype=float)})["out"]
    return [float(value) for value in found]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x * y,
        lambda x, y: x / y,
        lambda x, y: x // y,
        lambda x, y: -(-x // y),
        lambda x, y: (x * y + y) * x + x + y,
        lambda x, y: x < y,
        lambda x, y: x >= y,
        lambda x, y: x == y,
        lambda x, y: math.ceil(x / y),
    ],
)
def test_integers_and_floats(function: Callable[[Any, Any], Any]) -> None:
    @settings(max_examples=40, deadline=None)
    @example(1, 1, 1.0, 0.01)  # 1.0 / 0.01 rounds to 100, 1.0 // 0.01 is 99
    @given(st.integers(1, 2**20), st.integers(1, 2**20), st.floats(0.01, 1e6), st.floats(0.01, 1e6))
    def check(i: int, j: int, u: float, v: float) -> None:
        assert _apply(function, [i], [j], (1, 2**20)) == [float(function(i, j))]
        assert _apply(function, [u], [v], (0.01, 1e6)) == [float(function(u, v))]

    check()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2**20), st.integers(1, 2**20))
def test_remainders_of_integers(a: int, b: int) -> None:
    assert _apply(lambda x, y: x % y, [a], [b], (1, 2**20)) == [float(a % b)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2**30), st.integers(1, 2**30))
def test_products_beyond_53_bits_are_exact(a: int, b: int) -> None:
    expected = float(a * b + a * 3 - b) * 1.5
    assert _apply(lambda x, y: (x * y + x * 3 - y) * 1.5, [a], [b], (1, 2**30)) == [expected]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 5000))
def test_largest_divisor(bound: int, tiles: int) -> None:
    assert largest_divisor.py_func(float(bound), float(tiles)) == by_trial(bound, tiles)


def test_blocks_and_leftovers() -> None:
    n = 3 * BLOCK + 7
    a, b = list(range(1, n + 1)), list(range(n, 0, -1))
    assert _apply(lambda x, y: x * y, a, b, (1, n)) == [float(x * y) for x, y in zip(a, b, strict=True)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=8))
def test_a_sum_rounds_as_python_does(values: list[float]) -> None:
    assert added(values) == sum(values)
    graph = Graph()
    numbers = [graph.input(f"v{i}", 0.0, 1e9) for i in range(len(values))]
    batch = compile_batch(graph, {"sum": graph.lift(added(numbers))})
    assert batch({f"v{i}": np.array([v]) for i, v in enumerate(values)})["sum"][0] == sum(values)


def test_whole_is_int() -> None:
    assert whole(2.9) == 2
    assert _apply(lambda x, y: whole(x / y), [7, 9], [2, 2], (1, 10)) == [3.0, 4.0]


def test_functions_are_taken_over_with_what_they_call() -> None:
    graph = Graph()
    x = graph.input("x", 1, 10)
    from attnscope.mappings.spatial.choose import blocks_of

    found: Number = over_symbols(blocks_of)(x, 4, 8, 64, 2)  # type: ignore[arg-type,assignment]
    batch = compile_batch(graph, {"blocks": found.real()})
    values = list(range(1, 11))
    expected = [blocks_of(v, 4, 8, 64, 2) for v in values]
    assert batch({"x": np.array(values, dtype=float)})["blocks"].tolist() == expected
