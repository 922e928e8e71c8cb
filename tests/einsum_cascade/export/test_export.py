"""LaTeX, Graphviz and JSON."""

import json

import pytest

from attnscope.einsum_cascade import export, from_json, library, load, parse, to_dot, to_json, to_latex
from attnscope.errors import CascadeError, UnknownNameError


@pytest.mark.parametrize("name", library())
def test_json_round_trip(name: str) -> None:
    cascade = load(name)
    assert from_json(to_json(cascade)) == cascade
    data = json.loads(to_json(cascade))
    assert [einsum["text"] for einsum in data["einsums"]] == [str(einsum) for einsum in cascade.einsums]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"<json>:1:2: no JSON: Expecting"),
        ("[]", 'not a cascade: expected an object with "format": "attnscope-cascade-1"'),
        ('{"format": "attnscope-cascade-1"}', "not a cascade: KeyError"),
        (to_json(load("cascade-1")).replace('"index": "k"', '"index": "q"'), "rank 'q' is not declared"),
        (to_json(load("cascade-1")).replace('"call"', '"coll"'), "not a cascade: KeyError"),
    ],
)
def test_wrong_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(CascadeError, match=message):
        from_json(text)


def test_latex_reads_like_the_papers() -> None:
    latex = to_latex(load("attention-3pass"))
    assert r"\mathit{QK}_{m, p} &= \sum_{e} Q_{e, p} \times K_{e, m} / \sqrt{E} \\" in latex
    assert r"\mathit{GM}_{p} &= \max_{m} \mathit{QK}_{m, p} \\" in latex
    assert r"\mathit{SN}_{m, p} &= e^{\mathit{QK}_{m, p} - \mathit{GM}_{p}} \\" in latex
    assert r"A_{m, p} &= \frac{\mathit{SN}_{m, p}}{\mathit{SD}_{p}} \\" in latex
    assert latex.startswith("% Numerically stable")
    assert latex.endswith("\\end{align*}\n")


def test_latex_of_recurrences_conditions_and_operators() -> None:
    text = """ranks M = M1 * M0, P
    operator cap(x) = tanh(x)
    X[m1+1, p] = (X[m1, p] + A[m1]) * cap(A[m1]) X[0] = -inf
    Y[p] = (A[m1] - B[p]) ** 2  sum m1  where m1 < p, A[m1] >= 0
    Z[p] = B[p] - (B[p] - 1)"""
    latex = to_latex(parse(text))
    assert (
        r"X_{m_1+1, p} &= \left( X_{m_1, p} + A_{m_1} \right) \times \mathrm{cap}(A_{m_1}), \qquad X_{0} = -\infty"
        in latex
    )
    assert r"\sum_{m_1} \left( {\left( A_{m_1} - B_{p} \right)}^{2} \right)" not in latex
    assert r"\sum_{m_1} {\left( A_{m_1} - B_{p} \right)}^{2} \quad \text{where } m_1 < p,\; A_{m_1} \ge 0" in latex
    assert r"Z_{p} &= B_{p} - \left( B_{p} - 1 \right)" in latex


@pytest.mark.parametrize("name", library())
def test_latex_and_dot_are_balanced(name: str) -> None:
    latex, dot = to_latex(load(name)), to_dot(load(name))
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert dot.count("{") == dot.count("}")


def test_dot_frames_the_passes() -> None:
    dot = to_dot(load("attention-3pass"))
    assert 'label="pass 3 over M";' in dot
    assert '"SN" -> "SD" [label="m, p"];' in dot
    assert '"K" [shape=ellipse, label="K[E, M]"];' in dot
    assert "style=dashed" in to_dot(load("attention-1pass"))
    assert "cluster" not in to_dot(load("cascade-1"))
    assert 'label="pass 2 over K"' in to_dot(load("cascade-1"), "K")


def test_dot_of_a_cascade_whose_passes_depend_on_a_length() -> None:
    text = "ranks M, T\nS[t] = A[m] * X[t]  sum m\nX[t+1] = S[t] / X[t]  X[0] = 1\nZ[] = X[T]"
    assert "cluster" not in to_dot(parse(text))


def test_forms_by_name() -> None:
    cascade = load("cascade-1")
    assert export(cascade) == str(cascade)
    assert export(cascade, "latex") == to_latex(cascade)
    with pytest.raises(UnknownNameError, match=r"no form named 'latx'\. Did you mean 'latex'"):
        export(cascade, "latx")
