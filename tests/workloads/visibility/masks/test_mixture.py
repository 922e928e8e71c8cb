"""Heads and layers with different masks."""

import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Causal, Dense, Gna, Mixture, SlidingWindow


def test_sums_run_over_the_units_and_means_are_per_unit() -> None:
    full, local = Causal(32), SlidingWindow(32, 0, 4)
    heads = Mixture(((2, full), (6, local)))
    assert heads.n_units == 8
    assert heads.total_pairs == 2 * full.total_pairs + 6 * local.total_pairs
    assert heads.density == pytest.approx((2 * full.density + 6 * local.density) / 8)
    statistics = heads.keys_per_query()
    assert (statistics.min, statistics.max, statistics.total_pairs) == (1, 32, heads.total_pairs)
    assert statistics.mean == pytest.approx(heads.total_pairs / (8 * 32))


def test_layers_of_heads() -> None:
    heads = Mixture(((2, Causal(32)), (6, SlidingWindow(32, 0, 4))))
    layers = Mixture(((10, heads), (2, Mixture(((8, Causal(32)),)))))
    assert layers.n_units == 96
    assert layers.total_pairs == 10 * heads.total_pairs + 16 * Causal(32).total_pairs
    assert layers.layout == (32,)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), r"a mixture needs at least one \(number, mask\) part"),
        (((0, Causal(8)),), "part 0 of the mixture occurs 0 times; nearest legal value: 1"),
        (((1, Causal(8)), (1, Causal(9))), "parts of a mixture must have the same n_queries; got 8, 9"),
        (((1, Dense(8)), (1, Mixture(((2, Dense(8)),)))), "parts of a mixture must have the same n_units; got 1, 2"),
        (((1, Dense(16)), (1, Gna((4, 4), (2, 2)))), "parts of a mixture must have the same tile_rank; got 1, 2"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts: tuple[tuple[int, Causal], ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Mixture(parts)
