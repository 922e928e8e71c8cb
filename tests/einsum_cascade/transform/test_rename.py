"""Renaming tensors and ranks, and telling cascades apart."""

import pytest

from attnscope.einsum_cascade import (
    analyse_passes,
    check,
    library,
    load,
    parse,
    rename_ranks,
    rename_tensors,
    same_cascade,
)
from attnscope.einsum_cascade.testing import disguised


def test_tensors_are_renamed_everywhere() -> None:
    renamed = rename_tensors(load("attention-1pass-masked"), {"B": "Mask", "QK": "Scores"})
    assert renamed.inputs == ("Q", "K", "V", "Mask")
    assert "where Mask[m1, m0, p]" in str(renamed.einsum("Scores"))
    assert renamed.claim is not None and "Mask" in str(renamed.claim.where[0])
    assert check(renamed).passed


def test_ranks_are_renamed_everywhere() -> None:
    renamed = rename_ranks(load("attention-1pass-window"), {"M": "N", "M1": "N1", "M0": "N0", "W": "WINDOW"})
    assert "n <= p, p - n < WINDOW or n < S" in str(renamed)
    assert "AV[f, p] = RNV[f, N1, p] / RD[N1, p]" in str(renamed.einsum("AV"))
    assert analyse_passes(renamed, "N").n_passes() == 1
    assert check(renamed).passed
    primed = rename_ranks(load("attention-local"), {"N0": "L"})
    assert "l'" in str(primed.einsum("QK"))
    assert check(primed).passed


@pytest.mark.parametrize("name", library())
def test_a_disguised_cascade_is_the_same(name: str) -> None:
    other, _names = disguised(load(name), seed=11)
    assert same_cascade(load(name), other)


def test_commuting_operands_may_be_exchanged() -> None:
    text = "ranks M, P\nX[m, p] = A[m] + B[p]\nZ[p] = X[m, p]  sum m"
    assert same_cascade(parse(text), parse(text.replace("A[m] + B[p]", "B[p] + A[m]")))
    assert not same_cascade(parse(text), parse(text.replace("A[m] + B[p]", "A[m] - B[p]")))
    assert not same_cascade(parse(text), parse(text.replace("sum m", "max m")))


def test_different_cascades_differ() -> None:
    names = [name for name in library() if name != "attention-3pass"]
    assert not any(same_cascade(load("attention-3pass"), load(name)) for name in names)
