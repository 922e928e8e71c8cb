"""FuseMax's sizing rule reproduces the published sweep over array sizes (FuseMax, MICRO 2024, figure 12)."""

import csv
from pathlib import Path

import pytest

from attnscope.mappings.spatial import evaluate, load_mapping
from attnscope.mappings.spatial.sizing import doubled, starting_size
from attnscope.simulator.device import spatial_device
from attnscope.workloads.models import load_model

# Source: FuseMax artefact: buffer KiB, words per PE and lane, latency of one BERT layer at 256K, area in cm^2.
SWEEP = {
    16: (16, 4, 16, 30266.668803, 0.054412305),
    32: (32, 4, 16, 7566.8813781, 0.20315554),
    64: (64, 4, 16, 1891.8274331, 0.78369596),
    128: (128, 8, 32, 473.0104026, 3.0790761),
    256: (256, 16, 64, 118.2793728, 12.208944),
    512: (1024, 32, 128, 29.5832293, 48.85081),
}


@pytest.mark.parametrize(("side", "published"), SWEEP.items())
def test_arrays_of_the_published_sweep(side: int, published: tuple[int, int, int, float, float]) -> None:
    device = spatial_device(f"fusemax-{side}")
    found = evaluate(load_model("bert").attention(1 << 18), load_mapping("fusemax"), device)
    assert device.buffer.capacity_bytes == published[0] * 1024
    assert (device.array_2d.registers.words, device.array_1d.registers.words) == published[1:3]
    assert found.latency_s == pytest.approx(published[3], rel=1e-8)
    assert device.area_mm2 / 100 == pytest.approx(published[4], rel=1e-4)


@pytest.mark.parametrize("side", SWEEP)
def test_the_rule_gives_the_shipped_sizes(side: int) -> None:
    size, device = starting_size(side), spatial_device(f"fusemax-{side}")
    while size.buffer_bytes < device.buffer.capacity_bytes:
        fields = {"buffer.capacity_bytes": size.buffer_bytes}
        smaller = evaluate(
            load_model("bert").attention(1 << 18), load_mapping("fusemax"), spatial_device(device.name, fields)
        )
        assert smaller.limiter == "dram"  # which is why the rule doubles
        size = doubled(size)
    assert size.buffer_bytes == device.buffer.capacity_bytes
    assert size.registers_2d_words == device.array_2d.registers.words
    assert size.registers_1d_words == device.array_1d.registers.words
    assert size.tiles_in_flight == 2 * max(1, side // 64)


def test_every_row_of_the_published_sweep(shared: Path) -> None:
    lines = (shared / "notes/data/fusemax_pareto.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if line[0] != "#"))
    assert len(rows) == 11
    for row in rows:
        device = spatial_device(f"fusemax-{row['pe_dim']}")
        found = evaluate(load_model(row["model"].lower()).attention(1 << 18), load_mapping("fusemax"), device)
        assert found.latency_s == pytest.approx(float(row["latency_s"]), rel=1e-9)
        assert found.bytes["dram"] == pytest.approx(float(row["dram_bytes"]), rel=1e-9)
        assert found.choices["query_tiles_per_block"] == int(row["P1"])
        assert found.choices["query_blocks"] == int(row["P2"])
        assert device.area_mm2 / 100 == pytest.approx(float(row["area_cm2"]), rel=1e-4)
