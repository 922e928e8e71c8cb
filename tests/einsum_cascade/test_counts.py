"""Op counts: the formulas of FuseMax, sections IV-C and IV-D, per head."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import iteration_points, load, op_counts, parse
from attnscope.errors import UsageError

LENGTHS = st.integers(1, 40)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(LENGTHS, LENGTHS, LENGTHS, LENGTHS, LENGTHS)
def test_three_pass_and_one_pass(e: int, f: int, p: int, tiles: int, tile: int) -> None:
    m = tiles * tile
    sizes = {"E": e, "F": f, "P": p, "M": m}
    three = op_counts(load("attention-3pass"), sizes).total
    deferred = op_counts(load("attention-3pass-deferred"), sizes).total
    one = op_counts(load("attention-1pass"), {**sizes, "M0": tile}).total
    assert three["mul"] == (e + f) * m * p
    assert three["exp"] == three["div"] == m * p
    assert deferred["div"] == one["div"] == f * p
    assert one["exp"] == m * p + tiles * p
    assert one["mul"] - three["mul"] == one["add"] == (f + 1) * tiles * p
    assert one["max"] - three["max"] == tiles * p


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 6))
def test_counted_points_are_the_points_there_are(m: int, tile: int, p: int) -> None:
    cascade = load("attention-1pass-causal")
    sizes = {"E": 2, "F": 3, "P": p, "M": m, "M0": tile}
    visible = sum(min(query + 1, m) for query in range(p))
    scores = cascade.einsum("QK")
    assert iteration_points(scores, sizes, cascade) == m * p * 2
    assert iteration_points(scores, sizes, cascade, conditions=True) == visible * 2
    assert iteration_points(cascade.einsum("RM"), sizes, cascade) == -(-m // tile) * p
    assert op_counts(cascade, sizes, conditions=True).per_einsum["QK"] == {"mul": visible * 2, "sum": visible * 2}


def test_points_without_the_cascade_are_the_product_of_lengths() -> None:
    scores = load("attention-1pass").einsum("QK")
    assert iteration_points(scores, {"E": 64, "P": 8, "M1": 4, "M0": 16}) == 64 * 8 * 4 * 16


def test_two_reductions_count_apart() -> None:
    cascade = parse("ranks E, M, P\nS[p] = Q[e, p] * K[e, m]  sum e  max m")
    counts = op_counts(cascade, {"E": 3, "M": 5, "P": 2}).per_einsum["S"]
    assert counts == {"mul": 30, "sum": 30, "max": 10}


def test_primed_ranks_count_by_themselves() -> None:
    cascade = load("attention-local")
    points = op_counts(cascade, {"E": 2, "F": 2, "N": 12, "N0": 4}).points
    assert points["QK"] == 12 * 4 * 2


def test_counts_of_long_sequences_need_no_memory() -> None:
    sizes = {"E": 64, "F": 64, "P": 2**20, "M": 2**20, "M0": 256}
    assert op_counts(load("attention-1pass-causal"), sizes).points["QK"] == 64 * 2**40
    with pytest.raises(UsageError, match="QK has 70,368,744,177,664 points, too many to look at each"):
        op_counts(load("attention-1pass-causal"), sizes, conditions=True)


def test_the_report_reads_well() -> None:
    counts = op_counts(load("cascade-1"), {"K": 1000})
    assert str(counts).splitlines() == [
        "cascade-1: scalar operations",
        "Y      mul 1,000, sum 1,000",
        "Z      mul 1,000, sum 1,000",
        "total  mul 2,000, sum 2,000",
    ]
    assert json.loads(json.dumps(counts.to_dict()))["total"] == {"mul": 2000, "sum": 2000}
