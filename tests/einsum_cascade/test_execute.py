"""Execution: presence, ragged tiles, recurrences, gathers, and the refusals."""

import numpy as np
import pytest

from attnscope.einsum_cascade import execute, load, parse, random_inputs
from attnscope.errors import AttnScopeError, CascadeError, UnknownNameError, UsageError

RNG = np.random.default_rng(7)
A = RNG.normal(size=7)
B = RNG.normal(size=(7, 3))


def run(text: str, want: str = "", **inputs: object) -> np.ndarray:
    sizes = {k: v for k, v in inputs.items() if isinstance(v, int)}
    arrays = {k: v for k, v in inputs.items() if isinstance(v, np.ndarray)}
    cascade = parse(text)
    return execute(cascade, arrays, sizes, want=[want] if want else ())[want or cascade.outputs[0]]


def test_maps_broadcast_and_reductions_fold() -> None:
    assert run("ranks M, P\nX[p, m] = A[m] * B[m, p] + 1", A=A, B=B) == pytest.approx((A[:, None] * B).T + 1)
    assert run("ranks M, P\nX[] = A[m] * B[m, p]  sum p, m", A=A, B=B) == pytest.approx(A @ B.sum(1))
    assert run("ranks M, P\nX[] = B[m, p]  sum p  max m", B=B) == pytest.approx(B.sum(1).max())
    assert run("ranks M, P\nX[m, m'] = A[m] - A[m']", A=A) == pytest.approx(A[:, None] - A)


def test_the_contraction_path_and_the_general_path_agree() -> None:
    fast = run("ranks M, P\nX[p] = A[m] * B[m, p] / 4 * 2  sum m  where m != 3", A=A, B=B)
    general = run("ranks M, P\nX[p] = A[m] * B[m, p] * 0.5 + 0  sum m  where m != 3", A=A, B=B)
    assert fast == pytest.approx(general)
    assert run("ranks M, P\nX[p] = A[m]  sum m  where m < 3", A=A, P=2) == pytest.approx([A[:3].sum()] * 2)


def test_values_of_indices_and_lengths_are_numbers() -> None:
    assert run("ranks M\nX[m] = A[m] * 2 ** (m - 1) / M", A=A) == pytest.approx(A * 2.0 ** (np.arange(7) - 1) / 7)


@pytest.mark.parametrize("tile", [1, 2, 3, 7, 10])
def test_a_ragged_last_tile_holds_only_what_exists(tile: int) -> None:
    text = "ranks M = M1 * M0\nX[m1, m0] = A[m1, m0] + 1\nY[m1] = X[m1, m0]  prod m0\nZ[] = Y[m1]  prod m1"
    found = execute(parse(text), {"A": A}, {"M0": tile}, want=("X", "Y", "Z"))
    assert found["X"] == pytest.approx(A + 1)
    assert found["Y"].shape == (-(-7 // tile),)
    assert found["Z"] == pytest.approx(np.prod(A + 1))


def test_tiles_are_read_through_either_view() -> None:
    text = "ranks M = M1 * M0\nX[m] = A[m]\nY[m1, m0] = X[m1, m0]\nZ[m] = Y[m] * 2"
    assert run(text, A=A, M0=3) == pytest.approx(2 * A)


def test_tiles_of_tiles() -> None:
    text = "ranks M = M2 * M1, M1 = L1 * L0\nX[m2] = A[m2, l1, l0]  sum l1, l0"
    assert run(text, A=A, M1=4, L0=2) == pytest.approx([A[:4].sum(), A[4:].sum()])


def test_what_is_absent_stays_absent() -> None:
    text = """ranks M, P
    S[m, p] = B[m, p]            where m <= p
    T[p]    = S[m, p]  max m
    U[m, p] = exp(S[m, p] - T[p])
    V[m]    = U[m, p]  sum p"""
    s = np.where(np.arange(7)[:, None] <= np.arange(3), B, -np.inf)
    u = np.exp(s - s.max(0))
    assert run(text, B=B) == pytest.approx(u.sum(1))
    assert run(text, "U", B=B) == pytest.approx(u)
    assert execute(parse(text), {"B": B}, want=["S"], fill=-np.inf)["S"] == pytest.approx(s)


def test_a_condition_may_be_data() -> None:
    mask = np.array([1, 0, 1, 0, 0, 1, 0])
    assert run("ranks M\nX[] = A[m]  sum m  where W[m]", A=A, W=mask) == pytest.approx(A[mask == 1].sum())
    assert run("ranks M\nX[] = A[m]  max m  where A[m] < 0 or W[m]", A=A, W=mask) == pytest.approx(
        A[(A < 0) | (mask == 1)].max()
    )
    assert run("ranks M\nX[] = A[m]  sum m  where W[m]", A=A, W=np.zeros(7)) == 0


def test_default_fills_what_is_absent() -> None:
    text = "ranks M\nX[m] = A[m]  where m < 3\nY[m] = default(X[m], 5)"
    assert run(text, A=A) == pytest.approx([*A[:3], 5, 5, 5, 5])
    assert parse(text).einsum("Y").operators == ()


def test_recurrences_step_and_show_their_final_value() -> None:
    text = "ranks M\nR[m+1] = R[m] / 2 + A[m]  R[0] = 1\nZ[] = R[M]"
    expected = [1.0]
    for a in A:
        expected.append(expected[-1] / 2 + a)
    assert run(text, "R", A=A) == pytest.approx(expected)
    assert run(text, A=A) == pytest.approx(expected[-1])


def test_a_start_value_may_be_a_tensor() -> None:
    text = "ranks M, P\nR[m+1, p] = R[m, p] + B[m, p]  R[0] = S[p] * 2\nZ[p] = R[M, p]"
    start = np.array([1.0, 2.0, 3.0])
    assert run(text, B=B, S=start) == pytest.approx(2 * start + B.sum(0))


def test_several_tensors_may_recur_together() -> None:
    text = """ranks N
    F[n+1] = G[n]  F[0] = 0
    G[n+1] = F[n] + G[n]  G[0] = 1
    Z[] = F[N]"""
    assert run(text, N=10) == 55


def test_a_step_that_is_absent_leaves_the_value_as_it_was() -> None:
    text = "ranks M\nX[m] = A[m]  where m != 3\nR[m+1] = R[m] / 2 + X[m]  R[0] = 0\nZ[] = R[M]"
    value = 0.0
    for m, a in enumerate(A):
        value = value if m == 3 else value / 2 + a
    assert run(text, A=A) == pytest.approx(value)


def test_shifted_reads_stop_at_the_ends() -> None:
    text = "ranks M\nX[m] = A[m-1] + A[m+1]"
    assert run(text, A=A) == pytest.approx([0, *(A[:-2] + A[2:]), 0])


def test_an_index_may_be_computed() -> None:
    text = "ranks M, P, W\ninputs R[w], A[m]\nX[m, p] = R[m - p + P] * A[m]"
    r = RNG.normal(size=12)
    expected = np.array([[r[m - p + 3] * A[m] for p in range(3)] for m in range(7)])
    assert run(text, A=A, R=r, P=3) == pytest.approx(expected)


def test_an_index_may_be_data() -> None:
    text = "ranks M, T\ninputs A[m], I[t]\nX[t] = A[I[t]]"
    assert run(text, A=A, I=np.array([6, 0, 2])) == pytest.approx(A[[6, 0, 2]])


def test_the_best_few_and_where_they_are() -> None:
    text = "ranks M, T\nX[t] = A[m]  top m\nI[t] = A[m]  argtop m\nK[] = A[m]  argmax m"
    found = execute(parse(text), {"A": A}, {"T": 3})
    order = np.argsort(-A)[:3]
    assert found["X"] == pytest.approx(A[order])
    assert found["I"].tolist() == order.tolist()
    assert found["K"] == order[0]
    assert parse(text).einsum("X").ranks == ("M",)


def test_fewer_than_the_best_few() -> None:
    text = "ranks M, T\nS[m] = A[m]  where m < 2\nX[t] = S[m]  top m\nN[] = X[t]  sum t"
    found = execute(parse(text), {"A": A}, {"T": 3}, want=("X", "N"), fill=-1)
    assert found["X"] == pytest.approx([*np.sort(A[:2])[::-1], -1])
    wide = execute(parse("ranks M, T\nX[t] = A[m]  top m"), {"A": A[:2]}, {"T": 3})["X"]
    assert wide == pytest.approx([*np.sort(A[:2])[::-1], 0])


def test_an_additive_mask_of_minus_infinity_gives_zero_rows() -> None:
    cascade = load("attention-bias")
    inputs = random_inputs(cascade, {"E": 4, "F": 3, "M": 5, "P": 2})
    inputs["B"] = np.array([[-np.inf, 0.0]] * 5)
    out = execute(cascade, inputs)["AV"]
    assert (out[:, 0] == 0).all()
    assert np.isfinite(out).all() and (out[:, 1] != 0).all()


@pytest.mark.parametrize("name", ["attention-1pass", "attention-3pass", "attention-recurrent"])
def test_fp32_in_fp32_out(name: str) -> None:
    cascade = load(name)
    sizes = {"E": 4, "F": 3, "M": 6, "P": 2, "M0": 4} if cascade.partitions else {"E": 4, "F": 3, "M": 6, "P": 2}
    inputs = random_inputs(cascade, sizes, dtype="float32")
    assert execute(cascade, inputs, sizes)["AV"].dtype == np.float32


def test_random_inputs_are_the_same_for_the_same_seed() -> None:
    cascade, sizes = load("attention-3pass"), {"E": 2, "F": 2, "M": 2, "P": 2}
    assert (random_inputs(cascade, sizes)["Q"] == random_inputs(cascade, sizes)["Q"]).all()
    assert (random_inputs(cascade, sizes)["Q"] != random_inputs(cascade, sizes, seed=1)["Q"]).any()


Q, K, V = np.ones((4, 2)), np.ones((4, 6)), np.ones((3, 6))

REFUSED: list[tuple[dict[str, np.ndarray], dict[str, object], type[AttnScopeError], str]] = [
    ({"Q": Q, "K": K}, {"M0": 2}, CascadeError, r"input V\[F, M\] is missing"),
    ({"Q": Q, "K": K, "V": V, "W": V}, {"M0": 2}, UnknownNameError, "no input named 'W'"),
    ({"Q": Q, "K": K, "V": V[0]}, {"M0": 2}, CascadeError, r"input V\[F, M\] has 2 ranks, the array given has shape"),
    (
        {"Q": Q, "K": K, "V": V[:, :5]},
        {"M0": 2},
        CascadeError,
        "attention-1pass: rank M has two lengths: 6 in K, 5 in V; make them equal",
    ),
    ({"Q": Q, "K": K, "V": V}, {"M0": 2, "P": 3}, CascadeError, "rank P has two lengths: 3 in the given sizes, 2 in Q"),
    ({"Q": Q, "K": K, "V": V}, {}, CascadeError, "rank M1 has no length: it is a part of M; give one, as in M0=16"),
    ({"Q": Q, "K": K, "V": V}, {"M0": 2, "M1": 2}, CascadeError, r"M = M1 \* M0 does not cover M: 2 \* 2 < 6"),
    ({"Q": Q, "K": K, "V": V}, {"MO": 2}, UsageError, "no rank named 'MO'. Did you mean 'M"),
    ({"Q": Q, "K": K, "V": V}, {"M0": 0}, UsageError, "rank M0 must be a whole number of at least 1, got 0"),
    ({"Q": Q, "K": K, "V": V}, {"M0": 1.5}, UsageError, "rank M0 must be a whole number of at least 1, got 1.5"),
    ({"Q": Q, "K": K, "V": V}, {"M0": float("nan")}, UsageError, "rank M0 must be a whole number of at least 1"),
    ({"Q": Q, "K": K, "V": V}, {"M0": 10**30}, CascadeError, "QK would have 2e.30 elements; execution takes at most"),
]


@pytest.mark.parametrize(("inputs", "sizes", "kind", "message"), REFUSED)
def test_refusals(inputs: dict[str, np.ndarray], sizes: dict[str, int], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        execute(load("attention-1pass"), inputs, sizes)


def test_an_unknown_tensor_cannot_be_wanted() -> None:
    with pytest.raises(UnknownNameError, match=r"no tensor named 'AW'\. Did you mean"):
        execute(load("attention-3pass"), {"Q": Q, "K": K, "V": V}, want=["AW"])


def test_random_inputs_refuse_lengths_that_do_not_fit() -> None:
    with pytest.raises(CascadeError, match="K would have"):
        random_inputs(load("attention-3pass"), {"E": 4, "F": 4, "P": 4, "M": 10**30})
