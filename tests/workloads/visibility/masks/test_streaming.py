"""Attention sinks with a recent window."""

from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.workloads.visibility import SlidingWindow, Streaming


@given(st.integers(1, 12), st.integers(0, 6), st.integers(1, 8), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_rows_are_sinks_and_window(n_queries: int, more: int, window: int, n_sinks: int) -> None:
    mask = Streaming(n_queries, n_queries + more, window, n_sinks)
    for q in range(n_queries):
        position = q + more
        expected = [k for k in range(position + 1) if k < n_sinks or k > position - window]
        assert mask.visible(q).tolist() == expected


def test_without_sinks_it_is_a_sliding_window() -> None:
    assert Streaming(64, 64, 8, 0).total_pairs == SlidingWindow(64, 64, 8).total_pairs


def test_a_decode_step_reads_sinks_and_window() -> None:
    assert Streaming(1, 4_000_000, 2044, 4).total_pairs == 2048
