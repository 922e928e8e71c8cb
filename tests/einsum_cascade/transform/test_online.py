"""Online rewriting: the published derivations, the limits, and equality on random cascades."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import (
    Cascade,
    analyse_passes,
    check,
    defer,
    execute,
    load,
    online,
    op_counts,
    parse,
    partition,
    same_cascade,
)
from attnscope.einsum_cascade.testing import disguised, random_cascade
from attnscope.errors import UsageError


def test_the_one_pass_cascade_is_derived_from_the_three_pass_one() -> None:
    deferred = defer(load("attention-3pass"))
    derived = online(partition(deferred, "M"), "M")
    assert [analyse_passes(c).n_passes("K") for c in (load("attention-3pass"), deferred, derived)] == [3, 2, 1]
    assert check(derived).passed
    assert same_cascade(deferred, load("attention-3pass-deferred"))
    assert same_cascade(derived, load("attention-1pass"))
    sizes = {"E": 64, "F": 64, "P": 16, "M": 100, "M0": 16}
    assert op_counts(derived, sizes).total == op_counts(load("attention-1pass"), sizes).total


def test_no_name_is_looked_for() -> None:
    cascade, names = disguised(load("attention-3pass"), seed=5)
    derived = online(partition(defer(cascade), "M"), "M")
    assert analyse_passes(derived).n_passes(names["K"]) == 1
    assert check(derived).passed
    assert same_cascade(derived, load("attention-1pass"))


def test_without_deferring_the_output_stays_normalised() -> None:
    derived = online(partition(load("attention-3pass"), "M"), "M")
    assert analyse_passes(derived).n_passes("K") == 1
    assert check(derived).passed
    carried = [live.tensor for live in analyse_passes(derived).carried.tensors]
    assert carried == ["RGM", "RSD", "RAV"]


def test_cascade_3_is_derived_from_cascade_1() -> None:
    derived = online(load("cascade-1"), "K")
    assert analyse_passes(derived, "K").n_passes("A") == 1
    assert check(derived).passed
    correction = next(e for e in derived.einsums if e.doc.startswith("correction"))
    assert str(correction) == "CZ[k] = RY[k+1] / RY[k]"
    assert correction.doc.endswith("holds while RY is not 0 between the first step and the last")
    assert same_cascade(defer(load("cascade-1")), load("cascade-2"))


def test_division_by_running_values_can_be_forbidden() -> None:
    assert online(load("cascade-1"), "K", divide=False) is load("cascade-1")
    kept = online(partition(load("attention-3pass"), "M"), "M", divide=False)
    assert analyse_passes(kept).n_passes("K") == 2
    assert check(kept).passed


@pytest.mark.parametrize(
    ("name", "rank", "before", "after"),
    [
        ("attention-3pass-causal", "M", 3, 1),
        ("attention-3pass-masked", "M", 3, 1),
        ("attention-bias", "M", 3, 1),
        ("attention-2pass", "M", 2, 1),
        ("attention-split", "M1", 2, 1),
        ("attention-lse", "M", 2, 1),
        ("cross-attention", "M", 2, 1),
        ("agent-attention", "M", 2, 1),
        ("agent-attention", "N", 2, 1),
        ("third-order-attention", "M", 3, 1),
        ("flow-attention", "M", 4, 2),
        ("attention-local", "N0'", 3, 1),
        ("channel-attention", "C'", 3, 1),
        ("pointer", "M", 3, 2),
        ("attention-query-softmax", "P", 3, 2),
        ("attention-sigmoid", "M", 1, 1),
        ("linear-attention", "M", 1, 1),
    ],
)
def test_the_library_goes_online_as_far_as_it_can(name: str, rank: str, before: int, after: int) -> None:
    cascade = load(name)
    derived = online(cascade, rank)
    assert analyse_passes(cascade, rank).n_passes() == before
    assert analyse_passes(derived, rank).n_passes() == after
    assert check(derived).passed
    assert parse(str(derived)) == derived
    assert (derived is cascade) == (before == after)


def test_scores_as_output_need_their_final_values() -> None:
    """The online softmax of Milakov and Gimelshein: two passes, and exponentials twice."""
    derived = online(load("pointer"), "M")
    docs = {einsum.name: einsum.doc for einsum in derived.einsums}
    assert docs["FSN"] == "SN once more, with final values"
    assert docs["A"] == "waits for final values: its elements are needed as they finally are"
    assert op_counts(derived, {"E": 1, "M": 10, "P": 1}).total["exp"] == 3 * 10  # twice, and the corrections


def test_what_cannot_be_corrected_waits() -> None:
    text = str(load("attention-3pass")).replace("SN[m, p] / SD[p]", "sigmoid(SN[m, p] / SD[p])").replace("equals", "#")
    cascade = parse(text)
    derived = online(cascade, "M")
    assert analyse_passes(derived).n_passes() == 2
    assert derived.einsum("A").doc == "waits for final values: nothing corrects it as they change"
    sizes = {"M": 9, "P": 3}
    assert close(run(cascade, 0, sizes), run(derived, 0, sizes))


def test_a_correction_that_differs_along_what_is_reduced_waits() -> None:
    text = "ranks M, P\nG[p] = A[m, p]  max m\nS[m, p] = exp(A[m, p] - G[p])\nZ[] = S[m, p]  sum m, p"
    cascade = parse(text)
    assert online(cascade, "M") is cascade


def test_user_defined_reductions_run_along() -> None:
    derived = online(partition(load("attention-lse"), "M"), "M")
    assert str(derived.einsum("RL")) == "RL[m1+1, p] = lse(RL[m1, p], LL[m1, p])  RL[0] = -inf"
    assert check(derived).passed


def test_a_tile_that_may_be_missing_is_no_missing_correction() -> None:
    """V is masked apart from the scores: the running maximum moves on although nothing is added."""
    text = """ranks M, P
    inputs S[m, p], V[m], W[m]
    G[p]    = S[m, p]  max m
    N[m, p] = exp(S[m, p] - G[p])
    D[p]    = N[m, p]  sum m
    X[p]    = N[m, p] * V[m]  sum m  where W[m]
    Z[p]    = X[p] / D[p]"""
    cascade = parse(text)
    derived = online(cascade, "M")
    assert "default(LX[m, p], 0)" in str(derived)
    rng = np.random.default_rng(0)
    inputs = {"S": rng.normal(size=(8, 3)), "V": rng.normal(size=8), "W": np.array([1, 0, 0, 1, 0, 1, 0, 0])}
    assert close(execute(cascade, inputs), execute(derived, inputs))


def test_unknown_rank() -> None:
    with pytest.raises(UsageError, match="attention-3pass: no rank named 'N'"):
        online(load("attention-3pass"), "N")


def run(cascade: Cascade, seed: int, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"X": ("M",), "Y": ("M", "P"), "W": ("P",), "Q": ("E", "P"), "K": ("E", "M"), "V": ("F", "M")}
    lengths = {"E": 3, "F": 2, **sizes}
    drawn = {name: rng.uniform(0.1, 0.6, tuple(lengths[rank] for rank in ranks)) for name, ranks in shapes.items()}
    return execute(cascade, {name: drawn[name] for name in cascade.inputs}, sizes)


def close(left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> bool:
    return all(np.allclose(left[name], right[name], rtol=1e-9, atol=1e-12, equal_nan=True) for name in left)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(st.integers(0, 10**6), st.booleans())
def test_random_cascades_compute_the_same_online(seed: int, partitioned: bool) -> None:
    cascade = random_cascade(seed, 8, partitioned=partitioned)
    derived = online(cascade, "M", divide=False)
    sizes = {"M": 7, "P": 3, "M0": 3} if partitioned else {"M": 7, "P": 3}
    assert close(run(cascade, seed, sizes), run(derived, seed, sizes))
    assert parse(str(derived)) == derived
    fewer = analyse_passes(derived).n_passes() < analyse_passes(cascade).n_passes()
    assert fewer != (derived is cascade)
