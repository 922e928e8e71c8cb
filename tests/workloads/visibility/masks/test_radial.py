"""Radial attention, against the authors' rule written out token by token, and their reductions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Radial


def sees(mask: Radial, query: int, key: int) -> bool:
    (i, r), (j, c) = divmod(query, mask.tokens_per_frame), divmod(key, mask.tokens_per_frame)
    distance = abs(i - j)
    if distance <= 1 or (mask.sink and j == 0):
        return True
    width = 2 ** mask.tokens_per_frame.bit_length() / 2 ** distance.bit_length()
    if width < mask.block and distance % int(mask.block / width):
        return False
    return bool(abs(r - c) <= max(mask.block, mask.decay * width))


@given(st.integers(1, 6), st.integers(1, 9), st.floats(0.1, 2), st.integers(1, 6), st.booleans())
@settings(deadline=None, max_examples=60)
def test_rows_follow_the_rule(frames: int, tokens: int, decay: float, block: int, sink: bool) -> None:
    mask = Radial(frames, tokens, decay, block, sink)
    assert mask.layout == (frames, tokens)
    for q in range(mask.n_queries):
        assert mask.row(q).tolist() == [sees(mask, q, k) for k in range(mask.n_keys)]


def test_a_decay_that_is_no_positive_number_is_refused() -> None:
    with pytest.raises(UsageError, match="decay nan: must be a positive number, such as 1"):
        Radial(4, 8, float("nan"))


def test_kept_pairs_of_hunyuan_video() -> None:
    assert Radial(30, 3840, 0.95).density == pytest.approx(0.259, abs=5e-4)


def test_pairs_grow_almost_linearly() -> None:
    pairs = [Radial(frames, 256, 1.0, 16).total_pairs for frames in (16, 32, 64)]
    growth = np.diff(np.log2(pairs))
    assert np.all(growth < 1.6) and growth[1] < growth[0]
