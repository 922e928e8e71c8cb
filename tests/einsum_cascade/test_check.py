"""Proof by execution: the library passes, wrong cascades fail, claims are checked."""

import json
from pathlib import Path

import pytest

from attnscope.einsum_cascade import check, library, load, parse
from attnscope.errors import CascadeError, UnknownNameError


@pytest.mark.parametrize("name", library())
def test_the_library_equals_its_references(name: str) -> None:
    report = check(load(name))
    assert report.passed, str(report)


def test_the_cases_cover_what_usually_goes_wrong() -> None:
    names = [case.name for case in check(load("attention-1pass-masked")).cases]
    assert names == [
        "random",
        "lengths exchanged",
        "logits of 1e4",
        "tiles divide the rank",
        "tiles of one",
        "one tile, not full",
        "all lengths 1",
        "nothing visible",
        "random",
    ]
    ragged = check(load("attention-1pass")).cases[0]
    assert ragged.sizes["M"] % ragged.sizes["M0"] != 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_pass_too(seed: int) -> None:
    assert check(load("attention-1pass-masked"), seed=seed).passed


MISTAKES = [
    ("attention-1pass", "RM[m1, p] - RM[m1+1, p]", "RM[m1+1, p] - RM[m1, p]"),
    ("attention-1pass", "SLD[m1, p] + SPD[m1, p]", "SLD[m1, p] + RD[m1, p]"),
    ("attention-3pass", "/ sqrt(E)", ""),
    ("attention-3pass", "exp(QK[m, p] - GM[p])", "exp(QK[m, p])"),
    ("attention-1pass-causal", "m1*M0 + m0 <= p", "m1*M0 + m0 < p"),
    ("attention-2pass", "* PLM[m1, p] / GD[p]", "/ GD[p]"),
    ("linear-attention-decay-chunked", "N0 - 1 - n0", "N0 - n0"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), MISTAKES)
def test_mistakes_are_found(name: str, right: str, wrong: str) -> None:
    text = str(load(name)).replace("m1 * M0 + m0", "m1*M0 + m0")
    assert right in text
    report = check(parse(text.replace(right, wrong)))
    assert not report.passed


def test_the_report_reads_well() -> None:
    report = check(load("cascade-2"))
    head, first, *_ = str(report).splitlines()
    assert head == "cascade-2 equals dot-and-scale: 3 of 3 cases"
    assert first.startswith("  ok   random               float64 max error ")
    data = json.loads(json.dumps(report.to_dict()))
    assert data["passed"] is True
    assert data["cases"][0]["sizes"] == {"K": 5}
    wrong = check(parse("ranks K\nequals dot-and-scale(A, B)\nZ[] = A[k] * B[k]  sum k"))
    assert str(wrong).startswith("cascade does NOT equal dot-and-scale: 0 of 3 cases")


def test_a_claim_may_be_given() -> None:
    text = str(load("attention-3pass")).replace("equals  softmax-attention(Q, K, V)\n", "")
    cascade = parse(text)
    assert check(cascade, equals="softmax-attention(Q, K, V)").passed
    assert not check(cascade, equals="softmax-attention(Q, K, V) where m <= p").passed
    assert check(cascade, equals="attention-1pass").passed
    assert check(cascade, equals=load("attention-split")).passed
    assert not check(cascade, equals="attention-3pass-causal").passed


def test_given_lengths_hold_in_every_case() -> None:
    report = check(load("attention-1pass"), sizes={"M0": 5})
    assert {case.sizes["M0"] for case in report.cases} == {5}
    assert report.passed


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.cascade"
    text = "ranks E, F, P, M\nequals softmax-attention-unscaled(Query, Key, Value)\n"
    text += "S[p, m] = Query[p, e] * Key[m, e]  sum e\nT[p] = S[p, m]  max m\nW[p, m] = exp(S[p, m] - T[p])\n"
    text += "D[p] = W[p, m]  sum m\nO[p, f] = W[p, m] * Value[m, f] / D[p]  sum m\n"
    path.write_text(text, encoding="utf-8")
    assert check(load(path)).passed


def test_refusals() -> None:
    bare = parse("ranks M\nX[m] = A[m]")
    with pytest.raises(CascadeError, match=r"claims no reference: add a line such as 'equals softmax-attention\(Q, K"):
        check(bare)
    with pytest.raises(UnknownNameError, match="no reference named 'softmax'"):
        check(bare, equals="softmax(A)")
    with pytest.raises(CascadeError, match=r"softmax-attention takes the tensors \(Q, K, V, \[B\]\), 1 are given"):
        check(bare, equals="softmax-attention(A)")
    with pytest.raises(CascadeError, match="the claim names 'B', which is no input of the cascade"):
        check(bare, equals="dot-and-scale(A, B)")
    with pytest.raises(CascadeError, match="nothing runs over 'e' here"):
        check(load("attention-3pass"), equals="softmax-attention(Q, K, V) where e < 2")
    with pytest.raises(CascadeError, match=r"top-attention, softmax over the best few keys .*, does not fit the"):
        check(load("attention-3pass"), equals="top-attention(Q, K, V)")
    with pytest.raises(CascadeError, match="no rank named 'N'"):
        check(load("attention-3pass"), sizes={"N": 3})
    with pytest.raises(CascadeError, match="expected the end of the line, found"):
        check(bare, equals="dot-and-scale(A) B")
