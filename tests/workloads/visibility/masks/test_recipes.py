"""Published mixtures and their published ratios."""

import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    Causal,
    crossformer,
    duo_attention,
    masformer,
    maxvit,
    shifted_sparse_attention,
    swin,
)


@pytest.mark.parametrize(("share", "ratio"), [(0.25, 3.96), (0.5, 1.99)])
def test_duo_attention_reads_less_of_the_cache_at_100k(share: float, ratio: float) -> None:
    assert 1 / duo_attention(1, 100_000, 32, share).density == pytest.approx(ratio, abs=6e-3)


def test_duo_attention_without_one_kind_of_head() -> None:
    assert len(duo_attention(8, 8, 4, 1.0).parts) == len(duo_attention(8, 8, 4, 0.0).parts) == 1
    with pytest.raises(UsageError, match=r"full_fraction 1\.5 is not in \[0, 1\]; nearest: 1"):
        duo_attention(8, 8, 4, 1.5)


def test_shifted_sparse_attention_halves_the_heads() -> None:
    mixture = shifted_sparse_attention(64, 16, 7)
    assert [(n, getattr(m, "shift", None)) for n, m in mixture.parts] == [(4, 0), (3, 8)]
    assert shifted_sparse_attention(64, 16, 1).n_units == 1


def test_block_and_grid_attention_cost_the_same() -> None:
    block, grid = (m for _, m in maxvit((56, 56), (7, 7), (7, 7)).parts)
    assert block.total_pairs == grid.total_pairs == 49 * 56 * 56


def test_short_and_long_distance_attention_cost_the_same() -> None:
    short, long = (m for _, m in crossformer((56, 56), (7, 7), (8, 8)).parts)
    assert short.total_pairs == long.total_pairs


def test_swin_shifts_by_half_a_window() -> None:
    assert getattr(swin((56, 56), (7, 7)).parts[1][1], "shift", None) == (3, 3)


def test_masformer_saves_up_to_three_quarters() -> None:
    full, some = Causal(8192).total_pairs * 24, masformer(8192, 24, 4, 1024)
    assert 0.7 < 1 - some.total_pairs / full < 0.8
