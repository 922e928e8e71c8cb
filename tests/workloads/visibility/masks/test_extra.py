"""Tokens beside the grid."""

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Extra, Gna, Streaming


@pytest.mark.parametrize("n_queries", [0, 3])
def test_extra_tokens_come_after_the_grid(n_queries: int) -> None:
    inner = Gna((4, 5), (3, 2))
    mask = Extra(inner, 6, n_queries)
    rows = np.array([mask.row(q) for q in range(mask.n_queries)])
    assert rows.shape == (20 + n_queries, 26)
    assert np.array_equal(rows[:20, :20], [inner.row(q) for q in range(20)])
    assert rows[:, 20:].all() and rows[20:].all()
    statistics, counts = mask.keys_per_query(), rows.sum(axis=1)
    assert (statistics.min, statistics.max, mask.total_pairs) == (counts.min(), counts.max(), counts.sum())
    assert mask.counts(np.arange(mask.n_queries)).tolist() == counts.tolist()
    assert mask.layout == ((4, 5) if not n_queries else (23,)) and mask.key_layout == (26,)


def test_no_extra_tokens_change_nothing() -> None:
    inner = Streaming(16, 16, 4)
    mask = Extra(inner, 0)
    assert mask.keys_per_query() == inner.keys_per_query()
    assert mask.key_layout == inner.key_layout


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(UsageError, match="n_extra_keys -1: must be >= 0; nearest legal value: 0"):
        Extra(Gna((4,), (2,)), -1)
