"""Printing: every expression reads back as itself."""

from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import Access, Call, Einsum, Expr, Number, Size, Var, parse
from attnscope.einsum_cascade.text import claim_text, number_text

LEAVES: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Number, st.integers(-9, 99)),
    st.builds(Number, st.floats(-1e6, 1e6, allow_nan=False)),
    st.sampled_from([Number(float("inf")), Number(float("-inf")), Var("m"), Size("M")]),
    st.sampled_from([Access("A", (Var("m"),)), Access("B", (Var("m"), Var("m"))), Access("C", ())]),
)
BINARY = ["add", "sub", "mul", "div", "floordiv", "mod", "pow", "max", "min"]


def negated(expr: Expr) -> Expr:
    """A sign in front of a number is part of the number."""
    return Number(-expr.value) if isinstance(expr, Number) else Call("neg", (expr,))


EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda name, a, b: Call(name, (a, b)), st.sampled_from(BINARY), inner, inner),
        st.builds(lambda name, a: Call(name, (a,)), st.sampled_from(["exp", "log", "sigmoid"]), inner),
        st.builds(negated, inner),
    ),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(EXPRESSIONS)
def test_expressions_round_trip(expr: Expr) -> None:
    text = f"ranks M\n{Einsum('X', (Var('m'),), expr)}"
    assert parse(text).einsums[0].expression == expr


def test_numbers_are_short() -> None:
    assert [number_text(value) for value in (2.0, -3, 0.5, float("-inf"), 1e20)] == [
        "2",
        "-3",
        "0.5",
        "-inf",
        "100000000000000000000",
    ]


def test_claims_print_as_they_are_written() -> None:
    claim = parse("ranks M, P\nequals f(A, B) over m, p where m <= p\nX[m, p] = A[m] * B[p]").claim
    assert claim is not None
    assert claim_text(claim) == "equals  f(A, B) over m, p where m <= p"
