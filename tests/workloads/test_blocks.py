"""Operator graphs: builders, JSON files, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import SpecError, UnknownNameError
from attnscope.workloads.blocks import BlockGraph, Style, block_graph, read_block_graph
from attnscope.workloads.models import load_model


def operators(**changed: Any) -> list[dict[str, Any]]:
    """x feeds an attention, whose result is added to x."""
    table: dict[str, dict[str, Any]] = {
        "x": {"kind": "input", "inputs": [], "bytes_per_token": 8},
        "a": {"kind": "attention", "inputs": ["x", "x", "x"], "bytes_per_token": 8},
        "y": {"kind": "add", "inputs": ["x", "a"], "bytes_per_token": 8},
    }
    for name, fields in changed.items():
        table[name] = {**table.get(name, {}), **fields}
    return [{"name": name, **fields} for name, fields in table.items()]


def graph_file(folder: Path, found: list[dict[str, Any]], **fields: Any) -> Path:
    path = folder / "block.json"
    path.write_text(json.dumps({"operators": found, **fields}), encoding="utf-8")
    return path


@pytest.mark.parametrize("style", ["sequential", "parallel", "moe"])
def test_every_style_is_one_attention_between_input_and_result(style: Style) -> None:
    graph = block_graph(load_model("llama3-70b"), style)
    assert [op.name for op in graph.attentions] == ["attention"]
    assert graph.results == ("add 2",)
    assert graph.layers == 80
    assert graph.by_name["x"].bytes_per_token == 16384
    assert graph.by_name["key projection"].bytes_per_token == 2048


def test_a_plain_feed_forward_layer_has_no_gate() -> None:
    names = block_graph(load_model("bert")).by_name
    assert "gate projection" not in names
    assert names["activation"].inputs == ("up projection",)


def test_a_graph_is_read_from_json(tmp_path: Path) -> None:
    graph = read_block_graph(graph_file(tmp_path, operators(), layers=3))
    assert isinstance(graph, BlockGraph)
    assert (graph.name, graph.layers, graph.results) == ("block", 3, ("y",))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": {"inputs": ["xx", "a"]}}, r"y reads 'xx', which is no operator. Did you mean 'x'\?"),
        ({"a": {"inputs": ["x", "x"]}}, r"attention a reads 2 tensors; it needs three: query, key, value."),
        ({"a": {"kind": "add"}}, r"there is no operator of kind 'attention' to cut at. Add one."),
        ({"x": {"inputs": ["y"]}}, r"these operators wait for each other: x, a, y."),
        ({"z": {"kind": "norm", "inputs": ["x"], "bytes_per_token": 1}}, r"one result that nothing reads; found y, z."),
        ({"y": {"kind": "sum"}}, r"operators.2.kind = 'sum' is refused"),
    ],
)
def test_wrong_graphs_are_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_block_graph(graph_file(tmp_path, operators(**changed)))


def test_an_operator_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"the operator 'x' is defined twice"):
        read_block_graph(graph_file(tmp_path, [*operators(), *operators()[:1]]))


def test_files_that_are_no_graph_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.json: no such file. Give a JSON file with operators"):
        read_block_graph(tmp_path / "none.json")
    path = tmp_path / "bad.json"
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(SpecError, match=r"expected a JSON object, found list"):
        read_block_graph(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SpecError, match=r"not valid JSON"):
        read_block_graph(path)


def test_an_unknown_style_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no style of block named 'paralel'. Did you mean 'parallel'\?"):
        block_graph(load_model("bert"), "paralel")  # type: ignore[arg-type]
