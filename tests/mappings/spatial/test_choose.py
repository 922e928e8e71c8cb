"""The free sizes: P1 of the fused mappings, FLAT's published choices, the unfused search, and what is refused."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial import evaluate
from attnscope.mappings.spatial.choose import blocks_of
from attnscope.mappings.spatial.evaluate import resolve
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.units import parse_length
from attnscope.workloads.models import load_model
from attnscope.workloads.shape import AttentionShape
from tests.mappings.spatial import oracle
from tests.mappings.spatial.strategies import STUDY, pair, shapes


def tiling(mapping: str, shape: AttentionShape, block: int | None = None, **fields: Any) -> Tiling:
    return resolve(shape, *pair(mapping, fields), block)[2]


# Source: FuseMax artefact: P1 at E = F = 64 in 16 MiB; +Cascade keeps its score tiles in the buffer as well.
@pytest.mark.parametrize(
    ("mapping", "p1"),
    [
        ("fusemax", (4, 16, 64, 128, 128, 128)),
        ("fusemax-serial", (4, 16, 64, 128, 128, 128)),
        ("cascade", (4, 16, *[32] * 4)),
    ],
)
def test_query_tiles_per_block(mapping: str, p1: tuple[int, ...]) -> None:
    lengths = [1 << bits for bits in range(10, 21, 2)]
    assert tuple(tiling(mapping, load_model("bert").attention(n)).block_tiles for n in lengths) == p1


def test_wider_heads_leave_room_for_fewer_queries() -> None:
    assert tiling("fusemax", load_model("xlm").attention(1 << 20)).block_tiles == 64


# Source: corrected FLAT search of the FuseMax artefact, cloud, E = F = 64: granularity, rows, spilled share, dataflow.
FLAT_CHOICES = {
    "512": ("head", 512, 0.0, "output"),
    "1K": ("head", 1024, 0.0, "output"),
    "4K": ("head", 4096, 1 / 129, "output"),
    "8K": ("row", 1024, 0.0, "output"),
    "16K": ("row", 1024, 1 / 129, "output"),
    "32K": ("row", 512, 1 / 129, "output"),
    "64K": ("row", 256, 1 / 129, "output"),
    "256K": ("row", 1024, 0.0, "weight"),
    "1M": ("row", 1024, 0.0, "weight"),
}


@pytest.mark.parametrize(("length", "choice"), FLAT_CHOICES.items())
def test_choices_of_flat(length: str, choice: tuple[str, int, float, str]) -> None:
    found = tiling("flat", load_model("bert").attention(parse_length(length)))
    assert (found.granularity, found.block_tiles * 256, found.dataflow) == (choice[0], choice[1], choice[3])
    assert found.spill_fraction == pytest.approx(choice[2], rel=1e-12)
    waits = {tensor for tensor, place in found.places.items() if place == "buffer"}
    assert waits == ({"Q", "AV"} if choice[3] == "weight" else {"AV"} if length == "64K" else set())


def test_every_cloud_choice_of_the_flat_search(shared: Path) -> None:
    lines = (shared / "notes/data/fusemax_flat_mappings.csv").read_text().splitlines()
    rows = [r for r in csv.DictReader(line for line in lines if line[0] != "#") if r["platform"] == "cloud"]
    assert len(rows) == 25
    for row in rows:
        shape = load_model(row["model"].lower()).attention(parse_length(row["seq_label"]))
        found = tiling("flat", shape)
        assert found.granularity == row["fusion_granularity"]
        assert found.dataflow == row["QK_stationarity"]
        assert found.spill_fraction == pytest.approx(float(row["fraction_spilled"]), abs=1e-9)
        assert found.granularity == "head" or found.block_tiles * 256 == int(row["P1_rows"])
        assert found.spilled == (row["QK_loc"] == "offchip")
        for tensor in ("Q", "AV"):
            assert (found.places[tensor] == "buffer") == (row[f"{tensor}_loc"] == "onchip")


@settings(deadline=None, max_examples=60)
@given(shape=shapes(longest=1 << 15), buffer=st.sampled_from((1 << 21, 1 << 23, 1 << 25)))
def test_unfused_search_keeps_the_cheaper_operand_of_each_product(shape: AttentionShape, buffer: int) -> None:
    how, device = pair("unfused", {"buffer.capacity_bytes": buffer})
    x = oracle.point(shape, device)
    words = buffer // x.w

    def blocks(extent: int, width: int, partner_words: int) -> int:
        rows = max(1, (words - partner_words) // width)
        return -(-extent // min(rows, extent))

    q, k = x.T * x.P * x.E, x.T * x.M * x.E
    v, av = x.T * x.M * x.F, x.T * x.P * x.F
    scores = min(q + k * blocks(x.P, x.E, x.rows * x.E), k + q * blocks(x.M, x.E, x.columns * x.E))
    products = min(
        av + v * blocks(x.P, x.F, x.rows * x.F), v + av * (2 * blocks(x.M, x.F, x.columns * x.F) - 1)
    )  # partial sums come back for every block of values but the first
    between = 4 * x.el if 2 * x.w * x.M <= buffer else None  # else even a row of scores is read pass by pass
    if between is not None:
        assert evaluate(shape, how, device).bytes["dram"] == x.w * (scores + products + between)


@pytest.mark.parametrize("mapping", ["fusemax", "fusemax-serial", "cascade"])
@settings(deadline=None, max_examples=40)
@given(shape=shapes(), buffer=st.sampled_from((1 << 20, 1 << 22, 1 << 24)))
def test_no_chosen_block_outgrows_the_buffer(mapping: str, shape: AttentionShape, buffer: int) -> None:
    how, device = pair(mapping, {"buffer.capacity_bytes": buffer})
    try:
        found = evaluate(shape, how, device)
    except IllegalMappingError:
        return
    assert 0 < found.occupancy_bytes["buffer"] <= buffer * how.buffer_share
    assert found.choices["query_tiles_per_block"] * found.choices["query_blocks"] == -(
        -oracle.point(shape, device).P // 256
    )


def test_a_block_of_ones_own_choice() -> None:
    shape = load_model("bert").attention(1 << 16)
    assert tiling("fusemax", shape, 251).blocks == 2
    assert tiling("fusemax", shape, 100).blocks == 3
    whole = evaluate(shape, *pair("fusemax"))
    finer = evaluate(shape, *pair("fusemax"), block=64)
    assert finer.bytes["dram"] > whole.bytes["dram"]
    assert finer.occupancy_bytes["buffer"] < whole.occupancy_bytes["buffer"]
    assert tiling("flat", shape, 2).block_tiles == 2


@pytest.mark.parametrize(
    ("mapping", "block", "words"),
    [
        (
            "fusemax",
            300,
            "a block of 300 query tiles does not fit the buffer of fusemax; legal: 1 to 251. Nearest legal: 251.",
        ),
        (
            "fusemax",
            0,
            "a block of 0 query tiles does not fit the buffer of fusemax; legal: 1 to 251. Nearest legal: 1.",
        ),
        (
            "flat",
            257,
            "a block of 257 query tiles does not fit the buffer of flat-cloud; legal: 1 to 256. Nearest legal: 256.",
        ),
        ("unfused", 4, "has no query blocks to choose; leave --block out, or use a fused mapping."),
    ],
)
def test_blocks_that_are_refused(mapping: str, block: int, words: str) -> None:
    with pytest.raises(IllegalMappingError) as refused:
        evaluate(load_model("bert").attention(1 << 16), *pair(mapping), block=block)
    assert str(refused.value) == f"mapping {mapping}: {words}"


def test_a_tile_that_does_not_fit_is_refused_with_the_buffer_that_would_do() -> None:
    shape, fields = AttentionShape(1, 1, 1, 256, 256, 64, 64), {"buffer.capacity_bytes": 1 << 16}
    with pytest.raises(IllegalMappingError) as refused:
        evaluate(shape, *pair("fusemax", fields))
    assert str(refused.value) == (
        "mapping fusemax: one tile of 256 queries with E = 64, F = 64 needs 129 KiB of buffer; fusemax has 64 KiB. "
        "Nearest legal: buffer.capacity_bytes = 132096, or narrower heads."
    )
    assert evaluate(shape, *pair("fusemax", {"buffer.capacity_bytes": 132_096})).choices["query_tiles_per_block"] == 1
    with pytest.raises(IllegalMappingError):
        evaluate(shape, *pair("fusemax", {"buffer.capacity_bytes": 132_095}))


def test_the_buffer_named_for_the_cascade_on_flat_hardware_is_enough() -> None:
    shape = AttentionShape(1, 1, 1, 256, 256, 64, 64)
    with pytest.raises(IllegalMappingError, match=r"Nearest legal: buffer.capacity_bytes = (\d+)") as refused:
        evaluate(shape, *pair("cascade", {"buffer.capacity_bytes": 1 << 16}))
    need = int(str(refused.value).split("buffer.capacity_bytes = ")[1].split(",")[0])
    assert evaluate(shape, *pair("cascade", {"buffer.capacity_bytes": need})).choices["query_tiles_per_block"] == 1
    with pytest.raises(IllegalMappingError):
        evaluate(shape, *pair("cascade", {"buffer.capacity_bytes": need - 2}))


@pytest.mark.parametrize(
    ("extent", "capacity_words", "blocks"), [(100, 1000, 1), (100, 999, 2), (100, 10, 100), (1, 0, 1)]
)
def test_blocks_of_a_tensor(extent: int, capacity_words: int, blocks: int) -> None:
    assert blocks_of(extent, 10, 0, 2 * capacity_words, 2) == blocks


@pytest.mark.parametrize("mapping", STUDY)
def test_a_single_query_and_key_are_legal(mapping: str) -> None:
    found = evaluate(AttentionShape(1, 1, 1, 1, 1, 1, 1), *pair(mapping))
    assert found.latency_s > 0
    assert found.choices["tiles"] == 1
