import csv
import io
from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Cli

Data = Callable[..., Any]


def test_pairs_of_the_study(data: Data) -> None:
    found = data("compare", "bert", "--seq-len", "64K")
    assert found["baseline"] == {"mapping": "unfused", "device": "flat-cloud"}
    assert [row["mapping"] for row in found["rows"]] == ["unfused", "flat", "cascade", "fusemax-serial", "fusemax"]
    assert found["rows"][0]["speedup"] == 1.0
    assert found["rows"][-1]["speedup"] > 11


def test_csv(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("compare", "t5", "--format", "csv").stdout)))
    assert len(rows) == 5
    assert {"speedup", "energy_ratio", "latency_s"} <= set(rows[0])


def test_table(cli: Cli) -> None:
    text = cli("compare", "bert", "--seq-len", "64K").stdout
    assert text.startswith("bert 64K  ratios over unfused on flat-cloud\n")
    assert "11.56x" in text
    assert "Fastest: fusemax on fusemax" in text
    assert "Warning: flat on flat-cloud: 0.78% of the scores kept on chip spill" in text


def test_refused_pairs_are_told_on_stderr(cli: Cli) -> None:
    result = cli("compare", "bert", "--device", "flat-cloud", "--mapping", "flat", "--mapping", "fusemax")
    assert "flat" in result.stdout
    assert result.stderr.startswith("Not possible: fusemax on flat-cloud: ")


def test_every_combination(data: Data) -> None:
    found = data("compare", "t5", "--device", "flat-cloud", "--device", "fusemax", "--mapping", "flat")
    assert [(row["device"], row["mapping"]) for row in found["rows"]] == [("flat-cloud", "flat"), ("fusemax", "flat")]


def test_warnings_name_the_pair(cli: Cli) -> None:
    error = cli("compare", "bert", "--seq-len", "64K", "--format", "json").stderr
    assert error.startswith("Warning: flat on flat-cloud: ")


def test_refused(cli: Cli) -> None:
    assert (
        "no device named 'flat-clod'. Did you mean 'flat-cloud'?"
        in cli("compare", "bert", "--device", "flat-clod", code=2).stderr
    )
    assert "no workload" in cli("compare", code=2).stderr
    assert cli("compare", "bert", "--device", "flat-cloud", "--mapping", "fusemax", code=2).stdout == ""
