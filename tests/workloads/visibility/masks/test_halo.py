"""Blocked local attention with a halo."""

from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.workloads.visibility import Halo


@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_rows_are_the_block_and_its_halo(length: int, block: int, halo: int) -> None:
    mask = Halo((length,), (block,), (halo,))
    for q in range(length):
        first = q // block * block
        assert mask.visible(q).tolist() == [k for k in range(length) if first - halo <= k < first + block + halo]


def test_halonet_computes_four_times_the_pairs_of_a_window_of_7() -> None:
    inner = Halo((24, 24), 8, 3)  # type: ignore[arg-type]
    assert inner.keys_per_query().max == (8 + 6) ** 2 == 4 * 49
