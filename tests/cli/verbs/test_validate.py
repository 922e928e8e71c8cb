from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attnscope.validation import families
from attnscope.validation.report import Report, Row
from tests.cli.conftest import Cli

Data = Callable[..., Any]

GOOD = Report(
    "fusemax",
    (
        Row("bert 1K", "latency_s", 2.0, 2.001, 0.005),
        Row("bert 4K", "latency_s", 8.0, 8.0, 0.005),
        Row("fusemax over flat", "mean speedup", 6.72, 6.73, 0.02),
        Row("flat", "passes", 3, 3, 0.0, absolute=True),
        Row("bert 4K", "energy_j (wrapped)", 1.0, 1.2),
    ),
    ("one note",),
)
BAD = Report("gna", (Row("flux", "time [s]", 1.0, 1.5, 0.15), Row("mochi", "time [s]", 1.0, 1.1, 0.15)))


@pytest.fixture(autouse=True)
def reports(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "fusemax": GOOD,
        "gna": BAD,
        "gpu": replace(GOOD, family="gpu"),
        "offload": replace(GOOD, family="offload"),
    }
    monkeypatch.setattr(families, "validate", lambda name, reference=None: known[name])  # noqa: ARG005


def test_within_tolerance(cli: Cli) -> None:
    text = cli("validate", "fusemax").stdout
    assert text.startswith("fusemax: ours against 5 published figures\n")
    for part in ("Errors by quantity", "Means", "Notes", "one note", "✓ all 4 judged figures are within tolerance"):
        assert part in text
    assert "All rows" not in text


def test_beyond_tolerance(cli: Cli) -> None:
    text = cli("validate", "gna", "--worst", "1", code=1).stdout
    assert "✗ 1 of 2 judged figures are beyond tolerance" in text
    assert "+50.000 %" in text
    assert "mochi" not in text


def test_all_rows(cli: Cli) -> None:
    assert "mochi" in cli("validate", "gna", "--rows", code=1).stdout


def test_data(cli: Cli, data: Data) -> None:
    found = data("validate", "fusemax")
    assert found["ok"]
    assert len(found["rows"]) == 5
    assert cli("validate", "gna", "--format", "csv", code=1).stdout.startswith("family,case,quantity,published,ours,")


def test_all_families(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", "--reference", str(tmp_path), "--format", "json", code=1)
    assert '"ok": false' in result.stdout
    assert all(f'"family": "{name}"' in result.stdout for name in families.FAMILIES)
    without = cli("validate", code=1)
    assert "gna: ours against" in without.stdout
    assert "gpu: ours against" not in without.stdout
    assert without.stderr == "Left out: gpu, which needs --reference FOLDER.\n"


def test_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    assert "give their folder with --reference FOLDER" in cli("validate", "gpu", code=2).stderr
    assert "no table found" in cli("validate", "gpu", "--reference", str(tmp_path), code=2).stderr
    error = cli("validate", "fusemx", code=2).stderr
    assert "no family of references named 'fusemx'. Did you mean 'fusemax'?" in error


def test_offload(cli: Cli, data: Data, monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    monkeypatch.undo()
    found = data("validate", "offload")
    assert found["ok"]
    with_tables = cli("validate", "offload", "--reference", str(shared / "reference"), "--format", "csv").stdout
    assert len(with_tables.splitlines()) > len(found["rows"]) + 1
