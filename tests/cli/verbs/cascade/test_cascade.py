"""`attnscope cascade` and its verbs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnscope.einsum_cascade import from_json, library, load, parse, to_text
from tests.cli.conftest import Cli

Data = Callable[..., Any]
SIZES = "E=4,F=4,P=8,M=10,M0=4"
TWICE = """cascade twice
ranks K
Y[] = A[k]  sum k
Z[] = A[k] * Y[]  sum k
"""


def test_list(cli: Cli, data: Data) -> None:
    assert [row["name"] for row in data("cascade", "list")] == list(library())
    assert "attention-1pass" in cli("cascade", "list").stdout


# ---- show


def test_show_text_reads_back(cli: Cli) -> None:
    assert parse(cli("cascade", "show", "attention-1pass").stdout) == load("attention-1pass")


def test_show_other_forms(cli: Cli, tmp_path: Path) -> None:
    assert r"\begin{align*}" in cli("cascade", "show", "attention-3pass", "--as", "latex").stdout
    assert cli("cascade", "show", "attention-3pass", "--as", "dot").stdout.startswith('digraph "attention-3pass"')
    assert cli("cascade", "show", "attention-3pass", "--as", "json", "-o", "c.json").stderr == "Saved c.json\n"
    assert from_json((tmp_path / "c.json").read_text()) == load("attention-3pass")


# ---- passes


def test_passes(cli: Cli, data: Data) -> None:
    found = data("cascade", "passes", "attention-3pass")
    assert (found["rank"], found["n_passes"], found["passes"]["K"]) == ("M", 3, 3)
    text = cli("cascade", "passes", "attention-3pass").stdout
    assert text.startswith("attention-3pass: 3 passes over M\n")
    assert "Pass 2\n  opened because SN reads QK along M and needs GM" in text
    assert "Live between pass 1 and pass 2" in text
    assert "M*P + P" in text


def test_passes_with_sizes(data: Data, cli: Cli) -> None:
    found = data("cascade", "passes", "attention-1pass", "--sizes", "M=64K,P=1K,E=64,F=64")
    assert found["carried"]["elements"] == 2 * 1024 + 64 * 1024
    assert "67,584" in cli("cascade", "passes", "attention-1pass", "--sizes", "M=64K,P=1K,E=64,F=64").stdout
    assert data("cascade", "passes", "attention-1pass", "--sizes", "M=64K")["carried"]["elements"] is None


def test_passes_csv_and_rank(cli: Cli, data: Data) -> None:
    assert cli("cascade", "passes", "cascade-1", "--format", "csv").stdout.startswith("cascade,rank,einsum,pass,level,")
    assert data("cascade", "passes", "attention-3pass", "--rank", "e")["rank"] == "E"


def test_passes_of_ones_own_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.cascade").write_text(TWICE)
    assert cli("cascade", "passes", "mine.cascade").stdout.startswith("twice: 2 passes over K\n")


# ---- check


def test_check(cli: Cli, data: Data) -> None:
    assert data("cascade", "check", "attention-1pass")["passed"]
    text = cli("cascade", "check", "attention-1pass", "--seed", "3").stdout
    assert text.startswith("attention-1pass equals softmax-attention\n")
    assert "logits of 1e4" in text


def test_check_all(cli: Cli) -> None:
    text = cli("cascade", "check", "--all").stdout
    assert f"{len(library())} of {len(library())} cascades equal their reference." in text


def test_check_says_no(cli: Cli, tmp_path: Path) -> None:
    wrong = (
        to_text(load("attention-3pass")).replace("/ sqrt(E)", "").replace("cascade attention-3pass", "cascade wrong")
    )
    (tmp_path / "wrong.cascade").write_text(wrong)
    assert "wrong does NOT equal softmax-attention" in cli("cascade", "check", "wrong.cascade", code=1).stdout
    assert cli("cascade", "check", "wrong.cascade", "--format", "csv", code=1).stdout.startswith("cascade,reference,")


# ---- run


def test_run_on_random_inputs(cli: Cli, data: Data) -> None:
    text = cli("cascade", "run", "attention-1pass", "--sizes", SIZES).stdout
    assert text.startswith("attention-1pass  E=4 F=4 P=8 M=10 M0=4 M1=3\n")
    assert "\nAV[F, P]\n" in text
    found = {row["tensor"]: row for row in data("cascade", "run", "attention-1pass", "--sizes", SIZES)["tensors"]}
    three = {
        row["tensor"]: row
        for row in data("cascade", "run", "attention-3pass", "--sizes", "E=4,F=4,P=8,M=10")["tensors"]
    }
    assert np.allclose(found["AV"]["values"], three["AV"]["values"])


def test_run_saves_and_reads_arrays(cli: Cli, tmp_path: Path) -> None:
    cli("cascade", "run", "attention-1pass", "--sizes", SIZES, "-o", "a.npz")
    with np.load(tmp_path / "a.npz") as saved:
        np.savez(tmp_path / "in.npz", **{name: saved[name] for name in "QKV"})
        expected = saved["AV"]
    args = (
        "cascade",
        "run",
        "attention-3pass",
        "--inputs",
        "in.npz",
        "--want",
        "AV",
        "--want",
        "GM",
        "--format",
        "json",
    )
    tensors = {row["tensor"]: row for row in json.loads(cli(*args).stdout)["tensors"]}
    assert np.allclose(tensors["AV"]["values"], expected)
    assert tensors["GM"]["shape"] == "8"


def test_run_draws_masks(data: Data) -> None:
    rows = data("cascade", "run", "attention-1pass-masked", "--sizes", SIZES)["tensors"]
    mask = np.array(next(row["values"] for row in rows if row["tensor"] == "B"))
    assert set(np.unique(mask)) == {0.0, 1.0}


def test_run_csv_without_values_of_large_arrays(cli: Cli, data: Data) -> None:
    sizes = "E=64,F=64,P=128,M=128"
    assert cli("cascade", "run", "attention-3pass", "--sizes", sizes, "--format", "csv").stdout.startswith(
        "tensor,kind,"
    )
    rows = data("cascade", "run", "attention-3pass", "--sizes", sizes)["tensors"]
    assert all(row["values"] is None for row in rows)


# ---- graph


@pytest.mark.parametrize("name", ["attention-1pass", "flow-attention", "cascade-1"])
def test_graph(name: str, cli: Cli, tmp_path: Path) -> None:
    assert cli("cascade", "graph", name, "-o", "g.svg").stderr == "Saved g.svg\n"
    first = (tmp_path / "g.svg").read_bytes()
    cli("cascade", "graph", name, "-o", "g.svg")
    assert (tmp_path / "g.svg").read_bytes() == first
    cli("cascade", "graph", name, "-o", "g.dot")
    assert (tmp_path / "g.dot").read_text() == cli("cascade", "graph", name).stdout


# ---- bad input


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("show attention-9pass", "no cascade named 'attention-9pass'. Did you mean 'attention-"),
        ("show attention-1pass --as latx", "'latx' is none of text, latex, json, dot. Did you mean 'latex'?"),
        ("passes none.cascade", "cannot read cascade 'none.cascade'"),
        ("passes attention-1pass --rank Z", "no rank named 'Z'."),
        ("passes attention-1pass --sizes M", "write a rank, an equals sign and a length"),
        ("check", "name a cascade, or give --all."),
        ("check attention-1pass --all", "name one cascade, or give --all for the whole library."),
        ("check attention-1pass --sizes Z=4", "no rank named 'Z'."),
        ("run attention-1pass --sizes E=4", "has no length"),
        ("run attention-3pass --sizes E=64,F=64,P=64K,M=64K", "points for these sizes; at most"),
        ("run attention-3pass --inputs none.npz", "none.npz: No such file or directory."),
        ("run attention-3pass --sizes E=4,F=4,P=4,M=4 --want ZZ", "no tensor named 'ZZ'."),
        ("run attention-3pass --sizes E=4,F=4,P=4,M=4 -o a.csv", "a.csv: cannot write '.csv'. Use one of .npz."),
        ("graph attention-3pass -o g.gif", "g.gif: cannot write '.gif'. Use one of .svg, .png, .dot."),
        ("graph attention-3pass --rank Z", "no rank named 'Z'."),
        ("pases attention-3pass", "no command named 'pases'. Did you mean 'passes'?"),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    assert message in cli("cascade", *args.split(), code=2).stderr


def test_syntax_errors_point_at_the_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "bad.cascade").write_text("cascade bad\nranks K\nY[] = A[k] +  sum k\n")
    error = cli("cascade", "passes", "bad.cascade", code=2).stderr
    assert error.startswith("Error: bad.cascade:3:")
    assert error.rstrip().endswith("^")


@pytest.mark.parametrize(("content", "message"), [(b"text", "not an .npz file"), (b"", "not an .npz file")])
def test_input_that_is_no_npz(content: bytes, message: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.npz").write_bytes(content)
    assert message in cli("cascade", "run", "attention-3pass", "--inputs", "in.npz", code=2).stderr


def test_input_of_a_single_array(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros(3))
    assert "holds a single array" in cli("cascade", "run", "attention-3pass", "--inputs", "in.npy", code=2).stderr
