"""Exact fronts against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.explore import front as module
from attnscope.explore.front import Grid, pareto_front


def _brute(values: list[list[float]], numbers: list[int]) -> list[int]:
    def beats(j: int, i: int) -> bool:
        below = all(a <= b for a, b in zip(values[j], values[i], strict=True))
        return below and (values[j] != values[i] or numbers[j] < numbers[i])

    n = range(len(values))
    return [i for i in n if not any(beats(j, i) for j in n if j != i)]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 60), st.booleans())
def test_a_front_is_what_brute_force_finds(data: st.DataObject, d: int, n: int, coarse: bool) -> None:
    one = st.integers(0, 4).map(float) if coarse else st.floats(-1e6, 1e6)
    values = data.draw(st.lists(st.lists(one, min_size=d, max_size=d), min_size=n, max_size=n))
    numbers = data.draw(st.permutations(range(n)))
    found = pareto_front(np.array(values), np.array(numbers))
    assert found.tolist() == _brute(values, list(numbers))


@pytest.mark.parametrize("levels", [5, 1000])
def test_thinning_changes_nothing(monkeypatch: pytest.MonkeyPatch, levels: int) -> None:
    rng = np.random.default_rng(3)
    values = np.ceil(rng.random((20_000, 3)) * levels)
    plain = pareto_front(values)
    monkeypatch.setattr(module, "_SMALL", 100)
    monkeypatch.setattr(module, "_SAMPLE", 300)
    assert np.array_equal(pareto_front(values), plain)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 200))
def test_a_grid_drops_only_dominated_points(seed: int, n_known: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    known, points = np.exp(rng.normal(size=(n_known, 3))), np.exp(rng.normal(size=(n, 3)))
    kept = set(Grid.of(known).survivors(points).tolist())
    for i in set(range(n)) - kept:
        assert any((k <= points[i]).all() and (k < points[i]).any() for k in known)
    assert len(Grid.of(known).survivors(known)) == n_known or n_known > 1


def test_no_points_and_no_finite_points() -> None:
    assert pareto_front(np.zeros((0, 3))).tolist() == []
    with pytest.raises(UsageError, match=r"point 1 has objective 0 = nan; a front needs finite values"):
        pareto_front(np.array([[1.0], [np.nan]]))
