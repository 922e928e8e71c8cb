"""The rules of the language, each with the wording of its refusal."""

import pytest

from attnscope.einsum_cascade import parse
from attnscope.errors import CascadeError

HEAD = "ranks E, P, M = M1 * M0\n"

CASES = [
    # ranks
    ("ranks m\nX[m] = A[m]", "rank 'm' must be upper case: 'M'; its index is 'm'"),
    ("ranks M, M\nX[m] = A[m]", "rank 'M' is declared twice"),
    ("ranks M = M1\nX[m] = A[m]", "partition M = M1 must name two or more different parts, as in 'M = M1 * M0'"),
    ("ranks M = M1 * M0, N = M1 * N0\nX[m] = A[m]", "rank 'M1' is part of two ranks"),
    ("X[m] = A[m]", "rank 'm' is not declared. Declared: none."),
    (HEAD + "X[m2] = A[m2]", "rank 'm2' is not declared. Did you mean 'm"),
    (HEAD + "X[m] = A[m] / M3", "rank 'M3' is not declared. Did you mean 'M"),
    (HEAD + "X[m1, m] = A[m1, m]", "'m' and its part 'm1' index the same Einsum; use the parts alone"),
    # names
    (HEAD + "X[m] = A[m]\nX[p] = B[p]", "tensor 'X' is defined twice (first in line 2); give one of them another name"),
    (HEAD + "inputs X[m]\nX[m] = A[m]", "'X' is declared as an input, but an Einsum writes it"),
    (HEAD + "outputs AW\nAV[m] = A[m]", "output 'AW' is written by no Einsum. Written: AV.\n  outputs AW\n          ^"),
    (
        HEAD + "inputs Q[e, p]\nQK[m, p] = Q[e, p]  sum e\nGM[p] = QX[m, p]  max m",
        "'QX' is used before its definition: no Einsum writes it and it is no input. Did you mean 'Q'?",
    ),
    (HEAD + "X[m] = A[m]\nY[m] = X + A[m]", "tensor 'X' needs its indices here, as in 'X[m, p]'"),
    # operators
    (HEAD + "X[m] = expp(A[m])", "no operator named 'expp'. Did you mean 'exp'? Define it with a line 'operator expp"),
    (HEAD + "X[m] = exp(A[m], A[m])", "operator 'exp' takes 1 operands, 2 are given"),
    (HEAD + "X[] = A[m]  sume m", "no reduce operator named 'sume'. Did you mean 'sum'? Known: argmax, "),
    (HEAD + "operator exp(x) = x\nX[m] = A[m]", "operator 'exp' exists already; choose another name"),
    (HEAD + "operator Cap(x) = x\nX[m] = A[m]", "operator 'Cap' must be lower case"),
    (HEAD + "operator cap(x) = y\nX[m] = A[m]", "'y' is no operand of 'cap'"),
    (HEAD + "operator cap(x) = A[m]\nX[m] = A[m]", "operator 'cap' may use only its operands and numbers"),
    (HEAD + "operator cap(x) = cop(x)\nX[m] = A[m]", "no operator named 'cop' at this place"),
    (
        HEAD + "operator cap(x) = x identity 0\nX[m] = A[m]",
        "operator 'cap' has an identity, so it must take",
    ),
    # indices
    (HEAD + "X[2*m] = A[m]", "'2 * m' cannot stand on the left: write an index such as 'm', or 'm+1' for an iterative"),
    (HEAD + "X[m, m] = A[m]", "an index stands twice on the left of X; write 'm' and \"m'\""),
    (HEAD + "X[m+1, p+1] = A[m]  X[0] = 0", "X has two iterative ranks; a recurrence steps over one"),
    (HEAD + "X[p] = A[m, p]", "index 'm' is on the right of X only: say how it is reduced, as in 'sum m'"),
    (HEAD + "X[p] = A[m, p]  sum p", "index 'p' is reduced, yet X is written over it"),
    (HEAD + "X[p] = A[p]  sum m", "index 'm' is reduced, but nothing on the right runs over it"),
    (HEAD + "X[p] = A[m, p]  sum m  max m", "index 'm' is reduced twice"),
    (HEAD + "X[p] = A[p]  where m <= p", "X does not run over 'm'"),
    (HEAD + "X[p] = A[p] <= 2", "expected an operator"),
    (HEAD + "X[m] = A[m]\nY[m] = X[m, p]  sum p", "X has 1 ranks, [M], but 2 indices are given"),
    (HEAD + "X[m] = A[m]\nY[p] = X[p]", "index 'p' stands where X has rank M; the ranks of X are [M]"),
    (HEAD + "X[m] = A[m]\nY[m1] = X[m1]", "index 'm1' stands where X has rank M"),
    (HEAD + "X[m] = A[m]\nY[] = X[M]", "'M' as an index means the final generation, but X is not iterative over M"),
    (HEAD + "X[m, p] = B[m - p] * A[m, p]", "rank 1 of input 'B' cannot be told from its index; declare it"),
    (HEAD + "inputs A[n]\nX[m] = A[m]", "rank 'N' of input 'A' is not declared."),
    # recurrences
    (HEAD + "X[m+1] = X[m] + A[m]", "X is iterative over 'm' and has no start value: add 'X[0] = ...' (0 for a sum"),
    (HEAD + "X[m+1] = X[m] + A[m]  X[0] = B[m]", "the start value of X may not run over 'm'"),
    (HEAD + "X[m+1] = X[m-1] + A[m]  X[0] = 0", "X[m-1] is used before its definition: a step over M knows X[m] and"),
    (
        HEAD + "X[m] = Y[m] + A[m]\nY[m] = X[m]",
        "each needs the one before it, and nothing is carried; make one of them iterative, as in",
    ),
    (HEAD + "X[m+1] = X[M] + A[m]  X[0] = 0", "X -> X: each needs the one before it"),
    (
        HEAD + "X[m+1, p] = Y[m, p]  X[0] = 0\nY[m, p+1] = X[m, p]  Y[0] = 0",
        "one recurrence steps over several ranks (m, p)",
    ),
    # claims
    (HEAD + "equals f(W)\nX[m] = A[m]", "the claim names 'W', which is no input of the cascade."),
    (HEAD + "equals f(A) over q\nX[m] = A[m]", "rank 'Q' is not declared."),
    (HEAD + "equals f(A) where m < q\nX[m] = A[m]", "rank 'Q' is not declared."),
    (HEAD + "equals f(A) where m < W'\nX[m] = A[m]", 'rank "W\'" is not declared.'),
    (HEAD + "equals f(A) where B[m]\nX[m] = A[m]", "the claim's condition reads 'B', which is no input of the cascade"),
    (HEAD + "equals f(A) where A[m, p]\nX[m] = A[m]", "A has 1 ranks, [M], but 2 indices are given"),
    (HEAD + "equals f(A) where expp(m) < 2\nX[m] = A[m]", "no operator named 'expp'. Did you mean 'exp'?"),
]


@pytest.mark.parametrize(("text", "message"), CASES)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(CascadeError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_a_cycle_is_named_in_order() -> None:
    with pytest.raises(CascadeError, match="->") as caught:
        parse("ranks M\nX[m] = Z[m]\nY[m] = X[m]\nZ[m] = Y[m]")
    assert "X -> Y -> Z -> X" in str(caught.value)
    assert caught.value.line == 2


def test_a_comparison_outside_a_condition_is_refused() -> None:
    from attnscope.einsum_cascade import Call, Cascade, Einsum, Number, Rank, Var
    from attnscope.einsum_cascade.expressions import Access

    a = Access("A", (Var("m"),))
    with pytest.raises(CascadeError, match="a comparison belongs in a condition: 'where A\\[m\\] < 2'"):
        Cascade("c", (Rank("M"),), (Einsum("X", (Var("m"),), Call("lt", (a, Number(2)))),))


def test_text_order_does_not_matter() -> None:
    cascade = parse("ranks M\nZ[] = Y[m]  sum m\nY[m] = exp(X[m])\nX[m] = A[m]")
    assert cascade.inputs == ("A",)
    assert cascade.outputs == ("Z",)
