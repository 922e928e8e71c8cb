"""Corrections against their definition: what brings an old value up to date equals the new value."""

import numpy as np
import pytest

from attnscope.einsum_cascade import Access, Expr, parse
from attnscope.einsum_cascade.operators import OPERATORS
from attnscope.einsum_cascade.text import expression_text
from attnscope.einsum_cascade.transform.corrections import correction, divisors, replaced_value

OLD, NEW, X = 1.3, 2.1, 0.7
KNOWN = {"G": replaced_value(Access("N", ()), Access("O", ()))}


def value(expr: Expr, g: float = 0.0) -> float:
    from attnscope.einsum_cascade.expressions import Call, Number

    if isinstance(expr, Number):
        return expr.value
    if isinstance(expr, Access):
        return {"G": g, "X": X, "N": NEW, "O": OLD}[expr.tensor]
    assert isinstance(expr, Call)
    return float(OPERATORS[expr.operator].apply(*(np.asarray(value(arg, g)) for arg in expr.args)))


def expression(text: str) -> Expr:
    return parse(f"ranks M\nZ[] = {text}").einsums[0].expression


@pytest.mark.parametrize(
    "text",
    [
        "X[] - G[]",
        "G[] + X[]",
        "G[] - X[] + 2 * X[]",
        "exp(X[] - G[])",
        "exp(G[] - X[]) * X[]",
        "X[] / exp(X[] - G[])",
        "X[] * G[]",
        "X[] / G[]",
        "G[] / X[] * exp(G[])",
        "-exp(X[] - G[])",
        "-(X[] - G[])",
        "log(X[] * G[])",
        "sqrt(X[] * G[])",
        "abs(-G[] * X[])",
        "(X[] * G[]) ** 3",
        "exp(X[] - G[]) + exp(-G[])",
        "exp(G[]) * X[] - exp(G[] + X[])",
        "max(X[] - G[], 1 - G[])",
        "log(exp(X[] - G[]))",
    ],
)
def test_an_old_value_is_brought_up_to_date(text: str) -> None:
    expr = expression(text)
    found = correction(expr, KNOWN)
    old, new = value(expr, OLD), value(expr, NEW)
    assert found.factor is not None or found.summand is not None
    if found.factor is not None:
        assert old * value(found.factor) == pytest.approx(new)
    if found.summand is not None:
        assert old + value(found.summand) == pytest.approx(new)


@pytest.mark.parametrize(
    "text",
    [
        "sigmoid(X[] - G[])",
        "tanh(G[])",
        "exp(X[] * G[])",
        "X[] * exp(G[]) + 1",
        "X[] ** G[]",
        "log(X[] - G[])",
        "max(X[], X[] * exp(G[]))",
    ],
)
def test_what_no_factor_or_summand_brings_up_to_date(text: str) -> None:
    found = correction(expression(text), KNOWN)
    assert found.factor is None and found.summand is None


def test_what_does_not_depend_does_not_change() -> None:
    assert correction(expression("sigmoid(X[]) + 1"), KNOWN).trivial


def test_corrections_are_short() -> None:
    factor = correction(expression("exp(X[] - G[])"), KNOWN).factor
    assert factor is not None
    assert expression_text(factor) == "exp(O[] - N[])"
    assert divisors(factor) == ()
    quotient = correction(expression("X[] / G[]"), KNOWN).factor
    assert quotient is not None
    assert expression_text(quotient) == "O[] / N[]"
    assert divisors(quotient) == ("N",)
