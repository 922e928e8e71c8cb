"""Generalized neighbourhood attention: key-for-key semantics, properties, inverse and errors."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Gna
from attnscope.workloads.visibility.gna import GnaAxis
from attnscope.workloads.visibility.gna_rule import inverse_end, inverse_start, window_end, window_start


def matrix(mask: Gna) -> npt.NDArray[np.bool_]:
    return np.array([mask.row(q) for q in range(mask.n_queries)])


def one_axis(length: int, window: int, stride: int, dilation: int, causal: bool) -> npt.NDArray[np.bool_]:
    """The published rule, one token at a time."""
    seen = np.zeros((length, length), np.bool_)
    for x in range(length):
        group, i = x % dilation, x // dilation
        n = len(range(group, length, dilation))
        if causal:
            leader = min(i // stride * stride + stride - 1, n - 1)
            inside = range(max(leader - window + 1, 0), i + 1)
        else:
            leader = min(i // stride * stride + stride // 2, n - 1)
            start = leader - window // 2
            start = max(0, min(start, n - window))
            inside = range(start, start + window)
        for j in inside:
            seen[x, group + dilation * j] = True
    return seen


@st.composite
def gnas(draw: st.DrawFn, longest: int = 12, max_rank: int = 3) -> Gna:
    rank = draw(st.integers(1, max_rank))
    longest = {1: 2 * longest, 2: longest, 3: longest // 2}[rank]
    rows = []
    for _ in range(rank):
        length = draw(st.integers(2, longest))
        window = draw(st.integers(2, length))
        stride = draw(st.integers(1, window))
        rows.append((length, window, stride, draw(st.integers(1, length // window)), draw(st.booleans())))
    return Gna(*zip(*rows, strict=True))


def test_masks_equal_the_vectors_key_for_key(shared: Path) -> None:
    configs = json.loads((shared / "notes/data/gna_masks.json").read_text())["configs"]
    packed = np.load(shared / "notes/data/gna_masks.npz")
    assert len(configs) == 36
    for config in configs:
        keys = ("layout", "window", "stride", "dilation", "causal")
        mask = Gna(*(config[k] for k in keys))
        seen = matrix(mask)
        bits = np.packbits(seen.astype(np.uint8), axis=1)
        assert hashlib.sha256(bits.tobytes()).hexdigest() == config["sha256"], config["id"]
        assert np.array_equal(bits, packed[config["id"]])
        counts, numbers = np.unique(mask.counts(np.arange(mask.n_queries)), return_counts=True)
        assert {str(c): n for c, n in zip(counts, numbers, strict=True)} == config["count_hist"]
        assert mask.total_pairs == config["total_pairs"] == seen.sum()
        for query, row in config["rows"].items():
            assert mask.visible(int(query)).tolist() == row


@given(gnas())
@settings(deadline=None, max_examples=60)
def test_masks_are_products_of_the_published_rule(mask: Gna) -> None:
    expected = np.ones((1, 1), np.bool_)
    for row in zip(mask.layout, mask.window, mask.stride, mask.dilation, mask.causal, strict=True):
        expected = np.kron(expected, one_axis(*row))
    assert np.array_equal(matrix(mask), expected)
    rows = mask.runs(np.arange(mask.n_queries))
    assert np.array_equal(rows.counts(), expected.sum(axis=1))
    statistics, counts = mask.keys_per_query(), expected.sum(axis=1)
    assert (statistics.min, statistics.max, statistics.total_pairs) == (counts.min(), counts.max(), counts.sum())
    assert statistics.mean == pytest.approx(counts.mean())
    assert mask.density == pytest.approx(expected.mean())


@given(gnas())
@settings(deadline=None, max_examples=60)
def test_every_query_sees_itself_and_a_whole_window_unless_causal(mask: Gna) -> None:
    for query in range(mask.n_queries):
        keys = mask.visible(query)
        assert query in keys
        assert np.all(np.diff(keys) > 0)
        if not any(mask.causal):
            assert len(keys) == np.prod(mask.window)


@given(gnas(longest=8))
@settings(deadline=None, max_examples=60)
def test_inverse_neighbourhood_is_the_transposed_mask(mask: Gna) -> None:
    seen = matrix(mask)
    for key in range(mask.n_queries):
        assert mask.seen_by(key).tolist() == np.flatnonzero(seen[:, key]).tolist()


def test_inverse_neighbourhood_for_all_short_axes() -> None:
    cases = 0
    for length in range(2, 34):
        i = np.arange(length)
        for window in range(2, length + 1):
            for stride in range(1, window + 1):
                for causal in (False, True):
                    start = window_start(i, length, window, stride, causal)
                    end = window_end(i, start, window, causal)
                    seen = (start[:, None] <= i) & (i < end[:, None])
                    first, last = (
                        inverse_start(i, window, stride, causal),
                        inverse_end(i, length, window, stride, causal),
                    )
                    expected = (first <= i[:, None]) & (i[:, None] < last)
                    assert np.array_equal(seen, expected), (length, window, stride, causal)
                    cases += length
    assert cases == 326_128


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_a_window_as_long_as_the_axis_is_dense(stride: int) -> None:
    assert matrix(Gna((8, 9), (8, 9), (stride, 1))).all()
    assert np.array_equal(matrix(Gna((8,), (8,), (stride,), causal=(True,))), np.tri(8, dtype=np.bool_))


def test_a_stride_as_long_as_the_window_gives_blocks() -> None:
    assert np.array_equal(matrix(Gna((24,), (8,), (8,))), np.kron(np.eye(3), np.ones((8, 8))).astype(np.bool_))
    short = Gna((20,), (8,), (8,))
    assert short.visible(16).tolist() == list(range(12, 20)), "the last, short group is shifted back"


def test_one_value_stands_for_every_axis_and_none_for_the_default() -> None:
    assert Gna((8, 9), 3, None, None, None) == Gna([8, 9], (3, 3), (1, 1), (1, 1), (False, False))  # type: ignore[arg-type]
    assert Gna((8, 9), (3, 3), 2, 2, True).causal == (True, True)  # type: ignore[arg-type]
    assert hash(Gna(np.array([8, 9]), np.int64(3), np.array([1, 1]))) == hash(Gna((8, 9), (3, 3)))  # type: ignore[arg-type]


def test_nominal_speedup_ignores_causality() -> None:
    mask = Gna((16, 32, 32), (8, 16, 16), (4, 8, 8), causal=(True, False, False))
    assert mask.nominal_speedup == 8.0
    assert 1 / mask.density > 8.0


def test_huge_grids_are_counted_in_64_bit() -> None:
    mask = Gna((4096, 4096, 4096), (64, 65, 66), (3, 4, 5))
    assert mask.total_pairs == 4096**3 * 64 * 65 * 66
    last = mask.n_queries - 1
    assert mask.visible(last)[-1] == last > 2**36 - 2


LEGAL: dict[str, Any] = {"layout": (8, 8), "window": (3, 3), "stride": (1, 1), "dilation": (1, 1), "causal": False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": (3, 1)}, "window 1 on axis 1: window must be >= 2; nearest legal value: 2."),
        ({"window": 0}, "window 0 on axis 0: window must be >= 2; nearest legal value: 2."),
        ({"stride": (0, 1)}, "stride 0 on axis 0: stride must be >= 1; nearest legal value: 1."),
        ({"stride": -2}, "stride -2 on axis 0: stride must be >= 1; nearest legal value: 1."),
        ({"dilation": (1, 0)}, "dilation 0 on axis 1: dilation must be >= 1; nearest legal value: 1."),
        ({"stride": (1, 4)}, "stride 4 on axis 1: stride must be <= the window 3; nearest legal value: 3."),
        (
            {"window": (9, 3)},
            "window 9 x dilation 1 = 9 on axis 0: must be <= the axis length 8; nearest legal value: window 8.",
        ),
        (
            {"window": (3, 4), "dilation": (1, 3)},
            (
                "window 4 x dilation 3 = 12 on axis 1: must be <= the axis length 8; "
                "nearest legal value: window 2 or dilation 2."
            ),
        ),
        (
            {"window": (3, 7), "dilation": (1, 5)},
            "window 7 x dilation 5 = 35 on axis 1: must be <= the axis length 8; nearest legal value: dilation 1.",
        ),
        (
            {"window": (3, 9), "dilation": (1, 5)},
            (
                "window 9 x dilation 5 = 45 on axis 1: must be <= the axis length 8; "
                "nearest legal value: window 8 with dilation 1."
            ),
        ),
        ({"layout": (8, 0)}, "layout 0 on axis 1: layout must be >= 2; nearest legal value: 2."),
        ({"layout": (8, 1)}, "layout 1 on axis 1: layout must be >= 2; nearest legal value: 2."),
        ({"stride": (2,)}, "stride has 1 axes but the layout has 2; give one value, or 2 values."),
        ({"window": (3,)}, "window has 1 axes but the layout has 2; give one value, or 2 values."),
        ({"window": (3, 3, 3)}, "window has 3 axes but the layout has 2; give one value, or 2 values."),
        ({"causal": (True,) * 3}, "causal has 3 axes but the layout has 2; give one value, or 2 values."),
        ({"causal": 1}, "causal must be True, False or a tuple of them, not 1."),
        ({"causal": (True, 0)}, "causal must be True, False or a tuple of them, not (True, 0)."),
        ({"window": 4.0}, "window must be an integer or a tuple of integers, not 4.0."),
        ({"window": (3, 3.5)}, "window must be an integer or a tuple of integers, not (3, 3.5)."),
        ({"window": "3"}, "window must be an integer or a tuple of integers, not '3'."),
        ({"window": True}, "window must be an integer or a tuple of integers, not True."),
        ({"layout": (4, 4, 4, 4)}, "layout (4, 4, 4, 4) has 4 axes; 1 to 3 are possible."),
        ({"layout": ()}, "layout () has 0 axes; 1 to 3 are possible."),
    ],
)
def test_broken_rules_are_named_with_the_nearest_legal_value(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Gna(**LEGAL | change)
    assert str(caught.value) == message


@pytest.mark.parametrize("config", [((8,), (4,), (1,), (2,)), ((8,), (4,), (4,), (1,)), ((8,), (8,), (1,), (1,))])
def test_limits_themselves_are_legal(config: tuple[tuple[int, ...], ...]) -> None:
    assert Gna(*config).n_keys == 8  # type: ignore[arg-type]


def test_ranges_are_checked_before_fit_and_fit_before_stride() -> None:
    with pytest.raises(UsageError, match="stride 0"):
        Gna((8,), (9,), (0,))
    with pytest.raises(UsageError, match="window 9 x dilation 1"):
        Gna((8,), (9,), (10,))


@pytest.mark.parametrize("query", [-1, 64])
def test_queries_outside_the_grid_are_refused(query: int) -> None:
    nearest = 0 if query < 0 else 63
    with pytest.raises(UsageError, match=rf"query {query} is not in \[0, 64\); nearest: {nearest}\."):
        Gna((8, 8), (3, 3)).visible(query)
    with pytest.raises(UsageError, match=rf"key {query} is not in"):
        Gna((8, 8), (3, 3)).seen_by(query)


def test_an_axis_counts_like_its_intervals() -> None:
    for causal in (False, True):
        axis = GnaAxis(23, 4, 3, 3, causal)
        counts = axis.counts()
        assert axis.count_summary() == (counts.min(), counts.max(), counts.sum())
