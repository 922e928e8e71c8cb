"""Sliding windows over a sequence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Causal, Dense, SlidingWindow


@given(st.integers(1, 12), st.integers(0, 6), st.integers(1, 20), st.booleans())
@settings(deadline=None, max_examples=60)
def test_rows_are_runs_around_the_query(n_queries: int, more: int, window: int, causal: bool) -> None:
    mask = SlidingWindow(n_queries, n_queries + more, window, causal)
    behind = window - 1 if causal else window // 2
    for q in range(n_queries):
        expected = [k for k in range(mask.n_keys) if 0 <= k - (q + more - behind) < window]
        assert mask.visible(q).tolist() == expected


def test_a_wide_window_is_causal_or_dense() -> None:
    assert SlidingWindow(9, 9, 9).total_pairs == Causal(9).total_pairs
    assert SlidingWindow(9, 9, 20, causal=False).total_pairs == Dense(9).total_pairs


def test_mistral_prefill_density() -> None:
    assert SlidingWindow(32768, 0, 4096).density == pytest.approx((4096 / 32768) * (1 - 4096 / 2 / 32768), rel=1e-3)


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(UsageError, match="window 0: must be >= 1; nearest legal value: 1"):
        SlidingWindow(8, 8, 0)
