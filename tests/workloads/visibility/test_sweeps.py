"""Sweeps over strides and tile pairs against single answers, and the published sweep."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import SWEEP_DTYPE, Gna, legal_strides, sweep, tile_statistics, undominated

PAIRS = [((2, 3), (3, 2)), ((1, 4), (2, 2)), ((2, 3), (3, 2)), ((5, 2), (4, 16))]


@st.composite
def cases(draw: st.DrawFn) -> tuple[tuple[Any, ...], ...]:
    rows = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(2, 10))
        window = draw(st.integers(2, min(length, 4)))
        rows.append((length, window, draw(st.integers(1, length // window)), draw(st.booleans())))
    return tuple(zip(*rows, strict=True))


@given(cases(), st.sampled_from(["static", "dynamic"]), st.data())
@settings(deadline=None, max_examples=60)
def test_each_answer_equals_the_single_one(case: tuple[Any, ...], mode: Any, data: st.DataObject) -> None:
    layout, window, dilation, causal = case
    tile = st.tuples(*[st.integers(1, 5)] * len(layout))
    pairs = data.draw(st.lists(st.tuples(tile, tile), min_size=1, max_size=4))
    strides = legal_strides(window)
    got = sweep(layout, window, dilation, causal, strides, pairs, mode)
    assert got.shape == (len(strides), len(pairs)) and got.dtype == SWEEP_DTYPE
    for i, stride in enumerate(strides):
        mask = Gna(layout, window, tuple(stride), dilation, causal)
        for p, (q_tile, kv_tile) in enumerate(pairs):
            expected = tile_statistics(mask, q_tile, kv_tile, mode).to_dict()
            assert {name: got[i, p][name].item() for name in SWEEP_DTYPE.names or ()} == {
                name: pytest.approx(expected[name]) for name in SWEEP_DTYPE.names or ()
            }


def test_the_video_sweep_leaves_twelve_strides() -> None:
    window = (18, 24, 24)
    strides = legal_strides(window)
    assert len(strides) == 10_368
    found = sweep((30, 48, 80), window, (1, 1, 1), (False,) * 3, strides, [((4, 8, 8), (2, 8, 8))])
    speedups = found["worst_speedup"][:, 0]
    kept = undominated(strides, speedups)
    survivors = {tuple(map(int, s)): float(v) for s, v in zip(strides[kept], speedups[kept], strict=True)}
    assert survivors == {
        (1, 1, 1): pytest.approx(3.2727, abs=1e-3),
        (1, 1, 8): pytest.approx(5.4545, abs=1e-3),
        (1, 8, 1): pytest.approx(5.4545, abs=1e-3),
        (1, 8, 8): pytest.approx(9.0909, abs=1e-3),
        (2, 1, 1): pytest.approx(3.6, abs=1e-3),
        (2, 1, 8): pytest.approx(6.0, abs=1e-3),
        (2, 8, 1): pytest.approx(6.0, abs=1e-3),
        (2, 8, 8): pytest.approx(10.0, abs=1e-3),
        (16, 1, 1): pytest.approx(4.0, abs=1e-3),
        (16, 1, 8): pytest.approx(6.6667, abs=1e-3),
        (16, 8, 1): pytest.approx(6.6667, abs=1e-3),
        (16, 8, 8): pytest.approx(11.1111, abs=1e-3),
    }


def test_legal_strides_run_from_one_to_the_window() -> None:
    assert legal_strides((2, 3)).tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_pruning_equals_its_definition(data: st.DataObject) -> None:
    window = data.draw(st.sampled_from([(7,), (3, 4), (2, 3, 2)]))
    strides = legal_strides(window)
    chosen = data.draw(st.lists(st.integers(0, len(strides) - 1), min_size=1, unique=True))
    strides = strides[chosen]
    speedups = np.array(data.draw(st.lists(st.integers(1, 4), min_size=len(strides), max_size=len(strides))), float)
    expected = [
        not any(
            np.all(other <= stride) and np.any(other != stride) and better >= speedup
            for other, better in zip(strides, speedups, strict=True)
        )
        for stride, speedup in zip(strides, speedups, strict=True)
    ]
    assert undominated(strides, speedups).tolist() == expected


def test_long_axes_are_filled_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: tuple[Any, ...] = ((64,), (16,), (2,), (True,), legal_strides((16,)), [((4,), (8,))])
    whole = sweep(*arguments)
    monkeypatch.setattr("attnscope.workloads.visibility.sweeps.CHUNK", 40)
    assert np.array_equal(sweep(*arguments), whole)


@pytest.mark.parametrize(
    ("strides", "message"),
    [
        ([[1, 4]], "stride 4 on axis 1: stride must be <= the window 3"),
        ([[0, 1]], "stride 0 on axis 0: stride must be >= 1"),
        ([[1, 1, 1]], r"strides must be integers of shape \[n, 2\], n >= 1, not int64 \[1, 3\]"),
        ([[1.5, 1.0]], r"strides must be integers of shape \[n, 2\]"),
        (np.ones((0, 2), np.int64), "n >= 1"),
    ],
)
def test_illegal_strides_are_refused(strides: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sweep((8, 8), (3, 3), (1, 1), (False, False), strides, PAIRS)


def test_illegal_tiles_and_modes_are_refused() -> None:
    with pytest.raises(UsageError, match="kv_tile has 3 axes but the layout has 2"):
        sweep((8, 8), (3, 3), (1, 1), (False, False), [[1, 1]], [((4, 4), (2, 2, 2))])
    with pytest.raises(UsageError, match="a sweep cannot use mode 'flat'; use 'static' or 'dynamic'"):
        sweep((8, 8), (3, 3), (1, 1), (False, False), [[1, 1]], PAIRS, "flat")
