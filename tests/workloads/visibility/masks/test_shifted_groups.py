"""Groups, shifted groups, and the roll that wraps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import ShiftedGroups


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_wrapped_groups_are_those_of_the_rolled_sequence(n_groups: int, group: int, shift: int, causal: bool) -> None:
    n, shift = n_groups * group, min(shift, group - 1)
    mask = ShiftedGroups(n, 0, group, shift, causal, wrap=True)
    order = [(i + shift) % n for i in range(n)]
    for place, q in enumerate(order):
        first = place // group * group
        stop = place + 1 if causal else first + group
        assert mask.visible(q).tolist() == sorted(order[first:stop])


@given(st.integers(1, 24), st.integers(1, 6), st.integers(0, 5), st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_groups_without_wrap_never_see_the_future(n: int, group: int, shift: int, n_sinks: int) -> None:
    shift = min(shift, group - 1)
    mask = ShiftedGroups(n, 0, group, shift, n_sinks=n_sinks)
    for q in range(n):
        own = (q - shift) // group
        assert mask.visible(q).tolist() == [k for k in range(q + 1) if (k - shift) // group == own or k < n_sinks]


def test_a_quarter_of_the_pairs_for_groups_of_a_quarter() -> None:
    assert ShiftedGroups(8192, 0, 2048, causal=False).density == 0.25


def test_shifts_by_a_group_are_refused() -> None:
    with pytest.raises(UsageError, match="shift 4 on axis 0: must be <= group - 1 = 3; nearest legal value: 3"):
        ShiftedGroups(8, 8, 4, 4)
