"""Causal attention."""

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Causal


def test_the_last_query_stands_at_the_last_key() -> None:
    rows = np.array([Causal(3, 5).row(q) for q in range(3)])
    assert np.array_equal(rows, np.tri(3, 5, 2, dtype=np.bool_))
    assert Causal(1, 100).total_pairs == 100, "a decode step"
    assert Causal(1000).total_pairs == 1000 * 1001 // 2


def test_queries_without_any_key_are_refused() -> None:
    with pytest.raises(UsageError, match=r"n_keys 5: .* as many keys as the 8 queries; nearest legal value: 8\."):
        Causal(8, 5)
