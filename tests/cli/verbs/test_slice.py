import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli

Data = Callable[..., Any]
OPERATORS = [
    {"name": "x", "kind": "input", "bytes_per_token": 64},
    {"name": "q", "kind": "linear", "inputs": ["x"], "bytes_per_token": 32},
    {"name": "k", "kind": "linear", "inputs": ["x"], "bytes_per_token": 8},
    {"name": "v", "kind": "linear", "inputs": ["x"], "bytes_per_token": 8},
    {"name": "attend", "kind": "attention", "inputs": ["q", "k", "v"], "bytes_per_token": 32},
    {"name": "sum", "kind": "add", "inputs": ["x", "attend"], "bytes_per_token": 64},
]


def test_cut_and_order(cli: Cli, data: Data) -> None:
    text = cli("slice", "llama3-70b").stdout
    assert text.startswith("llama3-70b: 80 attentions, 81 slices\n")
    for part in (
        "x, kept",
        "16 KiB",
        "Slice before attention",
        "send query",
        "Slice after attention",
        "one of 80 blocks",
    ):
        assert part in text
    (cut,) = data("slice", "llama3-70b")["cuts"]
    assert cut["kept"] == {"x": 16384}
    assert cut["overlapped"] == ["key projection", "value projection"]


def test_styles(data: Data) -> None:
    found = data("slice", "llama3-8b", "--style", "moe")
    assert "experts" in found["slices"][-1]
    assert "down projection" in data("slice", "llama3-8b", "--style", "parallel")["cuts"][0]["overlapped"]


def test_own_graph(cli: Cli, data: Data, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps({"operators": OPERATORS}))
    found = data("slice", "own.json")
    assert (found["name"], found["n_slices"]) == ("own", 2)
    assert found["cuts"][0]["kept"] == {"x": 64}
    assert "blocks" not in cli("slice", "own.json").stdout
    lines = cli("slice", "own.json", "--format", "csv").stdout.splitlines()
    assert lines[0] == "slice,step,action,operator,bytes_per_token"
    assert "0,2,send query,q,32.0" in lines


def test_configuration_file(data: Data, tmp_path: Path) -> None:
    config = {"hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 3, "model_type": "bert"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert data("slice", "config.json")["n_slices"] == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("lama3-8b", "no model named 'lama3-8b'. Did you mean 'llama3-8b'?"),
        ("nope.json", "nope.json: no such file. Give a JSON file with operators, or a Hugging Face config.json."),
        ("bad.json", "k reads 'y', which is no operator."),
        ("llama3-8b --style serial", "'serial' is none of sequential, parallel, moe."),
        ("", "Missing argument 'MODEL'."),
    ],
)
def test_refused(args: str, message: str, cli: Cli, tmp_path: Path) -> None:
    bad = [{**op, "inputs": ["y"]} if op["name"] == "k" else op for op in OPERATORS]
    (tmp_path / "bad.json").write_text(json.dumps({"operators": bad}))
    assert message in " ".join(cli("slice", *args.split(), code=2).stderr.split())
