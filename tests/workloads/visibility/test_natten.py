"""NATTEN's block-sparse predicate against the definition."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.workloads.visibility import Gna, natten_block_sparse, parse_flags, parse_layout, sweep, tile_statistics


def test_published_flags(shared: Path) -> None:
    checked = 0
    with (shared / "notes/data/nattensim_reconstructed.csv").open() as file:
        for row in csv.DictReader(file):
            flag = row["natten_fully_block_sparse"]
            if flag and row["tiling"] == "multi-static":
                sizes = [parse_layout(row[name]) for name in ("layout", "window", "stride", "dilation")]
                mask = Gna(sizes[0], sizes[1], sizes[2], sizes[3], parse_flags(row["causal"]))
                tiles = parse_layout(row["q_tile"]), parse_layout(row["kv_tile"])
                assert natten_block_sparse(mask, *tiles) == tile_statistics(mask, *tiles).block_sparse == (flag == "1")
                checked += 1
    assert checked > 40


@pytest.mark.parametrize(("q_tile", "kv_tile"), [(2, 2), (2, 4), (4, 4), (8, 4), (8, 8), (16, 8)])
def test_it_never_says_yes_wrongly_for_real_tiles(q_tile: int, kv_tile: int) -> None:
    n_missed = 0
    for length in range(2, 41, 3):
        for window in range(2, length + 1):
            strides = np.arange(1, window + 1)[:, None]
            found = sweep((length,), (window,), (1,), (False,), strides, [(q_tile, kv_tile)])
            truth = found["block_sparse"][:, 0]
            said = [natten_block_sparse(Gna((length,), (window,), (int(s),)), q_tile, kv_tile) for (s,) in strides]
            assert not np.any(said & ~truth)
            n_missed += int(np.sum(~np.array(said) & truth))
    assert n_missed > 0 or kv_tile == 8, "it misses some masks of small tiles"


def test_it_errs_for_tiles_of_one_query() -> None:
    mask = Gna((23,), (16,), (1,))
    assert natten_block_sparse(mask, 1, 4)
    assert not tile_statistics(mask, 1, 4).block_sparse


@given(st.integers(2, 20), st.integers(1, 4), st.data())
@settings(deadline=None, max_examples=40)
def test_every_dilation_group_must_pass(length: int, dilation: int, data: st.DataObject) -> None:
    length *= dilation
    window = data.draw(st.integers(2, length // dilation))
    stride = data.draw(st.integers(1, window))
    mask = Gna((length,), (window,), (stride,), (dilation,))
    alone = Gna((length // dilation,), (window,), (stride,))
    assert natten_block_sparse(mask, 2, 2) == natten_block_sparse(alone, 2, 2)


def test_causal_masks_are_never_block_sparse_to_it() -> None:
    assert not natten_block_sparse(Gna((8, 8), (8, 8), causal=(True, False)), (8, 8), (8, 8))
