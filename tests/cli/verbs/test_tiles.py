from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

Data = Callable[..., Any]
SMALL = ("tiles", "--layout", "32x32", "--window", "8x8", "--heads", "4", "--head-dim", "64", "--device", "h100")
VIDEO = (
    "tiles",
    "--layout",
    "30x48x80",
    "--window",
    "18x24x24",
    "--heads",
    "24",
    "--head-dim",
    "128",
    "--device",
    "h100",
)


def test_ranking(data: Data) -> None:
    found = data(*SMALL, "--top", "5")
    latencies = [row["latency_s"] for row in found["choices"]]
    assert len(latencies) == 5
    assert latencies == sorted(latencies)
    assert found["n_choices"] > 5
    for name in ("mean_speedup", "worst_speedup", "partial_fraction", "block_sparse", "waves", "copies_s"):
        assert name in found["choices"][0]


def test_all_strides(data: Data) -> None:
    assert data(*SMALL, "--stride", "auto")["n_evaluated"] > data(*SMALL)["n_evaluated"]


def test_table(cli: Cli) -> None:
    text = cli(*SMALL, "--top", "3").stdout
    for part in ("best", "flattened", "because", "Ranking  3 of", "Counts", "Where the time of the best goes"):
        assert part in text


def test_why_not(cli: Cli, data: Data) -> None:
    text = " ".join(cli(*VIDEO, "--stride", "16x8x8", "--why-not", "4x8x8/2x8x8").stdout.split())
    assert "Why not No kernel on h100 (sm_90) has the tile pair 4x8x8/2x8x8." in text
    assert "Nearest legal pairs: 2x8x8/2x8x8" in text
    assert data(*SMALL, "--why-not", "16x8/16x8")["why_not"]


def test_csv_and_causal(cli: Cli) -> None:
    lines = cli(*SMALL, "--causal", "1,0", "--dtype", "bf16", "--format", "csv", "--top", "2").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("rank,backend,pair,stride,latency_s,")


def test_plot(cli: Cli, tmp_path: Path) -> None:
    assert cli(*SMALL, "-o", "p.svg").stderr == "Saved p.svg\n"
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--stride 9x8", "stride"),
        ("--stride 0", "stride"),
        ("--dilation 5", "nearest"),
        ("--device fusemax", "needs a GPU"),
        ("--device h10", "no device named 'h10'."),
        ("--head-dim 63", "no kernel on h100 has head dim 63"),
        ("--backend hoper-fna", "no backend named 'hoper-fna'. Did you mean 'hopper-fna'?"),
        ("--mask-policy pertile", "no mask policy named 'pertile'."),
        ("--dtype fp8", "fp8"),
        ("--why-not 4x4", "write the Q tile, a slash and the KV tile"),
        ("--causal maybe", "'maybe' is not a flag"),
        ("-o p.gif", "p.gif: cannot write '.gif'."),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    assert message in cli(*SMALL, *args.split(), code=2).stderr


def test_required(cli: Cli) -> None:
    assert "Missing option '--window'" in cli("tiles", "--layout", "8x8", code=2).stderr
