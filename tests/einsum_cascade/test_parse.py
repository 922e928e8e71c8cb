"""The text form: what it reads, what it keeps, and how it refuses what it cannot read."""

import pytest

from attnscope.einsum_cascade import Call, Cascade, Number, Size, Var, library, load, parse
from attnscope.einsum_cascade.expressions import Access
from attnscope.errors import CascadeError

ONE_PASS = """
# one pass over M: running max, denominator, numerator carried over m1
ranks  E, F, P, M = M1 * M0
QK[m1, m0, p]   = Q[e, p] * K[e, m1, m0]          sum e
LM[m1, p]       = QK[m1, m0, p]                   max m0      # local maximum
RM[m1+1, p]     = max(RM[m1, p], LM[m1, p])       RM[0] = -inf
SLN[m1, m0, p]  = exp(QK[m1, m0, p] - RM[m1+1, p])
"""


def refused(text: str) -> CascadeError:
    with pytest.raises(CascadeError) as caught:
        parse(text, "mine.cascade")
    return caught.value


def test_an_einsum_keeps_what_the_text_says() -> None:
    cascade = parse(ONE_PASS)
    scores, local, running, numerator = cascade.einsums
    assert cascade.doc == "one pass over M: running max, denominator, numerator carried over m1"
    assert [str(rank) for rank in cascade.ranks] == ["E", "F", "P", "M = M1 * M0"]
    assert scores.ranks == ("M1", "M0", "P", "E")
    assert scores.operators == ("mul", "sum")
    assert scores.reduced == ("E",)
    assert local.doc == "local maximum"
    assert local.operators == ("max",)
    assert running.iterative == Var("m1")
    assert running.initial == Number(float("-inf"))
    assert [str(a.tensor) for a in running.reads] == ["RM", "LM"]
    assert numerator.operators == ("sub", "exp")


def test_inputs_are_stored_whole_and_tensors_as_written() -> None:
    cascade = parse(ONE_PASS)
    assert cascade.inputs == ("Q", "K")
    assert cascade.outputs == ("SLN",)
    assert cascade.tensor_ranks("K") == ("E", "M")
    assert cascade.tensor_ranks("QK") == ("M1", "M0", "P")


@pytest.mark.parametrize("name", library())
def test_printing_and_reading_give_the_same_cascade(name: str) -> None:
    cascade = load(name)
    assert parse(str(cascade)) == cascade
    assert str(parse(str(cascade))) == str(cascade)


def test_comments_survive_the_round_trip() -> None:
    text = "# head\n#\n# more\nranks M  # of keys\n\n# about X\nX[m] = A[m]  # and more\n# the end\n"
    cascade = parse(text)
    assert cascade.doc == "head\n\nmore\nof keys"
    assert cascade.einsums[0].doc == "about X\nand more"
    assert cascade.closing == "the end"
    assert parse(str(cascade)) == cascade


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("A[m] - B[m] - C[m]", "A[m] - B[m] - C[m]"),
        ("A[m] - (B[m] - C[m])", "A[m] - (B[m] - C[m])"),
        ("(A[m] + B[m]) * C[m] / D[m]", "(A[m] + B[m]) * C[m] / D[m]"),
        ("A[m] / (B[m] * C[m])", "A[m] / (B[m] * C[m])"),
        ("-A[m] ** 2 ** B[m]", "-A[m] ** 2 ** B[m]"),
        ("(-A[m]) ** 2", "(-A[m]) ** 2"),
        ("max(A[m], B[m], C[m])", "max(max(A[m], B[m]), C[m])"),
        ("A[m] × 1e-3 − ∞", "A[m] * 0.001 - inf"),
        ("A[m] * -2", "A[m] * -2"),
        ("A[m] ** -2", "A[m] ** -2"),
    ],
)
def test_expressions_print_with_no_more_parentheses_than_they_need(text: str, tree: str) -> None:
    einsum = parse(f"ranks M\nX[m] = {text}").einsums[0]
    assert str(einsum) == f"X[m] = {tree}"
    assert parse(f"ranks M\n{einsum}").einsums[0] == einsum


def test_conditions_chains_and_disjunctions() -> None:
    text = "ranks P, M, W, S\nX[m, p] = A[m, p]  where 0 <= p - m, p - m < W or m < S and B[m, p]"
    where = parse(text).einsums[0].where
    assert len(where) == 3
    assert isinstance(where[1], Call) and where[1].operator == "or"
    assert where[2] == Access("B", (Var("m"), Var("p")))
    chain = parse("ranks P, M, W\nX[m, p] = A[m, p]  where 0 <= p - m < W").einsums[0]
    assert str(chain).endswith("where 0 <= p - m, p - m < W")


def test_lines_go_on_in_parentheses_and_after_a_backslash() -> None:
    cascade = parse("ranks M\nX[m] = max(A[m],\n  B[m]) \\\n  + C[m]")
    assert str(cascade.einsums[0]) == "X[m] = max(A[m], B[m]) + C[m]"


def test_headers_may_be_names_of_tensors() -> None:
    cascade = parse("ranks M\nsource[m] = A[m]\ninputs[m] = source[m]")
    assert cascade.outputs == ("inputs",)


def test_a_cascade_is_named_by_its_line_or_its_file() -> None:
    text = "ranks M\nX[m] = A[m]"
    assert parse(text, "some/My file.cascade").name == "My-file"
    assert parse(text).name == "cascade"
    assert parse(f"cascade attention-2x\n{text}").name == "attention-2x"


def test_a_length_is_a_value_and_a_final_generation_is_an_index() -> None:
    cascade = parse("ranks M\nR[m+1] = R[m] + A[m] / M  R[0] = 0\nZ[] = R[M]")
    assert cascade.einsum("Z").expression == Access("R", (Size("M"),))


def test_an_operator_may_be_defined_in_the_text() -> None:
    text = "ranks M\noperator lse(a, b) = max(a, b)  identity -inf\nX[] = A[m]  lse m"
    cascade = parse(text)
    assert cascade.definitions[0].identity == float("-inf")
    assert parse(str(cascade)) == cascade


SYNTAX = [
    ("ranks M\nX[m] = A[m] $ B[m]", 2, 13, "'$' has no meaning in a cascade; comments start with '#'"),
    ("ranks M\nX[m] = A[m] *", 2, 14, "expected a tensor, a number, a function or '(', found the end of the text"),
    ("ranks M\nX[m] A[m]", 2, 6, "expected '=' after X's indices, found 'A'"),
    ("ranks M\nX[m = A[m]", 2, 5, "expected ',' or ']' to close the '[' of column 2, found '='"),
    ("ranks M\nX[m] = (A[m]", 2, 13, "expected ')' to close the '(' of line 2, column 8, found the end of the text"),
    ("ranks M\nX[m] = A[m] B[m]", 2, 13, "an operator is missing before 'B'; here only the start value may follow"),
    ("ranks M\nX[m] = A[m] )", 2, 13, "expected an operator, a reduction such as 'sum e', 'where' or the end of"),
    ("ranks M\nX[m+1] = A[m]  X[1] = 0", 2, 16, "the start value is that of generation 0: write 'X[0] = ...'"),
    ("ranks M\nX[m] = A[m]  X[0] = 0", 2, 14, "X has a start value but no iterative rank: write 'X[i+1, ...]'"),
    ("ranks M\nX[] = A[m]  sum", 2, 13, "expected the index that 'sum' reduces, as in 'sum e', found the end of"),
    ("rank M\nX[m] = A[m]", 1, 1, "'rank' starts no line: write 'X[i, j] = ...' or a header. Did you mean 'ranks'?"),
    ("ranks M\nX[m] = A[m]\nranks E", 3, 1, "a 'ranks' line must stand before the first Einsum"),
    ("ranks M\ncascade a\ncascade b\nX[m] = A[m]", 3, 1, "a second 'cascade' line; a cascade has one"),
    ("ranks M", 1, 8, "no Einsum: write at least one, such as 'QK[m, p] = Q[e, p] * K[e, m]   sum e'"),
    ("ranks M,", 1, 9, "expected a rank's name, found the end of the text"),
    ("ranks M N\nX[m] = A[m]", 1, 9, "expected the end of the line, found 'N'"),
    ("ranks M\nequals f(A\nX[m] = A[m]", 3, 1, "expected ')' after the reference's tensors, found"),
    ("ranks M\noperator f(x) = x  identity x\nX[m] = A[m]", 2, 29, "expected a number after 'identity'"),
    ("ranks M\nX[m] = A[m] where 0 <= m < 3 or m < 1", 2, 30, "'or' joins single comparisons"),
    ("ranks M\ncascade\nX[m] = A[m]", 2, 8, "expected the cascade's name after 'cascade'"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), SYNTAX)
def test_syntax_errors_point_at_the_place(text: str, line: int, column: int, message: str) -> None:
    error = refused(text)
    assert message in str(error)
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"mine.cascade:{line}:{column}: ")


def test_an_error_shows_the_line_with_a_caret() -> None:
    error = refused("ranks M\nX[m2] = A[m]")
    assert str(error).splitlines() == [
        "mine.cascade:2:3: rank 'm2' is not declared. Did you mean 'm'? Declared: M.",
        "  X[m2] = A[m]",
        "    ^",
    ]
    assert error.exit_code == 2


def test_cascades_are_values() -> None:
    first, second = parse(ONE_PASS), parse(ONE_PASS.replace("   ", " "))
    assert first == second
    assert hash(first) == hash(second)
    assert isinstance(first, Cascade)
    with pytest.raises(AttributeError):
        first.name = "other"  # type: ignore[misc]
