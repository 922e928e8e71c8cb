"""Deferring factors behind sums."""

import numpy as np
import pytest

from attnscope.einsum_cascade import analyse_passes, check, defer, execute, load, op_counts, parse, same_cascade

A, B = np.random.default_rng(1).normal(size=(2, 6))


def test_the_division_moves_behind_the_product_with_v() -> None:
    deferred = defer(load("attention-3pass"))
    assert str(deferred.einsum("AV")) == "AV[f, p] = AVN[f, p] / SD[p]"
    assert str(deferred.einsum("AVN")) == "AVN[f, p] = SN[m, p] * V[f, m]  sum m"
    assert check(deferred).passed
    sizes = {"E": 8, "F": 4, "P": 10, "M": 100}
    assert op_counts(load("attention-3pass"), sizes).total["div"] == 100 * 10
    assert op_counts(deferred, sizes).total["div"] == 4 * 10
    assert deferred.doc.startswith("Derived from attention-3pass: factors applied behind the sums")


def test_it_works_for_any_rank_and_through_any_layout() -> None:
    assert same_cascade(defer(load("flat")), defer(defer(load("flat"))))
    deferred = defer(load("flat"))
    assert analyse_passes(deferred).n_passes("K") == 2
    assert check(deferred).passed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Z[] = Y[] * A[k]  sum k", ["ZN[] = A[k]  sum k", "Z[] = ZN[] * Y[]"]),
        ("Z[] = A[k] / Y[] / Y[]  sum k", ["ZN[] = A[k]  sum k", "Z[] = ZN[] / Y[] / Y[]"]),
        ("Z[] = A[k] / (Y[] / B[k])  sum k", ["ZN[] = A[k] * B[k]  sum k", "Z[] = ZN[] / Y[]"]),
        ("Z[] = A[k] / K  sum k", ["Z[] = A[k] / K  sum k"]),
        ("Z[] = A[k] + Y[]  sum k", ["Z[] = A[k] + Y[]  sum k"]),
        ("Z[] = A[k] * Y[]  max k", ["Z[] = A[k] * Y[]  max k"]),
    ],
)
def test_factors(text: str, expected: list[str]) -> None:
    cascade = parse(f"ranks K\nY[] = B[k]  sum k\n{text}")
    deferred = defer(cascade)
    assert [str(einsum) for einsum in deferred.einsums[1:]] == expected
    inputs = {name: {"A": A, "B": B}[name] for name in cascade.inputs}
    assert execute(deferred, inputs)["Z"] == pytest.approx(execute(cascade, inputs)["Z"])


def test_a_product_that_others_read_stays() -> None:
    text = "ranks K\nY[] = B[k]  sum k\nT[k] = A[k] / Y[]\nZ[] = T[k] * B[k]  sum k\nU[] = T[k]  max k"
    cascade = parse(text)
    assert defer(cascade) is cascade


def test_where_nothing_can_be_deferred_nothing_changes() -> None:
    assert defer(load("attention-1pass")) is load("attention-1pass")
