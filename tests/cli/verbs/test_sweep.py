import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnscope.explore.asking import pareto, query
from attnscope.explore.sweep import sweep
from tests.cli.conftest import SPACE, Cli

Data = Callable[..., Any]
CONDITION = "device.pe_dim >= 128 and latency_s < 1"


@pytest.fixture(autouse=True)
def space(cli: Cli, tmp_path: Path) -> Path:  # noqa: ARG001
    """A space of 24 points in the folder that the verbs run in."""
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    return path


@pytest.fixture
def store(cli: Cli) -> str:
    """A store with a run that kept all points."""
    cli("sweep", "space.toml", "--keep", "all", "-o", "run.db")
    return "run.db"


# ---- sweep


def test_sweep_is_the_public_call(data: Data, space: Path) -> None:
    found = data("sweep", "space.toml")
    ours = sweep(space)
    assert found["front"] == ours.to_records()
    assert (found["n_points"], found["n_legal"]) == (24, 24)


def test_sweep_table(cli: Cli) -> None:
    result = cli("sweep", "space.toml", "-o", "run.db")
    assert result.stderr == "Saved run.db\n"
    for part in ("How large an array?", "24: 24 legal, 24 within", "least latency_s, energy_j, area_mm2", "29.70 ms"):
        assert part in result.stdout
    assert cli("sweep", "space.toml", "-o", "run.db").stdout == result.stdout


def test_sample_and_workers(cli: Cli, data: Data) -> None:
    assert data("sweep", "space.toml", "--sample", "5", "--workers", "1")["n_points"] == 5
    assert "5, a sample of 24:" in cli("sweep", "space.toml", "--sample", "5").stdout
    (row, *_) = csv.DictReader(io.StringIO(cli("sweep", "space.toml", "--format", "csv").stdout))
    assert {"index", "device.pe_dim", "latency_s"} <= set(row)


def test_a_long_front_is_thinned(cli: Cli, tmp_path: Path) -> None:
    many = "[axes]\n'device.pe_dim' = { from = 16, to = 256, step = 2 }\n"
    (tmp_path / "many.toml").write_text(many)
    cli("sweep", "many.toml", "-o", "many.db")
    assert "; one in " in " ".join(cli("sweep", "many.toml").stdout.split())
    assert "--format csv has all" in cli("pareto", "many.db").stdout


def test_refused_pairs_are_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pairs.toml").write_text('[axes]\nmapping = ["flat", "fusemax"]\ndevice = ["flat-cloud"]\n')
    assert "Not possible: fusemax on flat-cloud: " in cli("sweep", "pairs.toml").stderr


def test_interrupted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("attnscope.explore.sweep.sweep", stop)
    error = cli("sweep", "space.toml", "-o", "run.db", code=130).stderr
    assert error == "What is worked out is in run.db; the same line goes on with it.\nInterrupted.\n"
    assert cli("sweep", "space.toml", code=130).stderr == "Interrupted.\n"


# ---- pareto


def test_pareto(cli: Cli, data: Data, store: str) -> None:
    ours = pareto(store, minimize=["latency_s", "area_mm2"])
    assert data("pareto", store, "--minimize", "latency_s, area_mm2") == json.loads(json.dumps(ours.to_dict()))
    assert cli("pareto", store).stdout.startswith("Pareto front of size and bandwidth  3 of 24 points, run ")
    assert data("pareto", store, "--run", "size and bandwidth")["run"] == ours.run


def test_pareto_of_expressions(data: Data, store: str) -> None:
    found = data("pareto", store, "--minimize", "max(latency_s, 0.1),energy_j*latency_s")
    assert found["objectives"] == ["max(latency_s, 0.1)", "energy_j*latency_s"]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_pareto_figure(suffix: str, cli: Cli, store: str, tmp_path: Path) -> None:
    name = f"front{suffix}"
    assert cli("pareto", store, "-o", name).stderr == f"Saved {name}\n"
    first = (tmp_path / name).read_bytes()
    cli("pareto", store, "-o", name, "--quiet")
    assert (tmp_path / name).read_bytes() == first


def test_pareto_files(cli: Cli, store: str, tmp_path: Path) -> None:
    cli("pareto", store, "-o", "front.json")
    assert len(json.loads((tmp_path / "front.json").read_text())["points"]) == 3
    cli("pareto", store, "-o", "front.csv")
    assert len((tmp_path / "front.csv").read_text().splitlines()) == 4


# ---- query


def test_query(cli: Cli, data: Data, store: str) -> None:
    ours = query(store, CONDITION, top=3)
    found = data("query", store, CONDITION, "--top", "3")
    assert found == json.loads(json.dumps(ours.to_dict()))
    text = cli("query", store, CONDITION).stdout
    assert text.startswith(f"{CONDITION}  8 of 24 points, least latency_s first\n")
    for part in ("mapping", "pe dim", "bandwidth", "400.0 GB/s", "391.6 mm²"):
        assert part in text
    assert len(cli("query", store, "--format", "csv", "--by", "energy_j").stdout.splitlines()) == 11


def test_query_without_a_match(cli: Cli, data: Data, store: str) -> None:
    assert "no point" in cli("query", store, "latency_s > 1e9").stdout
    assert data("query", store, "latency_s > 1e9")["points"] == []


def test_remarks_go_with_the_answer(cli: Cli) -> None:
    cli("sweep", "space.toml", "-o", "run.db")
    assert "Warning: The run keeps its Pareto front only" in cli("query", "run.db").stdout
    assert cli("query", "run.db", "--format", "csv").stderr.startswith("Warning: The run keeps its Pareto front only")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("sweep nope.toml", "nope.toml: no such file"),
        ("sweep bad.toml", "Did you mean 'device.pe_dim'?"),
        ("sweep huge.toml", "Draw a sample with --sample 1000000"),
        ("sweep space.toml --sample 0", "--sample: '0' must be at least 1."),
        ("sweep space.toml --keep al", "'al' is none of front, all. Did you mean 'all'?"),
        ("sweep space.toml -o space.toml", "space.toml"),
        ("sweep space.toml -o no/run.db", "no/run.db"),
        ("pareto nope.db", "nope.db"),
        ("pareto run.db --minimize latncy_s", "Did you mean 'latency_s'?"),
        ("pareto run.db --minimize latency_s*", "latency_s*"),
        ("pareto run.db --run other", "other"),
        ("pareto run.db -o front.gif", "front.gif: cannot write '.gif'. Use one of .svg, .png, .json, .csv, .txt."),
        ("query run.db latency_s", "'latency_s' is a quantity, not a condition."),
        ("query run.db device.pe_dm>3", "Did you mean 'device.pe_dim'?"),
        ("query run.db legal --top 0", "--top: '0' must be at least 1."),
        ("query", "Missing argument 'RUN'."),
    ],
)
def test_refused(args: str, message: str, cli: Cli, tmp_path: Path, store: str) -> None:  # noqa: ARG001
    (tmp_path / "bad.toml").write_text(SPACE.replace("pe_dim", "pe_dm"))
    paths = ("workload.seq_len", "device.pe_dim", "device.dram.bandwidth_bytes_per_s")
    axes = "".join(f'"{path}" = {{ from = 1, to = 1000000, step = 1 }}\n' for path in paths)
    (tmp_path / "huge.toml").write_text(f"[axes]\n{axes}")
    result = cli(*args.split(), code=2)
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())
