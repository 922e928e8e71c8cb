"""Union and intersection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    Causal,
    Disc,
    Gna,
    Intersection,
    SlidingWindow,
    Streaming,
    StridedGroups,
    Union,
)


@given(st.integers(2, 5), st.integers(2, 5), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_they_are_set_operations(height: int, width: int, radius: int) -> None:
    parts = Gna((height, width), (2, 2)), StridedGroups((height, width), (2, 1)), Disc((height, width), radius)
    rows = [np.array([p.row(q) for q in range(p.n_queries)]) for p in parts]
    either, both = Union(parts), Intersection(parts)
    assert either.layout == both.layout == (height, width)
    assert np.array_equal([either.row(q) for q in range(either.n_queries)], rows[0] | rows[1] | rows[2])
    assert np.array_equal([both.row(q) for q in range(both.n_queries)], rows[0] & rows[1] & rows[2])


def test_operators() -> None:
    window, streaming = SlidingWindow(32, 32, 8), Streaming(32, 32, 4, 2)
    assert window | streaming == Union((window, streaming))
    assert (window & streaming) == Intersection((window, streaming))
    both = (window | streaming).total_pairs + (window & streaming).total_pairs
    assert both == window.total_pairs + streaming.total_pairs


def test_a_sequence_mask_joins_a_grid() -> None:
    mask = Gna((4, 4), (3, 3)) & Causal(16)
    assert mask.layout == mask.key_layout == (4, 4)
    assert mask.visible(5).tolist() == [0, 1, 2, 4, 5]


def test_masks_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(UsageError, match="Union needs masks over the same queries; numbers of queries: 8, 9"):
        Causal(8) | Causal(9)
    with pytest.raises(UsageError, match="Intersection needs masks over the same keys; numbers of keys: 8, 9"):
        Causal(8) & Causal(8, 9)
    with pytest.raises(UsageError, match=r"masks lie on different grids: \[\(2, 8\), \(4, 4\)\]"):
        Gna((2, 8), (2, 2)) | Gna((4, 4), (2, 2))
    with pytest.raises(UsageError, match="Union needs at least one mask"):
        Union(())
