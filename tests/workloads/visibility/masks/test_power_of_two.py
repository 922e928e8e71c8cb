"""Power-of-two distances."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.workloads.visibility import PowerOfTwo


@given(st.integers(1, 30), st.integers(0, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_rows_follow_the_rule(n_queries: int, more: int, block: int, window: int, n_sinks: int) -> None:
    mask = PowerOfTwo(n_queries, n_queries + more, block, window, n_sinks)
    for q in range(n_queries):
        position = q + more
        expected = []
        for key in range(position + 1):
            distance = position // block - key // block
            if distance < window or distance & (distance - 1) == 0 or key < n_sinks:
                expected.append(key)
        assert mask.visible(q).tolist() == expected


def test_the_receptive_field_doubles_with_each_layer() -> None:
    mask = PowerOfTwo(64, 64, 1)
    one_layer = np.array([mask.row(q) for q in range(64)])
    reached = np.eye(64, dtype=np.int64)
    for layer in range(1, 7):
        reached = np.minimum(reached @ one_layer, 1)
        assert reached[63, 63 - 2**layer + 1 :].all(), "every distance below 2^layer"


def test_keys_per_query_grow_with_the_logarithm() -> None:
    assert PowerOfTwo(1, 1 << 17, 64, 8).total_pairs == 64 * (8 + 8)
