import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import attnscope
from attnscope.mappings.gpu.decode import decode_estimate
from tests.cli.conftest import Cli

Data = Callable[..., Any]


def test_json_holds_what_scripts_need(data: Data) -> None:
    found = data("estimate", "bert", "--seq-len", "64K", "--device", "fusemax", "--mapping", "fusemax")
    assert {"latency_s", "energy_j", "bytes", "utilization", "limiter", "because", "provenance"} <= set(found)
    assert found["bytes"]["dram"] > 0
    assert {"array_2d", "array_1d"} <= set(found["utilization"])
    ours = attnscope.estimate("bert", seq_len=65536, device="fusemax", mapping="fusemax")
    assert found["latency_s"] == ours.latency_s
    assert found["energy_j"] == ours.energy_j


def test_csv_is_one_row_with_units(cli: Cli) -> None:
    (row,) = csv.DictReader(io.StringIO(cli("estimate", "bert", "--format", "csv").stdout))
    assert float(row["latency_s"]) > 0
    assert {"workload", "energy_j", "dram_bytes", "utilization_array_2d"} <= set(row)


def test_table_tells_everything(cli: Cli) -> None:
    text = cli("estimate", "bert", "--seq-len", "64K").stdout
    assert text.startswith("bert 64K on fusemax, mapping fusemax\n  latency     7.403 s\n")
    for part in (
        "limited by  array_1d",
        "Utilisation",
        "Energy  corrected accounting",
        "Traffic",
        "Occupancy",
        "Choices",
    ):
        assert part in text
    assert "total" in text
    assert "8.188 MiB" in text
    assert "16 MiB" in text


def test_whole_block(cli: Cli) -> None:
    text = cli("estimate", "bert", "--layers", "block").stdout
    assert "bert 4K, whole block on fusemax" in text
    assert "feed-forward up" in text


def test_accounting(data: Data) -> None:
    corrected, published = (data("estimate", "bert", "--energy-accounting", a) for a in ("corrected", "published"))
    assert corrected["energy_j"] != published["energy_j"]
    assert published["accounting"] == "published"


def test_fields_and_block(data: Data) -> None:
    slow = data("estimate", "bert", "--set", "dram.bandwidth_bytes_per_s=1e9", "--block", "4")
    assert slow["limiter"] == "dram"
    assert slow["choices"]["query_tiles_per_block"] == 4


def test_whole_shape(data: Data) -> None:
    sizes = (
        "--heads",
        "32",
        "--kv-heads",
        "8",
        "--queries",
        "4K",
        "--keys",
        "8K",
        "--score-width",
        "128",
        "--batch",
        "2",
    )
    shape = data("estimate", *sizes)["inputs"]["shape"]
    assert shape == {
        "batch": 2,
        "heads": 32,
        "kv_heads": 8,
        "queries": 4096,
        "keys": 8192,
        "score_width": 128,
        "value_width": 128,
        "bytes_per_element": 2,
    }


def test_length_stands_for_queries_and_keys(data: Data) -> None:
    shape = data("estimate", "--heads", "4", "--seq-len", "1K", "--score-width", "64", "--value-width", "32")["inputs"][
        "shape"
    ]
    assert (shape["queries"], shape["keys"], shape["value_width"], shape["batch"]) == (1024, 1024, 32, 1)


def test_configuration_file(cli: Cli, data: Data, tmp_path: Path) -> None:
    config = {"hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2, "model_type": "bert"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert data("estimate", "--config", "config.json", "--seq-len", "1K")["inputs"]["shape"]["heads"] == 4
    assert data("estimate", "--config", str(tmp_path), "--seq-len", "1K")["inputs"]["shape"]["heads"] == 4
    assert "both the model 'bert' and --config" in cli("estimate", "bert", "--config", "config.json", code=2).stderr
    assert "no such file" in cli("estimate", "--config", "other.json", code=2).stderr


def test_warnings_go_with_the_answer(cli: Cli) -> None:
    args = ("estimate", "bert", "--seq-len", "1000")
    assert "Warning: Sizes are not multiples" in cli(*args).stdout
    assert cli(*args).stderr == ""
    beside = cli(*args, "--format", "json")
    assert beside.stderr.startswith("Warning: Sizes are not multiples")
    assert json.loads(beside.stdout)["warnings"]
    assert cli(*args, "--format", "json", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("brt", "Error: no model named 'brt'. Did you mean 'bert'? Known: bert,"),
        ("bert --device fusemx", "Error: no device named 'fusemx'. Did you mean 'fusemax'?"),
        ("bert --mapping fusmax", "Error: no mapping named 'fusmax'. Did you mean 'fusemax'?"),
        ("bert --seq-len 0", "Error: --seq-len: '0' must be at least 1. Nearest: 1."),
        ("bert --seq-len 1e30", "Error: --seq-len: '1e30' is above the largest that is modelled, 2^40."),
        ("bert --seq-len 64Q", "unknown unit 'Q' in '64Q'"),
        ("bert --set dram.bandwith=3", "no field 'dram.bandwith'. Did you mean 'dram.bandwidth_bytes_per_s'?"),
        (
            "bert --set dram.bandwidth_bytes_per_s=-3",
            "bandwidth_bytes_per_s = -3 is refused: should be greater than 0.",
        ),
        ("bert --set dram", "'dram': write a name, an equals sign and a value"),
        ("bert --block 5000", "does not fit the buffer of fusemax; legal: 1 to"),
        ("--heads 4 --seq-len 1K", "Missing for a shape: --score-width."),
        ("--score-width 64", "Missing for a shape: --heads, --queries. --queries may be given as --seq-len."),
        ("", "no workload: name a model (`attnscope list models`), give --config, or give a whole shape."),
        ("--heads 6 --kv-heads 4 --seq-len 1K --score-width 64", "6 heads cannot share 4 KV heads evenly."),
        ("--heads 4 --seq-len 1K --score-width 64 --layers block", "layers 'block' needs a model"),
        ("bert --window 4x4", "--window: only for neighbourhood attention on a GPU; add --mapping neighborhood."),
        ("nope.toml", "nope.toml: no such file"),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    result = cli("estimate", *args.split(), code=2)
    assert result.stdout == ""
    assert message in " ".join(result.stderr.split())


# ---- on a GPU


def test_model_on_a_gpu(data: Data) -> None:
    args = ("estimate", "hunyuan-video", "--device", "h100", "--mapping", "neighborhood", "--window", "18x24x24")
    found = data(*args, "--stride", "16x8x8")
    assert found["end_to_end_speedup"] > 1.5
    assert found["layers"][0]["estimate"]["inputs"]["stride"] == "16x8x8"
    assert {"latency_s", "attention_s", "dense_attention_s", "because"} <= set(found)


def test_backbone_on_a_gpu(cli: Cli) -> None:
    text = cli("estimate", "dinat-tiny", "--device", "a100", "--batch", "8").stdout
    for part in ("end to end", "Attention by kind of layer", "stage 1, dilation 8", "Kernels", "One layer in detail"):
        assert part in text


def test_methods_and_choices_on_a_gpu(data: Data) -> None:
    fused, gemm, naive = (
        data("estimate", "dinat-tiny", "--device", "a100", "--mapping", f"neighborhood{kind}")["attention_s"]
        for kind in ("", "-gemm", "-naive")
    )
    assert fused < min(gemm, naive)
    options = ("--tiles", "2x8x8/2x8x8", "--backend", "hopper-fna", "--dense-steps", "0", "--causal", "0,0,0")
    one = data("estimate", "hunyuan-video", "--device", "h100", *options, "--window", "18x24x24", "--dilation", "1")
    assert one["layers"][0]["estimate"]["mapping"] == "hopper-fna 2x8x8/2x8x8"
    assert one["inputs"]["dense_steps"] == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("flux-4k", "flux-4k needs a GPU. Give --device: a100,"),
        ("flux-4k --mapping neighborhood", "neighborhood needs a GPU. Give --device: a100,"),
        ("bert --device h100", "bert on h100: GPUs run the neighbourhood attention of cosmos-7b,"),
        ("--heads 4 --device h100", "this shape on h100: GPUs run the neighbourhood attention"),
        ("flux-4k --device fusemax", "device fusemax is of the family 'spatial'; this mapping needs a GPU"),
        ("flux-4k --device h100 --mapping flat", "no mapping for GPUs named 'flat'."),
        ("flux-4k --device h100 --seq-len 4K --set a=1", "--seq-len, --set: only for spatial arrays"),
        ("flux-4k --device h100 --window 300x8", "window"),
        ("dinat-tiny --device h100 --window 7x7", "dinat-tiny has its own windows per stage"),
        ("flux-4k --device h100 --tiles 3x3/3x3", "Nearest legal pairs"),
        ("flux-4K --device h1000", "no device named 'h1000'. Did you mean 'h100'?"),
    ],
)
def test_refused_on_a_gpu(args: str, message: str, cli: Cli) -> None:
    assert message in cli("estimate", *args.split(), code=2).stderr


# ---- decode on a GPU

DECODE = ("estimate", "llama3-8b", "--phase", "decode", "--device", "h200")


def test_decode_is_the_public_call(data: Data) -> None:
    found = data(*DECODE, "--batch", "64", "--context", "8K", "--kv-policy", "duo")
    ours = decode_estimate("llama3-8b", device="h200", batch=64, context=8192, kv_policy="duo")
    assert (found["latency_s"], found["limiter"]) == (ours.latency_s, ours.limiter)
    assert found["mapping"] == "decode-splitkv"
    assert {"splits", "waves", "wave_efficiency", "tail_s", "kv_bytes_read"} <= set(found["choices"])


def test_decode_mappings_choose_the_phase(cli: Cli, data: Data) -> None:
    sizes = ("estimate", "llama3-8b", "--device", "h200", "--batch", "2", "--context", "8K")
    flash, stream, split = (data(*sizes, "--mapping", name) for name in ("flash", "stream-k", "decode-splitkv"))
    assert flash["choices"]["splits"] == 1
    assert stream["choices"]["partition"]["grid"] == 264
    assert split["latency_s"] < flash["latency_s"]
    assert data(*sizes, "--mapping", "decode-splitkv", "--splits", "4", "--cache", "warm")["choices"]["splits"] == 4
    text = cli(*sizes, "--mapping", "stream-k").stdout
    for part in ("on h200, mapping stream-k", "Traffic", "K, V", "wave efficiency", "partition"):
        assert part in text


def test_decode_of_ragged_batches(cli: Cli, data: Data) -> None:
    assert data(*DECODE, "--lengths", "1K,2K,8K")["inputs"]["contexts"] == [1024, 2048, 8192]
    drawn = cli(*DECODE, "--trace", "azure-conv", "--batch", "16", "--format", "json")
    assert len(json.loads(drawn.stdout)["inputs"]["contexts"]) == 16
    assert drawn.stderr.startswith("Warning: trace azure-conv is a stand-in: drawn from published statistics")


def test_decode_of_a_shape(data: Data) -> None:
    shape = ("--heads", "32", "--kv-heads", "8", "--score-width", "128", "--batch", "4")
    by_name = [
        data("estimate", *shape, "--phase", "decode", "--device", "a100", flag, "8K")["latency_s"]
        for flag in ("--context", "--keys", "--seq-len")
    ]
    assert len(set(by_name)) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("llama3-8b --phase decode", "a decode step needs a GPU. Give --device: a100,"),
        ("llama3-8b --phase decode --device fusemax", "device fusemax is of the family 'spatial'"),
        ("llama3-8b --phase decod", "'decod' is none of prefill, decode. Did you mean 'decode'?"),
        ("llama3-8b --context 4K", "--context: only for decode on a GPU; add --phase decode."),
        ("bert --kv-policy duo --splits 3", "--kv-policy, --splits: only for decode on a GPU"),
        ("llama3-8b --device h200", "For a decode step add --phase decode; for other workloads"),
        ("llama3-8b --phase decode --device h200 --mapping fusemax", "no decode mapping named 'fusemax'."),
        (
            "llama3-8b --phase decode --device h200 --context 4K --keys 8K",
            "--context 4096, --keys 8192: all say how many",
        ),
        ("llama3-8b --phase decode --device h200 --queries 2", "--queries: not for a decode step"),
        (
            "llama3-8b --phase decode --device h200 --window 8x8 --layers block",
            "--layers, --window: not for a decode step",
        ),
        ("llama3-8b --phase decode --device h200 --heads 8 --set a=1", "--heads, --set: not for a decode step"),
        ("--heads 8 --score-width 64 --phase decode --device h200", "no context: give --context, such as 32K"),
        ("llama3-8b --phase decode --device h200 --lengths 4K --trace azure-conv", "--lengths and --trace both say"),
        ("llama3-8b --phase decode --device h200 --lengths 4K --batch 2", "batch = 2, but 1 lengths are given."),
        ("llama3-8b --phase decode --device h200 --lengths 4K,x", "--lengths"),
        ("llama3-8b --mapping flash --device h200 --splits 3", "only decode-splitkv takes a number of splits"),
        ("llama3-8b --phase decode --device h200 --kv-policy page-select:budget=3", "Nearest legal budget: 16."),
    ],
)
def test_refused_for_decode(args: str, message: str, cli: Cli) -> None:
    assert message in " ".join(cli("estimate", *args.split(), code=2).stderr.split())
