"""Linear layers: published latencies and energies, compulsory traffic, blocks where an operand does not fit."""

import csv
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attnscope.mappings.spatial import evaluate_gemm
from attnscope.simulator.device import spatial_device
from attnscope.simulator.estimate import Estimate
from attnscope.workloads.models import load_model
from attnscope.workloads.shape import Gemm

FUSEMAX, FLAT = spatial_device("fusemax"), spatial_device("flat-cloud")
sizes = st.one_of(st.integers(1, 600), st.integers(1, 1 << 16))


def layer(model: str, length: int, device: str = "fusemax", accounting: str = "published") -> list[Estimate]:
    found = load_model(model)
    gemms = found.linear_layers(found.attention(length))
    return [evaluate_gemm(gemm, spatial_device(device), accounting) for gemm in gemms]  # type: ignore[arg-type]


# Source: FuseMax artefact, six projections and feed-forward products of one encoder layer at 1K, batch 64.
@pytest.mark.parametrize(("model", "latency_ms"), [("bert", 7.5296681), ("trxl", 13.386077), ("t5", 3.4858956)])
def test_published_latency(model: str, latency_ms: float) -> None:
    assert sum(part.latency_s for part in layer(model, 1024)) * 1e3 == pytest.approx(latency_ms, rel=1e-7)


def test_published_cycles_and_energy_of_bert() -> None:
    assert sum(p.latency_s for p in layer("bert", 1024)) * 940e6 == pytest.approx(7_077_888, rel=1e-12)
    assert sum(p.energy_j for p in layer("bert", 1024, "flat-cloud")) == pytest.approx(8.4053, rel=1e-4)
    assert sum(p.energy_j for p in layer("bert", 1024)) == pytest.approx(8.2244, rel=1e-4)


def test_projections_of_t5_are_memory_bound() -> None:
    limits = {part.workload: part.limiter for part in layer("t5", 1024)}
    assert {name for name, limiter in limits.items() if limiter == "dram"} == {
        "query projection",
        "key projection",
        "value projection",
        "output projection",
    }
    assert {part.limiter for part in layer("bert", 1024)} == {"array_2d"}


def test_every_published_linear_layer(shared: Path) -> None:
    lines = (shared / "notes/data/fusemax_linear_layers.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if line[0] != "#"))
    assert len(rows) == 32
    for row in rows:
        device = "fusemax" if row["platform"].startswith("FuseMax") else "flat-cloud"
        parts = layer(row["model"].lower(), int(row["seq_len"]), device)
        assert sum(part.latency_s for part in parts) == pytest.approx(float(row["latency_s"]), rel=1e-9)
        assert sum(part.bytes["dram"] for part in parts) == pytest.approx(float(row["dram_bytes"]), rel=1e-9)
        assert sum(part.energy_j for part in parts) == pytest.approx(float(row["energy_pj"]) * 1e-12, rel=1e-4)


@settings(deadline=None, max_examples=100)
@given(rows=sizes, inner=sizes, columns=sizes)
def test_never_faster_than_the_roofline(rows: int, inner: int, columns: int) -> None:
    gemm = Gemm("x", rows, inner, columns)
    found = evaluate_gemm(gemm, FUSEMAX)
    compulsory = 2 * (gemm.input_words + gemm.output_words)
    assert found.bytes["dram"] >= compulsory
    assert found.latency_s >= gemm.macs / FUSEMAX.peak_macs_per_s * (1 - 1e-12)
    assert found.latency_s >= compulsory / FUSEMAX.dram.bandwidth_bytes_per_s * (1 - 1e-12)
    assert all(0 <= share <= 1 + 1e-12 for share in found.utilization.values())
    assert found.energy_j == pytest.approx(sum(found.energy_parts_j.values()))
    assert evaluate_gemm(gemm, FUSEMAX, "published").energy_j <= found.energy_j


@settings(deadline=None, max_examples=100)
@given(rows=sizes, inner=sizes, columns=sizes, bits=st.integers(19, 25))
@example(rows=14336, inner=4096, columns=8192, bits=25)  # both in blocks, and the activations stay
@example(rows=20000, inner=4096, columns=8192, bits=25)  # both in blocks, and the weights stay
def test_the_cheaper_operand_stays_in_blocks(rows: int, inner: int, columns: int, bits: int) -> None:
    fields = {"buffer.capacity_bytes": 1 << bits, "array_2d.rows": 128, "array_2d.columns": 512}

    def blocks(extent: int, beside: int) -> int:
        height = max(1, ((1 << bits) // 2 - beside * inner) // inner)  # rows of one operand beside a tile of the other
        return -(-extent // min(extent, height))

    activations, weights = rows * inner, inner * columns
    kept = min(activations + weights * blocks(rows, 512), activations * blocks(columns, 128) + weights)
    found = evaluate_gemm(Gemm("x", rows, inner, columns), spatial_device("flat-cloud", fields))
    assert found.bytes["dram"] == 2 * (kept + rows * columns)


@settings(deadline=None, max_examples=60)
@given(rows=sizes, inner=sizes, columns=sizes)
def test_a_larger_buffer_never_moves_more(rows: int, inner: int, columns: int) -> None:
    gemm = Gemm("x", rows, inner, columns)
    moved = [
        evaluate_gemm(gemm, spatial_device("flat-cloud", {"buffer.capacity_bytes": 1 << bits})).bytes["dram"]
        for bits in (18, 21, 25, 30)
    ]
    assert moved == sorted(moved, reverse=True)


def test_an_operand_that_does_not_fit_is_fetched_in_blocks() -> None:
    gemm = Gemm("x", 1 << 20, 8192, 8192)
    found = evaluate_gemm(gemm, FLAT)
    assert found.bytes["dram"] > 2 * (gemm.input_words + gemm.output_words)
    # 2^24 words of buffer less one tile of activations hold 1,792 columns of the weights at a time.
    assert found.bytes["dram"] == 2 * (5 * (1 << 20) * 8192 + 8192 * 8192 + (1 << 20) * 8192)
