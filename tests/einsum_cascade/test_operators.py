"""Scalar operators: the guards, and how the set is opened."""

from collections.abc import Iterator

import numpy as np
import pytest

from attnscope.einsum_cascade import execute, parse, register_operator, unregister_operator
from attnscope.einsum_cascade.operators import OPERATORS, REDUCERS
from attnscope.errors import UsageError

INF = float("inf")


def apply(name: str, *operands: object) -> np.ndarray:
    with np.errstate(all="ignore"):
        return OPERATORS[name].apply(*(np.asarray(operand, float) for operand in operands))


def test_dividing_touches_only_finite_divisors_that_are_not_zero() -> None:
    assert apply("div", [6, 1, 0, -INF, 1], [3, 0, 0, -INF, INF]).tolist() == [2, 0, 0, 0, 0]
    assert np.isnan(apply("div", 1, np.nan))


def test_nothing_wins_where_infinities_of_opposite_sign_meet() -> None:
    assert apply("sub", [-INF, 1, -INF, INF], [-INF, -INF, 1, INF]).tolist() == [-INF, INF, -INF, -INF]
    assert apply("add", [-INF, INF, 2], [INF, -INF, 3]).tolist() == [-INF, -INF, 5]
    assert apply("exp", apply("sub", -INF, -INF)) == 0
    assert np.isnan(apply("sub", np.nan, 1))


def test_a_product_with_nothing_is_nothing() -> None:
    assert apply("mul", [0, -INF, 2], [INF, 0, 3]).tolist() == [0, 0, 6]
    assert np.isnan(apply("mul", np.nan, [0, 1])).all()


def test_squashing_functions_do_not_overflow() -> None:
    assert apply("sigmoid", [-1e4, 0, 1e4]).tolist() == [0, 0.5, 1]
    assert apply("softplus", [-1e4, 0, 1e4]) == pytest.approx([0, np.log(2), 1e4])


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reducers_fold_like_their_operator_from_their_identity(name: str) -> None:
    reducer = REDUCERS[name]
    values = np.random.default_rng(0).normal(size=(3, 4))
    folded = np.full(3, reducer.identity)
    for column in values.T:
        folded = OPERATORS[reducer.combine].apply(folded, column)
    assert reducer.fold(values, 1) == pytest.approx(folded)


@pytest.fixture
def lse() -> Iterator[None]:
    register_operator("lse", np.logaddexp, arity=2, identity=-INF)
    yield
    unregister_operator("lse")


def test_a_registered_operator_maps_and_reduces(lse: None) -> None:  # noqa: ARG001
    cascade = parse("ranks M\nX[] = A[m]  lse m\nY[m] = lse(A[m], 0)")
    a = np.array([1.0, 2.0, -3.0])
    found = execute(cascade, {"A": a})
    assert found["X"] == pytest.approx(np.log(np.exp(a).sum()))
    assert found["Y"] == pytest.approx(np.logaddexp(a, 0))
    assert cascade.einsum("X").operators == ("lse",)


def test_an_operator_defined_in_the_text_maps_and_reduces() -> None:
    text = """ranks M
    operator soft(x) = tanh(x / 2) * 2
    operator larger(a, b) = max(soft(a), b) - soft(0)  identity -inf
    X[m] = soft(A[m])
    Y[]  = A[m]  larger m"""
    found = execute(parse(text), {"A": np.array([1.0, 3.0])})
    assert found["X"] == pytest.approx(2 * np.tanh([0.5, 1.5]))
    assert found["Y"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("name", "arity", "identity", "message"),
    [
        ("exp", 1, None, "operator 'exp' exists already; choose another name"),
        ("sum", 1, None, "operator 'sum' exists already; choose another name"),
        ("Cap", 1, None, "operator 'Cap' must be one lower-case word, such as 'softcap'"),
        ("cap", 1, 0.0, "operator 'cap' has an identity, so it must take 2 operands, not 1"),
    ],
)
def test_refused_registrations(name: str, arity: int, identity: float | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        register_operator(name, np.exp, arity=arity, identity=identity)
