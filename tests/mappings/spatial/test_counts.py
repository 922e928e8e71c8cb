"""The pure counts, against enumeration."""

from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnscope.mappings.spatial import counts

extents = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=3)


@given(spaces=extents, instances=st.integers(1, 5), op_cycles=st.integers(1, 7))
def test_array_cycles_count_the_steps_of_a_loop_nest(
    spaces: list[tuple[int, int]], instances: int, op_cycles: int
) -> None:
    sizes, lanes = zip(*spaces, strict=True)
    steps = {tuple(c // n for c, n in zip(at, lanes, strict=True)) for at in product(*map(range, sizes))}
    assert counts.array_cycles(instances, sizes, lanes, op_cycles) == instances * op_cycles * len(steps)
    assert counts.points(instances, sizes) == instances * prod(sizes)


@given(bound=st.integers(1, 40), tiles=st.integers(1, 400))
def test_block_tiles_is_the_largest_divisor_within_the_bound(bound: int, tiles: int) -> None:
    assert counts.block_tiles(bound, tiles) == max(d for d in range(1, tiles + 1) if tiles % d == 0 and d <= bound)


@pytest.mark.parametrize(("a", "b", "expected"), [(0, 4, 0), (1, 4, 1), (4, 4, 1), (5, 4, 2), (2**70 + 1, 2**69, 3)])
def test_ceil_div_is_exact(a: int, b: int, expected: int) -> None:
    assert counts.ceil_div(a, b) == expected


@given(fills=st.integers(0, 10**9), accesses=st.integers(0, 10**9), share=st.floats(0, 1))
def test_spilled_words_lie_between_fills_and_accesses(fills: int, accesses: int, share: float) -> None:
    found = counts.spilled_words(fills, accesses, share)
    assert min(fills, accesses) * (1 - 1e-12) <= found <= max(fills, accesses) * (1 + 1e-12)
    assert counts.spilled_words(fills, accesses, 0.0) == fills
    assert counts.spilled_words(fills, accesses, 1.0) == accesses


def test_small_counts() -> None:
    assert counts.first_read_elided(1) == 0.0
    assert counts.first_read_elided(4) == 0.75
    assert counts.streamed_words(10, 3) == 30
    assert counts.pj(2e12, 3.0) == pytest.approx(6.0)
