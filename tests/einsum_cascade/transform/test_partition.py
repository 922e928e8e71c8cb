"""Partitioning ranks and splitting reductions."""

import pytest

from attnscope.einsum_cascade import analyse_passes, check, load, parse, partition, split_reduction
from attnscope.errors import CascadeError, UsageError


def test_indices_reductions_and_conditions_follow() -> None:
    cascade = partition(load("attention-3pass-causal"), "M")
    assert str(cascade.ranks[-1]) == "M = M1 * M0"
    assert str(cascade.einsum("QK")) == ("QK[m1, m0, p] = Q[e, p] * K[e, m1, m0] / sqrt(E)  sum e  where m <= p")
    assert str(cascade.einsum("GM")) == "GM[p] = QK[m1, m0, p]  max m1, m0"
    assert cascade.tensor_ranks("K") == ("E", "M")
    assert check(cascade).passed


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("attention-3pass", "P"),
        ("attention-3pass", "E"),
        ("attention-bias", "M"),
        ("attention-1pass-masked", "P"),
        ("channel-attention", "C"),
        ("channel-attention", "N"),
        ("third-order-attention", "N"),
        ("flow-attention", "M"),
        ("attention-1pass", "M0"),
    ],
)
def test_results_and_passes_stay(name: str, rank: str) -> None:
    cascade = load(name)
    parts = ("L1", "L0") if rank == "M0" else ()
    tiled = partition(cascade, rank, parts)
    assert check(tiled).passed
    assert parse(str(tiled)) == tiled
    assert analyse_passes(tiled, rank).n_passes() == analyse_passes(cascade, rank).n_passes()


def test_a_reduction_is_done_in_two_steps() -> None:
    cascade = split_reduction(partition(load("attention-3pass"), "M"), "GM", ("M0",))
    assert str(cascade.einsum("LGM")) == "LGM[m1, p] = QK[m1, m0, p]  max m0"
    assert str(cascade.einsum("GM")) == "GM[p] = LGM[m1, p]  max m1"
    assert check(cascade).passed


def test_refusals() -> None:
    base = load("attention-3pass")
    with pytest.raises(UsageError, match="attention-3pass: no rank named 'N'"):
        partition(base, "N")
    with pytest.raises(UsageError, match="rank M is partitioned already"):
        partition(load("attention-1pass"), "M")
    with pytest.raises(UsageError, match="part P of M is a rank already; choose another name"):
        partition(base, "M", ("P", "M0"))
    with pytest.raises(CascadeError, match="RM steps over M, so M cannot be partitioned"):
        partition(load("attention-recurrent"), "M")
    with pytest.raises(CascadeError, match="'top' gives coordinates of M, so it cannot be partitioned"):
        partition(load("attention-top"), "M")
    shifted = parse("ranks M, P\ninputs A[m], B[m, p]\nX[m, p] = A[m * P] * B[m, p]")
    with pytest.raises(CascadeError, match="X computes an index from 'm', so it cannot be partitioned"):
        partition(shifted, "M")
    with pytest.raises(CascadeError, match="GM is not one reduction over M0 and another rank"):
        split_reduction(base, "GM", ("M0",))
    best = parse("ranks M, P\nX[] = B[m, p]  argmax m, p")
    with pytest.raises(CascadeError, match="X reduces by 'argmax', which has no partial results"):
        split_reduction(best, "X", ("M",))
