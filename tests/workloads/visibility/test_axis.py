"""Axes given by tables."""

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility.axis import IntervalAxis, group_length


def test_group_lengths_are_those_of_the_residue_classes() -> None:
    groups = np.arange(4)
    assert group_length(10, 4, groups).tolist() == [len(range(g, 10, 4)) for g in range(4)]


def test_keys_and_counts_follow_the_table() -> None:
    axis = IntervalAxis(6, np.array([0, 0, 1, 0, 1, 1]), np.array([2, 2, 3, 2, 3, 3]), dilation=2)
    assert axis.keys(2).tolist() == [2, 4]
    assert axis.keys(3).tolist() == [1, 3]
    assert axis.count_summary() == (2, 2, 12)


@pytest.mark.parametrize(
    ("starts", "ends", "dilation"),
    [([0, -1], [1, 1], 1), ([0, 1], [1, 3], 1), ([0, 1], [1, 0], 1), ([0, 0], [2, 1], 2)],
)
def test_intervals_outside_the_axis_are_refused(starts: list[int], ends: list[int], dilation: int) -> None:
    with pytest.raises(UsageError, match="leaves its 2 keys or ends before it starts"):
        IntervalAxis(2, np.array(starts), np.array(ends), dilation)


@pytest.mark.parametrize(
    ("starts", "ends"),
    [([1, 0, 1], [3, 3, 3]), ([0, 0, 0], [3, 2, 3]), ([0, 2, 2], [1, 3, 3])],
    ids=["start", "end", "gap"],
)
def test_intervals_that_fall_or_leave_gaps_are_refused(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(UsageError, match="must not fall and must leave no gap"):
        IntervalAxis(3, np.array(starts), np.array(ends))
