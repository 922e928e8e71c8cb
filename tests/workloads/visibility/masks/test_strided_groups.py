"""Long-distance and grid attention."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Gna, Grid, StridedGroups, tile_statistics


@given(st.integers(1, 20), st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_rows_are_residue_classes(length: int, interval: int) -> None:
    interval = min(interval, length)
    mask = StridedGroups((length,), (interval,))
    for q in range(length):
        assert mask.visible(q).tolist() == list(range(q % interval, length, interval))


def test_the_grid_of_maxvit_is_a_dilated_neighbourhood_over_whole_groups() -> None:
    grid, dilated = Grid((56, 56), (7, 7)), Gna((56, 56), (7, 7), dilation=(8, 8))
    assert grid.total_pairs == dilated.total_pairs == 56 * 56 * 49
    assert all(np.array_equal(grid.visible(q), dilated.visible(q)) for q in (0, 500, 3135))
    assert tile_statistics(grid, 7, 7).block_sparse


def test_crossformer_long_distance_costs_as_much_as_short_distance() -> None:
    assert StridedGroups((56, 56), (8, 8)).keys_per_query().max == 49


def test_illegal_groups() -> None:
    with pytest.raises(UsageError, match="interval 9 on axis 1: must be <= the axis length 8; nearest legal value: 8"):
        StridedGroups((8, 8), (2, 9))
    with pytest.raises(UsageError, match="grid 7 on axis 0: must divide the axis length 60; nearest legal value: 6"):
        Grid((60, 56), (7, 7))
