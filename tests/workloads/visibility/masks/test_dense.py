"""Dense attention."""

import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Dense, Gna


def test_everything_is_seen() -> None:
    mask = Dense(3, 5)
    assert all(mask.row(q).all() for q in range(3))
    assert (mask.total_pairs, mask.density) == (15, 1.0)
    assert mask.layout == (3,) and mask.key_layout == (5,)


def test_as_many_keys_as_queries_unless_said() -> None:
    assert Dense(4) == Dense(4, 4)
    assert Dense(6).total_pairs == Gna((6,), (6,)).total_pairs


@pytest.mark.parametrize(("sizes", "message"), [((0, 4), "n_queries 0: must be >= 1"), ((4, -1), "n_keys -1: must")])
def test_illegal_lengths(sizes: tuple[int, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Dense(*sizes)
