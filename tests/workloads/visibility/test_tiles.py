"""Tile statistics: published counts, the definition by brute force for every mask, and errors."""

import csv
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    BlockMask,
    Causal,
    Dense,
    Disc,
    Extra,
    Gna,
    Grid,
    Halo,
    Mask,
    Mixture,
    Mode,
    PowerOfTwo,
    Radial,
    SeparableMask,
    ShiftedGroups,
    ShiftedWindows,
    SlidingWindow,
    Streaming,
    StridedGroups,
    TopKBlocks,
    parse_flags,
    parse_layout,
    tile_statistics,
)
from attnscope.workloads.visibility.tile_values import Tiling
from attnscope.workloads.visibility.tiles import count_tiles

MODES: dict[str, Mode] = {"multi-static": "static", "multi-dynamic": "dynamic", "single-static": "flat"}


def published(shared: Path) -> list[dict[str, str]]:
    with (shared / "notes/data/nattensim_reconstructed.csv").open() as file:
        return list(csv.DictReader(file))


def mask_of(row: dict[str, str]) -> Gna:
    sizes = [parse_layout(row[name]) for name in ("layout", "window", "stride", "dilation")]
    return Gna(sizes[0], sizes[1], sizes[2], sizes[3], parse_flags(row["causal"]))


def test_all_published_tile_counts_are_met(shared: Path) -> None:
    rows = published(shared)
    assert len(rows) == 70
    for row in rows:
        mask = mask_of(row)
        q_tile, kv_tile = parse_layout(row["q_tile"]), parse_layout(row["kv_tile"])
        got = tile_statistics(mask, q_tile, kv_tile, MODES[row["tiling"]])
        counts = (got.n_q_tiles, got.n_kv_tiles, got.visits_max, got.visits_min, got.visits_total)
        names = ("n_q_tiles", "sa_kv_tiles", "max_kv_tiles", "min_kv_tiles", "total_tile_visits")
        assert counts == tuple(int(row[name]) for name in names), row
        assert got.worst_speedup == pytest.approx(float(row["speedup_worst_case"]), abs=6e-5)
        assert got.mean_speedup == pytest.approx(float(row["speedup_mean"]), abs=6e-5)
        flopwise = mask.nominal_speedup if any(mask.causal) else got.flopwise_speedup
        assert flopwise == pytest.approx(float(row["speedup_flopwise"]), abs=6e-5)
        whole_q_tiles = all(x % q == 0 for x, q in zip(mask.layout, q_tile, strict=False))
        if row["tiling"] == "multi-static" and whole_q_tiles:
            assert got.full - got.ragged == int(row["dense_tile_visits"]), row


def test_one_dimensional_window_needs_a_stride_of_256() -> None:
    for q_tile in (128, 256):
        sparse = [s for s in range(1, 257) if tile_statistics(Gna((32768,), (2048,), (s,)), q_tile, 128).block_sparse]
        assert sparse == [256]


@pytest.mark.parametrize(
    ("mask", "tile", "mode", "visited_percent"),
    [
        (Gna((128, 128), (13, 13)), 128, "flat", 10.15625),
        (Gna((128, 128), (13, 13)), (8, 8), "static", 3.2288),
        (Gna((48,) * 3, (12,) * 3, (4,) * 3), (4, 4, 4), "static", 1.5625),
        (Gna((48,) * 3, (20,) * 3, (4,) * 3), (4, 4, 4), "static", 7.2338),
    ],
    ids=["attention-gym flat", "attention-gym tiled", "STA 12", "STA 20"],
)
def test_public_block_densities(mask: Gna, tile: Any, mode: Mode, visited_percent: float) -> None:
    got = tile_statistics(mask, tile, tile, mode)
    assert 100 * got.visits_total / (got.n_q_tiles * got.n_kv_tiles) == pytest.approx(visited_percent, abs=1e-3)
    if mask.stride[0] > 1:
        assert got.block_sparse


def test_tiled_neighbourhood_of_11_cubed_with_edges() -> None:
    got = tile_statistics(Gna((48,) * 3, (11,) * 3), (4, 4, 4), (4, 4, 4))
    dense = got.n_q_tiles * got.n_kv_tiles
    assert 100 * got.partial / dense == pytest.approx(5.27 - 0.092, abs=5e-2)
    assert 100 * got.full / dense == pytest.approx(0.092, abs=1e-3)


@pytest.mark.parametrize(
    ("window", "stride", "dilation", "speedup"),
    [
        ((24, 4, 16), (1, 1, 1), (1, 11, 5), 55.0),
        ((24, 12, 16), (1, 4, 1), (1, 1, 5), 18.3333),
        ((24, 12, 24), (1, 4, 8), (1, 1, 1), 12.2222),
        ((24, 20, 40), (1, 4, 8), (1, 1, 1), 4.4),
        ((24, 28, 56), (1, 4, 8), (1, 1, 1), 2.2449),
    ],
)
def test_cosmos_predict2_patterns_are_block_sparse(
    window: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], speedup: float
) -> None:
    got = tile_statistics(Gna((24, 44, 80), window, stride, dilation), (4, 4, 8), (4, 4, 8))
    assert got.block_sparse
    assert got.worst_speedup == pytest.approx(speedup, abs=1e-4)
    assert got.flopwise_speedup == pytest.approx(speedup, abs=1e-4)


def brute_force(mask: Mask, q_tile: Sequence[int], kv_tile: Sequence[int], mode: Mode) -> dict[str, int]:
    """The definition, token by token, from the rows of the mask alone."""
    flat = mode == "flat"
    dilation = [a.dilation for a in mask.axes] if isinstance(mask, SeparableMask) and not flat else None
    layouts = [(mask.n_queries,), (mask.n_keys,)] if flat else [mask.layout, mask.key_layout]
    dilation = dilation or [1] * len(layouts[0])

    def inside(layout: Sequence[int], token: int) -> list[tuple[int, int]]:
        place = np.unravel_index(token, layout)
        return [(int(x) % d, int(x) // d) for x, d in zip(place, dilation, strict=True)]

    def tile_of(place: list[tuple[int, int]], tile: Sequence[int], origin: Sequence[int]) -> tuple[Any, ...]:
        return tuple((g, (i - o) // t) for (g, i), t, o in zip(place, tile, origin, strict=True))

    zero = [0] * len(layouts[0])
    keys = [inside(layouts[1], k) for k in range(mask.n_keys)]
    tiles: dict[tuple[Any, ...], list[int]] = {}
    for q in range(mask.n_queries):
        tiles.setdefault(tile_of(inside(layouts[0], q), q_tile, zero), []).append(q)
    visits, full, ragged = [], 0, 0
    for queries in tiles.values():
        rows = [set(mask.visible(q).tolist()) for q in queries]
        union = set().union(*rows)
        origin = zero if mode != "dynamic" else [min(keys[k][a][1] for k in union) for a in range(len(zero))]
        groups = {tuple(g for g, _ in keys[k]) for k in union}
        members: dict[tuple[Any, ...], set[int]] = {}
        for k, place in enumerate(keys):
            if tuple(g for g, _ in place) in groups and all(i >= o for (_, i), o in zip(place, origin, strict=True)):
                members.setdefault(tile_of(place, kv_tile, origin), set()).add(k)
        touched = [m for m in members.values() if m & union]
        visits.append(len(touched))
        whole = [m for m in touched if all(m <= row for row in rows)]
        full += len(whole)
        ragged += sum(len(m) < math.prod(kv_tile) for m in whole)
    n_kv_tiles = math.prod(-(-n // t) for n, t in zip(layouts[1], kv_tile, strict=True))
    return {
        "n_q_tiles": len(tiles),
        "n_kv_tiles": n_kv_tiles,
        "visits_total": sum(visits),
        "visits_min": min(visits),
        "visits_max": max(visits),
        "full": full,
        "ragged": ragged,
        "partial": sum(visits) - full,
        "empty": len(tiles) * n_kv_tiles - sum(visits),
    }


def small(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def grids(rank: int) -> st.SearchStrategy[tuple[int, ...]]:
    longest = {1: 24, 2: 8, 3: 4}[rank]
    return st.tuples(*[small(1, longest)] * rank)


@st.composite
def gna_masks(draw: st.DrawFn) -> Mask:
    rank = draw(small(1, 3))
    rows = []
    for _ in range(rank):
        length = draw(small(2, {1: 24, 2: 8, 3: 5}[rank]))
        window = draw(small(2, length))
        rows.append((length, window, draw(small(1, window)), draw(small(1, length // window)), draw(st.booleans())))
    return Gna(*zip(*rows, strict=True))


@st.composite
def grid_masks(draw: st.DrawFn) -> Mask:
    rank = draw(small(1, 3))
    layout = draw(grids(rank))
    per_axis: Callable[[int, int], tuple[int, ...]] = lambda a, b: tuple(draw(small(a, b)) for _ in layout)  # noqa: E731
    window = per_axis(1, 5)
    kinds: list[Callable[[], Mask]] = [
        lambda: ShiftedWindows(layout, window, tuple(draw(small(0, w - 1)) for w in window)),
        lambda: Halo(layout, window, per_axis(0, 3)),
        lambda: StridedGroups(layout, tuple(draw(small(1, n)) for n in layout)),
        lambda: Grid(layout, tuple(draw(st.sampled_from([d for d in range(1, n + 1) if n % d == 0])) for n in layout)),
        lambda: Disc(layout, draw(small(1, 4))),
        lambda: Gna(tuple(n + 1 for n in layout), 2) | Disc(tuple(n + 1 for n in layout), 2),  # type: ignore[arg-type]
    ]
    return draw(st.sampled_from(kinds))()


@st.composite
def sequence_masks(draw: st.DrawFn) -> Mask:
    n_queries = draw(small(1, 16))
    n_keys = n_queries + draw(small(0, 8))
    block = draw(small(1, 5))
    sizes = (n_queries, n_keys)
    blocks = -(-n_queries // block) * -(-n_keys // block)
    kept = np.array(draw(st.lists(st.booleans(), min_size=blocks, max_size=blocks))).reshape(-(-n_queries // block), -1)
    kept[:, 0] = True
    kinds: list[Callable[[], Mask]] = [
        lambda: Dense(*sizes),
        lambda: Causal(*sizes),
        lambda: SlidingWindow(*sizes, draw(small(1, 9)), draw(st.booleans())),
        lambda: Streaming(*sizes, draw(small(1, 6)), draw(small(0, 4))),
        lambda: PowerOfTwo(*sizes, block, draw(small(1, 3)), draw(small(0, 3))),
        lambda: ShiftedGroups(*sizes, block, draw(small(0, block - 1)), draw(st.booleans()), 1, draw(st.booleans())),
        lambda: BlockMask(*sizes, block, kept, draw(st.booleans())),
        lambda: SlidingWindow(*sizes, 4) & PowerOfTwo(*sizes, block),
        lambda: SlidingWindow(*sizes, 4) | Streaming(*sizes, 1, 3),
        lambda: Radial(draw(small(1, 4)), draw(small(1, 6)), draw(st.floats(0.1, 2)), block, draw(st.booleans())),
    ]
    return draw(st.sampled_from(kinds))()


@given(st.one_of(gna_masks(), grid_masks(), sequence_masks()), st.data())
@settings(deadline=None, max_examples=300)
def test_statistics_equal_the_definition(mask: Mask, data: st.DataObject) -> None:
    mode: Mode = data.draw(st.sampled_from(["static", "dynamic", "flat"]))
    rank = 1 if mode == "flat" else len(mask.layout)
    longest = 9 if rank == 1 else 4
    q_tile, kv_tile = (tuple(data.draw(small(1, longest)) for _ in range(rank)) for _ in range(2))
    got = tile_statistics(mask, q_tile, kv_tile, mode).to_dict()
    expected = brute_force(mask, q_tile, kv_tile, mode)
    assert {name: got[name] for name in expected} == expected
    assert got["total_pairs"] == sum(len(mask.visible(q)) for q in range(mask.n_queries))


@given(st.one_of(gna_masks(), grid_masks(), sequence_masks()))
@settings(deadline=None, max_examples=60)
def test_one_tile_is_the_whole_problem_and_tiny_tiles_are_the_mask(mask: Mask) -> None:
    whole = tile_statistics(mask, mask.n_queries, mask.n_keys, "flat")
    assert (whole.n_q_tiles, whole.visits_total, whole.n_kv_tiles) == (1, 1, 1)
    tiny = tile_statistics(mask, 1, 1, "flat")
    assert (tiny.visits_total, tiny.full, tiny.partial) == (mask.total_pairs, mask.total_pairs, 0)
    assert tiny.mean_speedup == pytest.approx(tiny.flopwise_speedup)
    assert tiny.efficiency == 1.0


@given(st.one_of(grid_masks(), sequence_masks()), small(0, 7), small(0, 5), st.data())
@settings(deadline=None, max_examples=60)
def test_extra_tokens_are_a_second_dense_attention(
    mask: Mask, n_keys: int, n_queries: int, data: st.DataObject
) -> None:
    tile = tuple(data.draw(small(1, 4)) for _ in mask.layout)
    size = math.prod(tile)
    inner, outer = (tile_statistics(m, tile, tile) for m in (mask, Extra(mask, n_keys, n_queries)))
    columns, rows = -(-n_keys // size), -(-n_queries // size)
    dense = inner.n_kv_tiles + columns
    assert (outer.n_q_tiles, outer.n_kv_tiles) == (inner.n_q_tiles + rows, dense)
    assert outer.visits_total == inner.visits_total + inner.n_q_tiles * columns + rows * dense
    assert outer.partial == inner.partial
    assert outer.visits_max == (dense if rows else inner.visits_max + columns)
    assert outer.total_pairs == inner.total_pairs + inner.n_queries * n_keys + n_queries * (inner.n_keys + n_keys)


def test_padding_is_to_a_multiple_of_tile_times_dilation() -> None:
    got = tile_statistics(Gna((17, 10), (3, 4), dilation=(4, 1)), (4, 3), (2, 4))
    assert got.n_q_tiles == (2 + 1 + 1 + 1) * 4, "group lengths are 5, 4, 4, 4"
    assert got.padded_queries == 32 * 12
    assert got.padded_keys == 24 * 12
    assert got.n_kv_tiles == 9 * 3, "the baseline tiles the whole undilated grid"


def test_sums_over_heads() -> None:
    full, local = Causal(64), SlidingWindow(64, 0, 8)
    parts = [tile_statistics(m, 8, 8) for m in (full, local)]
    got = tile_statistics(Mixture(((2, full), (3, local))), 8, 8)
    assert got.n_units == 5
    assert got.visits_total == 2 * parts[0].visits_total + 3 * parts[1].visits_total
    assert got.full == 2 * parts[0].full + 3 * parts[1].full
    assert (got.visits_min, got.visits_max) == (1, 8)
    assert got.flopwise_speedup == pytest.approx(5 * 64 * 64 / (2 * full.total_pairs + 3 * local.total_pairs))


def test_huge_grids_take_no_array_of_their_size() -> None:
    got = tile_statistics(Gna((2048, 2048, 4096), (72, 72, 72), (8, 8, 8)), (8, 8, 8), (8, 8, 8))
    assert got.n_q_tiles == 256 * 256 * 512
    assert got.visits_total == got.full == got.n_q_tiles * 9**3


def test_statistics_are_ready_for_json() -> None:
    got = tile_statistics(Gna((8, 8), (3, 3)), 4, 4, "static").to_dict()
    assert got["q_tile"] == (4, 4)
    assert {type(v) for v in got.values()} == {int, float, bool, str, tuple}
    assert got["partial_fraction"] == got["partial"] / got["visits_total"]


@pytest.mark.parametrize(
    ("q_tile", "kv_tile", "mode", "message"),
    [
        ((4, 0), 4, "static", "q_tile 0 on axis 1: q_tile must be >= 1; nearest legal value: 1."),
        ((4, 4), (4, 4, 4), "static", "kv_tile has 3 axes but the layout has 2; give one value, or 2 values."),
        ((4, 4), "4x4", "static", "kv_tile must be an integer or a tuple of integers, not '4x4'."),
        (4, 4, "statik", "no tiling mode 'statik'. Did you mean 'static'? Known: static, dynamic, flat."),
    ],
)
def test_tilings_that_do_not_fit_are_refused(q_tile: Any, kv_tile: Any, mode: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        tile_statistics(Gna((8, 8), (3, 3)), q_tile, kv_tile, mode)
    assert str(caught.value) == message


def test_only_masks_and_mixtures_have_tiles() -> None:
    with pytest.raises(UsageError, match="object has no tile counts"):
        count_tiles(object(), Tiling((4,), (4,)))  # type: ignore[arg-type]


def test_a_mask_without_any_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="the mask shows no key to any query; there is nothing to tile"):
        tile_statistics(BlockMask(8, 8, 4, np.zeros((2, 2), np.bool_)), 4, 4)


def test_top_k_counts_do_not_depend_on_the_scores() -> None:
    family = TopKBlocks(24, 48, 4, 3)
    random = np.random.default_rng(7)
    members = [family.select(random.random((6, 12))) for _ in range(4)]
    for q_tile, kv_tile in itertools.product((1, 2, 4), repeat=2):
        expected = tile_statistics(family, q_tile, kv_tile)
        assert all(tile_statistics(m, q_tile, kv_tile) == expected for m in members)
