"""Discs, and the counts of CLEAR."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Disc, Extra


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_rows_are_the_keys_within_the_radius(layout: list[int], radius: int) -> None:
    mask = Disc(tuple(layout), radius)
    places = np.argwhere(np.ones(layout))
    for q, place in enumerate(places):
        near = ((places - place) ** 2).sum(axis=1) < radius**2
        assert np.array_equal(mask.row(q), near)


def test_a_broken_radius_is_refused() -> None:
    with pytest.raises(UsageError, match=r"radius must be an integer, not 8\.5"):
        Disc((16, 16), 8.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("radius", "keys"), [(8, 193), (16, 793), (32, 3205)])
def test_keys_of_the_published_radii(radius: int, keys: int) -> None:
    assert Disc((128, 128), radius).keys_per_query().max == keys


def test_published_reduction_of_attention_at_8k() -> None:
    text = 512
    assert 1 - Extra(Disc((512, 512), 8), text, text).density == pytest.approx(0.9954, abs=5e-5)
    assert 1 - Extra(Disc((64, 64), 8), text, text).density == pytest.approx(0.753, abs=5e-3)
