"""Compiled loops give what they give uncompiled."""

import numpy as np
import pytest

from attnscope.workloads.visibility import SWEEP_DTYPE, Disc, Gna
from attnscope.workloads.visibility.compiled import count_flat_tiles, count_interval_tiles
from attnscope.workloads.visibility.compiled_sweep import combine
from attnscope.workloads.visibility.walk import tiles_of_queries, to_rank


@pytest.mark.parametrize("dynamic", [False, True])
def test_interval_tiles(dynamic: bool) -> None:
    mask = Disc((9, 11), 4)
    for queries, offsets in tiles_of_queries(mask.layout, (4, 4), 40):
        arguments = (*mask.runs(queries), offsets, to_rank(mask.layout), to_rank((2, 3)), dynamic)
        assert np.array_equal(count_interval_tiles(*arguments), count_interval_tiles.py_func(*arguments))


@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
def test_flat_tiles(dilation: tuple[int, int]) -> None:
    mask = Gna((7, 12), (3, 4), (2, 1), dilation)
    tables = [axis.interval(np.arange(axis.n_queries)) for axis in mask.axes]
    one = np.zeros(1, np.int64)
    starts, ends = [one, tables[0][0], tables[1][0]], [one + 1, tables[0][1], tables[1][1]]
    grids = (to_rank(mask.layout), to_rank(mask.layout), to_rank(dilation))
    arguments = (*grids, *starts, *ends, np.array([16, 4]))
    assert np.array_equal(count_flat_tiles(*arguments), count_flat_tiles.py_func(*arguments))


def test_products_of_tables() -> None:
    tables = [np.random.default_rng(5).integers(1, 9, (2, 3, 7)) for _ in range(3)]
    where = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1]])
    compiled, plain = (np.zeros((3, 3), SWEEP_DTYPE) for _ in range(2))
    combine(where, *tables, 1000.0, compiled)
    combine.py_func(where, *tables, 1000.0, plain.view(np.recarray))
    assert np.array_equal(compiled, plain)
