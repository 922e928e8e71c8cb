import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

Data = Callable[..., Any]
SMALL = ("--heads", "1", "--seq-len", "1K", "--score-width", "64")


def test_both_latencies(data: Data) -> None:
    found = data("timeline", "bert", "--seq-len", "1K")
    assert found["latency_events_s"] == pytest.approx(found["latency_closed_form_s"], rel=0.01)
    assert set(found["busy_fraction"]) == set(found["idle"]) == {"array_2d", "array_1d", "dram"}


def test_table_and_csv(cli: Cli) -> None:
    text = cli("timeline", *SMALL).stdout
    for part in ("by events", "closed form", "difference", "the whole layer", "Who works", "Why they wait"):
        assert part in text
    assert "latency_events_s" in cli("timeline", *SMALL, "--format", "csv").stdout


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_picture(suffix: str, cli: Cli, tmp_path: Path) -> None:
    name = f"out{suffix}"
    assert cli("timeline", *SMALL, "--tiles", "3", "-o", name).stderr == f"Saved {name}\n"
    first = (tmp_path / name).read_bytes()
    cli("timeline", *SMALL, "--tiles", "3", "-o", name, "--quiet")
    assert (tmp_path / name).read_bytes() == first


def test_trace_of_a_window(cli: Cli, tmp_path: Path) -> None:
    cli("timeline", *SMALL, "--start", "1us", "--stop", "2us", "-o", "t.json")
    part = len(json.loads((tmp_path / "t.json").read_text())["traceEvents"])
    cli("timeline", *SMALL, "-o", "t.json")
    assert 0 < part < len(json.loads((tmp_path / "t.json").read_text())["traceEvents"])


def test_a_share_of_a_large_layer(cli: Cli) -> None:
    assert "% of the layer, the rest alike" in cli("timeline", "bert", "--seq-len", "4K", "--max-tasks", "20000").stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("-o out.gif", "out.gif: cannot write '.gif'. Use one of .svg, .png, .json."),
        ("-o out.svg --start 1s", "--start 1.000 s is after the end: what was played takes"),
        ("-o out.svg --start 2us --stop 1us", "--stop 1.000 us must be after --start 2.000 us."),
        ("--start soon", "'soon' is not a time."),
        ("--mapping nope", "no mapping named 'nope'."),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    assert message in cli("timeline", *SMALL, *args.split(), code=2).stderr
