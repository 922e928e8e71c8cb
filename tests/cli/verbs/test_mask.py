from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnscope.workloads.visibility import Gna
from tests.cli.conftest import Cli

Data = Callable[..., Any]
GNA = (
    "mask",
    "show",
    "--layout",
    "16x24",
    "--window",
    "5x7",
    "--stride",
    "1x2",
    "--dilation",
    "2x1",
    "--causal",
    "0,1",
)


def test_keys_per_query_and_density(data: Data) -> None:
    mask = Gna((16, 24), (5, 7), (1, 2), (2, 1), (False, True))
    found = data(*GNA, "--query", "3,4", "--query", "100")
    assert found["keys_per_query"] == vars(mask.keys_per_query())
    assert [row["query"] for row in found["queries"]] == [3 * 24 + 4, 100]
    assert found["queries"][0]["keys"] == mask.visible(76).tolist()


def test_picture(cli: Cli) -> None:
    text = cli(*GNA).stdout
    assert "query 204 at (8, 12)" in text
    assert "  .......#####Q...........\n" in text
    assert "5 least, 28.75 mean, 35 most" in text
    assert "7.49 % of all pairs" in text


def test_tiles(cli: Cli, data: Data) -> None:
    tiles = data(*GNA, "--q-tile", "4x4")["tiles"]
    assert tiles["empty"] + tiles["partial"] + tiles["full"] == tiles["n_q_tiles"] * tiles["n_kv_tiles"]
    text = cli(*GNA, "--q-tile", "4x4", "--kv-tile", "4x8").stdout
    assert "Q tile 4x4, KV tile 4x8, static; rows: Q tiles, columns: KV tiles" in text
    assert "x by FLOPs" in text


def test_many_tiles_show_those_of_one_query_tile(cli: Cli) -> None:
    args = ("mask", "show", "--layout", "64x64", "--window", "16x16", "--stride", "16x16", "--q-tile", "4x4")
    text = cli(*args).stdout
    assert "KV tiles of Q tile 128" in text
    assert "perfectly block-sparse" in " ".join(text.split())
    assert "KV tiles of Q tile" in cli(*args, "--tiling", "dynamic").stdout


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_figure(suffix: str, cli: Cli, tmp_path: Path) -> None:
    name = f"m{suffix}"
    assert cli(*GNA, "--q-tile", "4x4", "-o", name).stderr == f"Saved {name}\n"
    first = (tmp_path / name).read_bytes()
    cli(*GNA, "--q-tile", "4x4", "-o", name)
    assert (tmp_path / name).read_bytes() == first


def test_other_families(cli: Cli, data: Data) -> None:
    text = cli("mask", "show", "--mask", "swin", "--layout", "8x8", "--window", "4x4", "--query", "0,0").stdout
    assert "1 of 2: ShiftedWindows, window 4x4, shift 2x2" in text
    assert "in each of 2 heads or layers" in " ".join(text.split())
    row = data(
        "mask", "show", "--mask", "streaming", "--param", "n_queries=64", "--param", "n_keys=64", "--param", "window=8"
    )
    assert row["mask"] == "streaming"
    assert row["params"]["n_queries"] == "64"


def test_csv(cli: Cli) -> None:
    head, row = cli(*GNA, "--q-tile", "4x4", "--format", "csv").stdout.splitlines()
    assert head.startswith("mask,layout,window,")
    assert "keys_mean" in head
    assert "tiles_visits_mean" in head
    assert row.startswith("gna,16x24,5x7,")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--layout 16x24 --window 1x7", "nearest"),
        ("--layout 16x24 --window 17x7", "nearest"),
        ("--layout 16x0 --window 5x7", "layout"),
        ("--layout 16x24 --window 5x7 --stride 0x1", "stride"),
        ("--layout 16x24 --window 5x7x3", "axes"),
        ("--layout 16x24 --window five", "'five' is not a shape such as 128, 16x24 or 30x48x80"),
        ("--layout 16x24 --window 5x7 --query 16,0", "coordinate 16 of axis 0 is not in [0, 16); nearest: 15."),
        ("--layout 16x24 --window 5x7 --query 1,2,3", "has 3 coordinates, the layout 2 axes: 16x24."),
        ("--layout 16x24 --window 5x7 --query 999", "query 999 is not in [0, 384); nearest: 383."),
        ("--layout 16x24 --window 5x7 --q-tile 4", "q_tile"),
        ("--mask swing --layout 8x8", "no mask named 'swing'. Did you mean 'swin'?"),
        ("--mask disc --layout 8x8 --param radios=3", "no parameter 'radios'. Did you mean 'radius'?"),
        ("--layout 8x8 --window 3x3 --param name=x", "mask 'gna' has no parameter 'name'."),
        ("--mask disc --layout 8x8", "mask 'disc' needs radius."),
        ("--layout 16x24 --window 5x7 -o m.gif", "m.gif: cannot write '.gif'. Use one of .png, .svg."),
        ("--layout 16x24 --window 5x7 --tiling dynamix", "'dynamix' is none of static, dynamic, flat."),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    assert message in cli("mask", "show", *args.split(), code=2).stderr
