"""Fusing Einsums into their readers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import check, execute, fuse, load, parse
from attnscope.einsum_cascade.testing import random_cascade
from attnscope.einsum_cascade.transform.fuse import fuse_obstacle
from attnscope.errors import CascadeError, UnknownNameError


def test_a_map_is_computed_where_it_is_read() -> None:
    cascade = fuse(load("attention-3pass"), "A", "SN")
    assert str(cascade.einsum("SD")) == "SD[p] = exp(QK[m, p] - GM[p])  sum m"
    assert str(cascade.einsum("AV")) == "AV[f, p] = exp(QK[m, p] - GM[p]) / SD[p] * V[f, m]  sum m"
    assert "A" not in cascade.by_name
    assert check(cascade).passed


def test_indices_are_bound_where_the_reader_stands() -> None:
    cascade = parse("ranks M\nX[m] = A[m] * m\nY[m] = X[m+1] - X[0]")
    fused = fuse(cascade, "X")
    assert str(fused.einsum("Y")) == "Y[m] = A[m+1] * (m + 1) - A[0] * 0"
    a = np.arange(1.0, 6.0)
    assert execute(fused, {"A": a})["Y"] == pytest.approx(execute(cascade, {"A": a})["Y"])


def test_conditions_come_along() -> None:
    cascade = parse("ranks M, P\nX[m, p] = A[m, p]  where m <= p\nY[p] = exp(X[m, p])  sum m")
    assert str(fuse(cascade, "X").einsum("Y")) == "Y[p] = exp(A[m, p])  sum m  where m <= p"


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        ("AV", "it is an output"),
        ("QK", "it reduces E"),
        ("RM", "it steps over M1"),
    ],
)
def test_refusals(tensor: str, why: str) -> None:
    with pytest.raises(CascadeError, match=f"{tensor} cannot be fused into its readers: {why}"):
        fuse(load("attention-1pass"), tensor)
    with pytest.raises(UnknownNameError, match="no Einsum named 'AW'"):
        fuse(load("attention-1pass"), "AW")


def test_other_views_are_refused() -> None:
    cascade = parse("ranks M = M1 * M0\nX[m] = A[m]\nY[m1] = X[m1, m0]  sum m0")
    with pytest.raises(CascadeError, match="Y reads X through another view of its ranks"):
        fuse(cascade, "X")


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6))
def test_random_cascades_compute_the_same_fused(seed: int) -> None:
    cascade = random_cascade(seed, 7)
    sizes = {"M": 7, "M0": 3, "P": 2}
    rng = np.random.default_rng(seed)
    shapes = {"X": (7,), "Y": (7, 2), "W": (2,)}
    inputs = {name: rng.uniform(0.1, 0.6, shapes[name]) for name in ("X", "Y", "W")}
    before = execute(cascade, {name: inputs[name] for name in cascade.inputs}, sizes)
    fusible = [einsum.name for einsum in cascade.einsums if not fuse_obstacle(cascade, einsum)]
    for name in fusible:
        cascade = fuse(cascade, name)
    after = execute(cascade, {name: inputs[name] for name in cascade.inputs}, sizes)
    assert all(np.allclose(before[name], after[name], equal_nan=True) for name in before)
