"""Top-k block selection under a budget."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Causal, TopKBlocks, tile_statistics


@given(st.integers(1, 5), st.integers(0, 3), st.integers(1, 4), st.integers(1, 9), st.booleans(), st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_counts_are_those_of_any_member(
    n_rows: int, more: int, block: int, budget: int, causal: bool, seed: int
) -> None:
    family = TopKBlocks(n_rows * block, (n_rows + more) * block, block, budget, causal)
    member = family.select(np.random.default_rng(seed).random((n_rows, n_rows + more)))
    queries = np.arange(family.n_queries)
    assert family.counts(queries).tolist() == member.counts(queries).tolist()
    for q in range(family.n_queries):
        own, blocks = q // block + more, set((member.visible(q) // block).tolist())
        assert own in blocks and len(blocks) == min(budget, own + 1 if causal else n_rows + more)
        assert not causal or member.visible(q)[-1] == q + more * block


def test_the_best_blocks_are_taken() -> None:
    chosen = TopKBlocks(4, 16, 4, 3, causal=False).select(np.array([[0.1, 0.9, 0.5, 0.0]]))
    assert chosen.kept.tolist() == [[False, True, True, True]], "the own block is the last one"


def test_a_budget_of_all_blocks_is_causal_attention() -> None:
    assert TopKBlocks(64, 64, 8, 8).total_pairs == Causal(64).total_pairs


def test_tiles_that_straddle_blocks_are_refused() -> None:
    with pytest.raises(UsageError, match="kv_tile 16 does not divide the block 8, so the counts would depend on the"):
        tile_statistics(TopKBlocks(64, 64, 8, 2), 8, 16)


def test_blocks_must_divide_the_lengths_and_scores_must_fit() -> None:
    with pytest.raises(UsageError, match=r"block 5 on axis 1: must divide the sequence length 16; nearest .* 4"):
        TopKBlocks(10, 16, 5, 2)
    with pytest.raises(UsageError, match=r"scores have shape \(1, 4\); \(2, 4\) blocks are needed"):
        TopKBlocks(8, 16, 4, 2).select(np.zeros((1, 4)))
