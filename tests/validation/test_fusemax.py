"""The FuseMax study is reproduced within the stated tolerances, and so is the table of its artefact."""

import csv
from pathlib import Path

import pytest

from attnscope.api import STUDY_PAIRS, estimate
from attnscope.validation.fusemax import validate_fusemax
from attnscope.validation.report import Report

NAMES = {"Unfused": 0, "FLAT": 1, "+Cascade": 2, "+Architecture": 3, "+Binding(FuseMax)": 4}


@pytest.fixture(scope="module")
def report() -> Report:
    return validate_fusemax()


def test_every_figure_is_in_tolerance(report: Report) -> None:
    assert report.ok, [(row.case, row.quantity, row.error) for row in report.failures]
    assert len(report.rows) > 600


def test_fused_mappings_equal_the_published_figures_far_inside_the_tolerance(report: Report) -> None:
    fused = [r for r in report.rows if r.quantity == "attention_latency_s" and not r.case.startswith("unfused")]
    assert len(fused) == 64
    assert max(abs(row.error) for row in fused) < 1e-8


def test_wrapped_energies_inform_and_miss_only_reads(report: Report) -> None:
    wrapped = [row for row in report.rows if row.quantity == "attention_energy_j (wrapped)"]
    assert len(wrapped) == 24
    assert all(-0.08 < row.error < 0.001 for row in wrapped)


def test_headline_means(report: Report) -> None:
    means = {(row.case, row.quantity): row.ours for row in report.rows if row.quantity.startswith("mean")}
    assert means["fusemax over flat, attention", "mean speedup"] == pytest.approx(6.7226, rel=1e-3)
    assert means["fusemax over flat, block", "mean speedup"] == pytest.approx(5.3017, rel=1e-3)


def test_the_artefacts_own_table(shared: Path) -> None:
    lines = (shared / "notes/data/fusemax_attention_cases.csv").read_text().splitlines()
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        mapping, device = STUDY_PAIRS[NAMES[row["config"]]]
        found = estimate(row["model"].lower(), mapping=mapping, device=device, seq_len=int(row["seq_len"]))
        tolerance = 1e-3 if mapping == "unfused" else 1e-9
        assert found.latency_s == pytest.approx(float(row["latency_s"]), rel=tolerance)
        assert found.bytes["dram"] == pytest.approx(float(row["dram_bytes"]), rel=tolerance)
