"""Masks of whole blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import BlockMask


@given(st.integers(1, 12), st.integers(0, 6), st.integers(1, 4), st.booleans(), st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_rows_are_the_kept_blocks(n_queries: int, more: int, block: int, causal: bool, seed: int) -> None:
    n_keys = n_queries + more
    shape = -(-n_queries // block), -(-n_keys // block)
    kept = np.random.default_rng(seed).random(shape) < 0.5
    mask = BlockMask(n_queries, n_keys, block, kept, causal)
    for q in range(n_queries):
        last = q + more if causal else n_keys
        assert mask.visible(q).tolist() == [k for k in range(n_keys) if kept[q // block, k // block] and k <= last]


def test_the_map_is_copied_and_frozen() -> None:
    kept = np.ones((2, 2), np.bool_)
    mask = BlockMask(8, 8, 4, kept)
    kept[:] = False
    assert mask.total_pairs == 64
    with pytest.raises(ValueError, match="read-only"):
        mask.kept[0, 0] = False


def test_a_map_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match=r"kept has shape \(2, 2\); \(3, 2\) blocks of 4 tokens are needed"):
        BlockMask(9, 8, 4, np.ones((2, 2), np.bool_))
