"""Plain and shifted windows, against the published roll with its region mask."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Gna, ShiftedWindows


def rolled(layout: tuple[int, ...], window: int, shift: int) -> np.ndarray:
    """Cyclic roll by `shift`, windows, and a region number per token from the slices of the Swin code, [n, n]."""
    slices = [slice(0, -window), slice(-window, -shift), slice(-shift, None)]
    regions = np.zeros(layout, int)
    for number, part in enumerate(itertools.product(slices, repeat=len(layout))):
        regions[part] = number
    tokens = np.roll(np.arange(regions.size).reshape(layout), [-shift] * len(layout), axis=range(len(layout)))
    windows = np.zeros(layout, int)
    for axis, length in enumerate(layout):
        shape = [-1 if a == axis else 1 for a in range(len(layout))]
        windows = windows * 1000 + (np.arange(length) // window).reshape(shape)
    key = np.empty((regions.size, 2), int)
    key[tokens.ravel()] = np.stack([regions.ravel(), windows.ravel()], axis=1)
    same: np.ndarray = (key[:, None] == key[None]).all(axis=2)
    return same


@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 5), st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_it_is_the_cyclic_roll_with_its_region_mask(n_rows: int, n_columns: int, window: int, shift: int) -> None:
    shift = min(shift, window - 1)
    layout = (n_rows * window, n_columns * window)
    mask = ShiftedWindows(layout, (window, window), (shift, shift))
    got = np.array([mask.row(q) for q in range(mask.n_queries)])
    assert np.array_equal(got, rolled(layout, window, shift))


def test_unshifted_windows_are_blocked_neighbourhoods() -> None:
    plain, blocked = ShiftedWindows((56, 56), (7, 7)), Gna((56, 56), (7, 7), (7, 7))
    assert plain.total_pairs == blocked.total_pairs == 56 * 56 * 49
    assert all(np.array_equal(plain.visible(q), blocked.visible(q)) for q in (0, 500, 3135))


def test_shifting_only_removes_pairs() -> None:
    assert ShiftedWindows((56, 56), (7, 7), (3, 3)).total_pairs < ShiftedWindows((56, 56), (7, 7)).total_pairs


def test_grids_that_are_no_multiple_end_in_short_windows() -> None:
    assert ShiftedWindows((10,), (4,)).visible(9).tolist() == [8, 9]


def test_shifts_by_a_window_are_refused() -> None:
    with pytest.raises(UsageError, match="shift 7 on axis 1: must be <= window - 1 = 6; nearest legal value: 6"):
        ShiftedWindows((56, 56), (7, 7), (3, 7))
