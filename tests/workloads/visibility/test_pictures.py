"""Values behind the pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    Disc,
    Extra,
    Gna,
    Mask,
    Mode,
    Streaming,
    key_picture,
    tile_picture,
    tile_statistics,
)
from attnscope.workloads.visibility.pictures import EMPTY, FULL, PARTIAL, planes_of

MASKS: list[Mask] = [
    Gna((9, 10), (3, 4), (2, 3), (3, 2), (True, False)),
    Gna((5, 6, 7), (3, 3, 3), (1, 2, 3)),
    Streaming(24, 30, 5, 3),
    Extra(Disc((6, 7), 3), 5, 4),
]


@pytest.mark.parametrize("mask", MASKS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("mode", ["static", "flat"])
@given(size=st.integers(1, 5))
@settings(deadline=None, max_examples=5)
def test_states_add_up_to_the_statistics(mask: Mask, mode: Mode, size: int) -> None:
    picture = tile_picture(mask, size, size + 1, mode)
    got = tile_statistics(mask, size, size + 1, mode)
    assert picture.states.shape[0] == got.n_q_tiles
    assert np.sum(picture.states != EMPTY) == got.visits_total
    assert np.sum(picture.states == FULL) == got.full
    assert np.sum(picture.states == PARTIAL) == got.partial


@pytest.mark.parametrize("mode", ["static", "dynamic", "flat"])
def test_one_q_tile_lies_on_the_grid_of_kv_tiles(mode: Mode) -> None:
    mask = Gna((12, 16), (5, 6), (2, 2), (1, 2))
    got = tile_statistics(mask, (4, 4), (2, 4), mode)
    rows = [tile_picture(mask, (4, 4), (2, 4), mode, index=i).states for i in range(got.n_q_tiles)]
    assert all(r.ndim == (1 if mode == "flat" else 2) for r in rows)
    assert sum(int(np.sum(r != EMPTY)) for r in rows) == got.visits_total
    assert sum(int(np.sum(r == FULL)) for r in rows) == got.full


def test_keys_lie_on_the_grid() -> None:
    picture = key_picture(Gna((8, 9), (3, 5)), 40)
    assert picture.place == (4, 4)
    assert picture.seen.shape == (8, 9)
    assert np.argwhere(picture.seen)[[0, -1]].tolist() == [[3, 2], [5, 6]]


def test_extra_keys_are_counted_beside_the_grid() -> None:
    mask = Extra(Disc((6, 7), 3), 5, 4)
    assert key_picture(mask, 0).n_extra_seen == 5
    beside = key_picture(mask, 43)
    assert beside.place == () and beside.seen.all() and beside.n_extra_seen == 5


def test_equal_planes_are_joined() -> None:
    cells = np.array([0, 1, 1, 1, 0]).reshape(5, 1, 1)
    assert [p.title for p in planes_of(cells)] == ["plane 0", "planes 1 to 3", "plane 4"]
    assert [p.cells.shape for p in planes_of(np.zeros(4))] == [(1, 4)]


def test_pictures_that_cannot_be_drawn_are_refused() -> None:
    mask = Gna((256, 256), (8, 8))
    with pytest.raises(UsageError, match="4096 x 4096 tiles of 65536 queries are too many"):
        tile_picture(mask, 4, 4)
    with pytest.raises(UsageError, match=r"Q tile 4096 is not in \[0, 4096\); nearest: 4095"):
        tile_picture(mask, 4, 4, index=4096)
    with pytest.raises(UsageError, match="dynamic KV tiles differ from Q tile to Q tile; choose one Q tile"):
        tile_picture(Gna((8, 8), (4, 4)), 4, 4, "dynamic")
    with pytest.raises(UsageError, match="dynamic tiles are not drawn for a mask with extra tokens"):
        tile_picture(Extra(Disc((6, 7), 3), 5), 4, 4, "dynamic", 0)
