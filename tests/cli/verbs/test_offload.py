import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnscope.mappings.offload.offload import offload
from attnscope.mappings.offload.sweep import offload_sweep
from tests.cli.conftest import Cli

Data = Callable[..., Any]
BIG = ("offload", "llama3-70b", "--context", "4K")


def one_trace(folder: Path, name: str = "own.csv") -> str:
    rows = ["arrived_at,num_prefill_tokens,num_decode_tokens", *(f"{0.5 * i},{900 + 10 * i},40" for i in range(40))]
    (folder / name).write_text("\n".join(rows) + "\n")
    return name


def test_data_is_that_of_the_call(data: Data) -> None:
    found = data(*BIG, "--compute", "h100:4", "--memory", "h20:8", "--batches", "3", "--kv-policy", "duo")
    pools: dict[str, Any] = {"compute": "h100:4", "memory": "h20:8", "batches": 3, "kv_policy": "duo"}
    assert found == json.loads(json.dumps(offload("llama3-70b", context=4096, **pools).to_dict()))
    assert {"tokens_per_s", "tokens_per_dollar", "busy_fraction", "limiter"} <= set(found["offload"])


def test_table(cli: Cli) -> None:
    text = cli(*BIG).stdout
    assert text.startswith("llama3-70b context 4,096  h100:2 + h20:4 over fhbn, by head, 2 batches\n")
    for part in (
        "throughput",
        "least bandwidth",
        "Beside a homogeneous pool",
        "h100:4",
        "Who works",
        "total",
    ):
        assert part in text
    assert "by events" not in text
    assert "Warning: embedding and output head" in text


def test_no_homogeneous_pool(cli: Cli) -> None:
    text = cli(*BIG, "--baseline", "1").stdout
    assert "Warning: no homogeneous baseline: compute pool h100:1: the weights" in text
    assert "ratio" not in text


def test_csv_has_a_row_per_deployment(cli: Cli, tmp_path: Path) -> None:
    args = ("offload", "llama3-70b", "--trace", one_trace(tmp_path), "--replay", "closed", "-o", "rows.csv")
    assert "Saved rows.csv" in cli(*args).stderr
    ours, base = csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text()))
    assert (ours["deployment"], base["deployment"]) == ("h100:2 + h20:4 over fhbn, by head, 2 batches", "h100:4")
    assert float(ours["replay_time_between_tokens_s_p99"]) > 0
    assert float(ours["replay_batch_max"]) == 40


def test_options_reach_the_call(data: Data) -> None:
    args = ("--late-queries", "--fidelity", "roofline", "--by", "request", "--memory-fraction", "0.8")
    inputs = data(*BIG, *args, "--price", "h100=2", "--price", "h20=1.5")["inputs"]
    assert not inputs["early_queries"]
    assert (inputs["fidelity"], inputs["by"], inputs["memory_fraction"]) == ("roofline", "request", 0.8)
    assert inputs["price_per_hour"] == 2 * 2 + 4 * 1.5
    assert data(*BIG, "--slowdown", "0.1", "--batch", "64")["slowdown"] == 0.1


def test_stand_in_is_told(cli: Cli) -> None:
    args = ("offload", "llama3-70b", "--trace", "azure-conv")
    assert (
        "Warning: trace azure-conv is a stand-in: drawn from published statistics"
        in cli(*args, "--format", "csv").stderr
    )
    assert "azure-conv is a stand-in" in cli(*args, "--sweep", "memory=4,8").stderr


def test_trace_of_a_folder(cli: Cli, data: Data, tmp_path: Path) -> None:
    one_trace(tmp_path, "azure_conv.csv")
    found = data("offload", "llama3-70b", "--trace", "azure-conv", "--reference", str(tmp_path))
    assert found["inputs"]["trace"]["n_requests"] == 40
    assert not found["inputs"]["trace"]["stand_in"]
    assert "stand-in" not in cli("offload", "llama3-70b", "--trace", "azure-conv", "--reference", str(tmp_path)).stdout


def test_replay(cli: Cli, data: Data, tmp_path: Path) -> None:
    args = ("offload", "llama3-70b", "--trace", one_trace(tmp_path), "--replay", "trace", "--speedup", "2")
    text = cli(*args).stdout
    for part in ("Replay on h100:2 + h20:4", "Replay on h100:4", "wait for admission", "p99"):
        assert part in text
    ours, base = data(*args, "--admission", "reserve", "--batch", "8")["replays"]
    assert (ours["n_done"], base["n_done"]) == (40, 40)
    assert (ours["admission"], ours["batch"]["max"]) == ("reserve", 8)
    assert base["inputs"]["memory"] is None


@pytest.mark.parametrize("suffix", [".svg", ".json"])
def test_timeline(suffix: str, cli: Cli, data: Data, tmp_path: Path) -> None:
    small = (*BIG, "--compute", "h100:4", "--batches", "3", "--timeline", f"step{suffix}")
    done = cli(*small)
    assert done.stderr == f"Saved step{suffix}\n"
    for part in ("A decode step by events", "replica 1", "memory pool", "link back", "Why they wait"):
        assert part in done.stdout
    text = (tmp_path / f"step{suffix}").read_text()
    assert "replica 1" in text
    played = data(*small)["played"]
    assert played["step_events_s"] == pytest.approx(played["step_closed_form_s"], rel=0.02)
    assert len(played["idle"]) == len(played["busy_fraction"])
    assert (tmp_path / f"step{suffix}").read_text() == text


def test_sweep(cli: Cli, data: Data, tmp_path: Path) -> None:
    args = ("offload", "llama3-70b", "--context", "8K", "--sweep", "memory=2,4,8", "--sweep", "compute=2,4")
    found = data(*args, "--sweep", "batch=32,64")
    sizes: dict[str, Any] = {
        "memory_devices": (2, 4, 8),
        "compute_devices": (2, 4),
        "batch": (32, 64),
        "context": (8192,),
    }
    assert found == json.loads(json.dumps(offload_sweep("llama3-70b", **sizes).to_dict()))
    assert cli(*args, "-o", "front.svg").stderr == "Saved front.svg\n"
    assert (tmp_path / "front.svg").read_text().startswith("<?xml")
    text = cli(*args, "--sweep", "batches=2,4").stdout
    assert "Pareto front" in text
    assert "replicas do not divide the compute pool" in text
    assert cli(*args, "--format", "csv").stdout.startswith("workload,compute,memory,batches,batch,")


def test_a_long_front_is_thinned(cli: Cli) -> None:
    lengths = ",".join(str(256 * i) for i in range(1, 33))
    counts = ",".join(map(str, range(4, 260, 4)))
    args = ("offload", "llama3-70b", "--sweep", f"batch={counts}", "--sweep", f"context={lengths}")
    assert "30 of" in cli(*args).stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("llama3-70b", "give either --trace, such as azure-conv, or --context, such as 8K."),
        ("llama3-70b --trace azure-conv --context 4K", "give either --trace, such as azure-conv, or --context"),
        ("llama3-70b --trace azure-conv --sweep context=4K", "give either --trace"),
        ("lama3-70b --context 4K", "no model named 'lama3-70b'. Did you mean 'llama3-70b'?"),
        ("llama3-70b --trace azure-con", "no trace named 'azure-con'. Did you mean 'azure-conv'?"),
        ("llama3-70b --trace nope.csv", "nope.csv: no such file. Give a CSV with the columns"),
        ("llama3-70b --trace empty.csv", "trace empty: holds no request."),
        ("llama3-70b --context 1M", "Nearest legal context: 8192"),
        ("llama3-70b --context 4K --link fhbm", "no link named 'fhbm'. Did you mean 'fhbn'?"),
        ("llama3-70b --context 4K --compute h100:0", "a pool needs at least 1. Nearest: h100:1."),
        ("llama3-70b --context 4K --compute h10:2", "no price for 'h10'"),
        ("llama3-70b --context 4K --compute h100:1", "Smallest pool that holds them: h100:2."),
        ("llama3-70b --context 4K --memory h20:3", "8 KV heads of llama3-70b cannot be split evenly over 3 devices"),
        ("llama3-70b --context 4K --price h100=0", "price of h100: 0 per hour is refused; a price must be above zero."),
        ("llama3-70b --context 4K --price h100=cheap", "--price h100=cheap: 'cheap' is not a number."),
        ("llama3-70b --context 4K --prices lamin", "no price list named 'lamin'. Did you mean 'lamina'?"),
        ("llama3-70b --context 4K --kv-policy windw", "no KV policy named 'windw'."),
        ("llama3-70b --context 4K --batch 9K", "between 2 and 276 are possible. Nearest: 276."),
        ("llama3-70b --context 4K --replay closed", "--replay needs a trace: give --trace"),
        ("llama3-70b --context 4K --admission grow", "--admission: only for a replay; add --replay trace"),
        ("llama3-70b --context 4K --sweep memry=2", "no axis named 'memry'. Did you mean 'memory'?"),
        ("llama3-70b --context 4K --sweep memory=", "give whole numbers with commas between"),
        ("llama3-70b --context 4K --sweep memory=0", "'0' must be at least 1. Nearest: 1."),
        ("llama3-70b --context 4K --sweep memory=3", "no point is legal"),
        ("llama3-70b --context 4K --sweep memory=2 --slowdown 0.1", "--slowdown: not for a sweep"),
        ("llama3-70b --context 4K --sweep memory=2 --timeline a.svg", "--timeline a.svg: a sweep has many points."),
        ("llama3-70b --context 4K -o a.svg", "a.svg: only a sweep is drawn so. Add --sweep, or draw one step with"),
        ("llama3-70b --context 4K -o a.gif", "a.gif: cannot write '.gif'. Use one of .svg, .png, .json, .csv, .txt."),
        ("llama3-70b --context 4K --timeline a.gif", "a.gif: cannot write '.gif'. Use one of .svg, .png, .json."),
        ("llama3-70b --context 4K --slowdown 0", "slowdown: 0 must be above 0"),
        ("llama3-70b --context 4K --reference nowhere", "'nowhere' does not exist"),
    ],
)
def test_refused(args: str, message: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n")
    result = cli("offload", *args.split(), code=2)
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())
