"""Sets of keys as intervals, against sets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.workloads.visibility.intervals import Intervals, complement, intersection, normalise, union

N_KEYS = 20
Rows = list[list[tuple[int, int]]]
PAIR = st.tuples(st.integers(-5, 25), st.integers(-5, 25))


def rows(n: int) -> st.SearchStrategy[Rows]:
    return st.integers(1, 4).flatmap(lambda m: st.lists(st.lists(PAIR, min_size=m, max_size=m), min_size=n, max_size=n))


def as_intervals(given_rows: Rows) -> Intervals:
    table = np.array(given_rows, np.int64)
    return Intervals(table[..., 0], table[..., 1])


def as_sets(intervals: Intervals) -> list[set[int]]:
    rows = zip(intervals.lo, intervals.hi, strict=True)
    return [{k for a, b in zip(lo, hi, strict=True) for k in range(a, b) if 0 <= k < N_KEYS} for lo, hi in rows]


@given(rows(3))
@settings(deadline=None, max_examples=80)
def test_normalised_intervals_are_ordered_disjoint_and_the_same_set(given_rows: Rows) -> None:
    before = as_intervals(given_rows)
    after = normalise(before, N_KEYS)
    assert as_sets(after) == as_sets(before)
    assert np.all(after.lo <= after.hi) and np.all(after.hi[:, :-1] <= np.maximum(after.lo[:, 1:], after.hi[:, :-1]))
    assert after.counts().tolist() == [len(s) for s in as_sets(before)]


@given(rows(3), rows(3))
@settings(deadline=None, max_examples=80)
def test_set_algebra(first: Rows, second: Rows) -> None:
    a, b = normalise(as_intervals(first), N_KEYS), normalise(as_intervals(second), N_KEYS)
    pairs = list(zip(as_sets(a), as_sets(b), strict=True))
    assert as_sets(union([a, b], N_KEYS)) == [s | t for s, t in pairs]
    assert as_sets(intersection([a, b], N_KEYS)) == [s & t for s, t in pairs]
    assert as_sets(complement(a, N_KEYS)) == [set(range(N_KEYS)) - s for s, _ in pairs]
    assert intersection([a, b], N_KEYS).counts().tolist() == [len(s & t) for s, t in pairs]
