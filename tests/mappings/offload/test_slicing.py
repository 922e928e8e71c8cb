"""Slices around attention: counts, the residual, the order inside, other kinds of blocks."""

import json
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import UnknownNameError
from attnscope.mappings.offload.slicing import minimum_cut, slice_block, slice_graph
from attnscope.workloads.blocks import BlockGraph, Style, block_graph
from attnscope.workloads.models import load_model


def test_a_llama_block_keeps_the_residual_alone() -> None:
    found = slice_block("llama3-70b")
    (cut,) = found.cuts
    assert (found.n_attentions, found.n_slices) == (80, 81)
    assert cut.kept == (("x", 16384.0),)
    assert (cut.query_bytes, cut.kv_bytes, cut.output_bytes) == (16384, 4096, 16384)
    assert cut.overlapped == ("key projection", "value projection")
    assert "80 attentions make 81 slices. Each keeps x (16 KiB per token)" in found.because


def test_queries_leave_right_after_their_projection_in_every_slice() -> None:
    found = slice_block("llama3-8b")
    for index in range(found.n_slices - 1):
        texts = [step.text for step in found.slice(index)]
        sent = texts.index("send query (query projection)")
        assert texts[sent - 1] == "query projection"
        assert texts[sent + 1 :] == [
            "key projection",
            "value projection",
            "send key and value (key projection and value projection)",
        ]


def test_slices_start_with_the_output_of_the_attention_before() -> None:
    found = slice_block("llama3-8b")
    assert found.slice(0)[0].text == "x"
    assert found.slice(7)[0].text == "receive (attention)"
    last = [step.text for step in found.slice(32)]
    assert (last[0], last[-1]) == ("receive (attention)", "add 2")
    with pytest.raises(IndexError, match="slice 33: there are 33, from 0"):
        found.slice(33)


def test_every_operator_runs_in_exactly_one_slice() -> None:
    styles: tuple[Style, ...] = ("sequential", "parallel", "moe")
    for style in styles:
        graph = block_graph(load_model("llama3-8b"), style)
        ran = [s.operator for piece in slice_graph(graph).pieces for s in piece if s.action == "run"]
        assert sorted(ran) == sorted(op.name for op in graph.operators if op.kind != "attention")


def test_a_parallel_block_hides_its_feed_forward_layer_behind_attention() -> None:
    (cut,) = slice_block("llama3-8b", style="parallel").cuts
    assert [name for name, _ in cut.kept] == ["add 1"]
    assert "down projection" in cut.overlapped


def small(x: float, norm: float, side: float) -> BlockGraph:
    """x -> norm -> q, k, v -> attention -> y; a side branch from norm joins at the end."""
    table: list[dict[str, Any]] = [
        {"name": "x", "kind": "input", "bytes_per_token": x},
        {"name": "norm", "kind": "norm", "inputs": ("x",), "bytes_per_token": norm},
        {"name": "q", "kind": "linear", "inputs": ("norm",), "bytes_per_token": 4.0},
        {"name": "k", "kind": "linear", "inputs": ("norm",), "bytes_per_token": 1.0},
        {"name": "v", "kind": "linear", "inputs": ("norm",), "bytes_per_token": 1.0},
        {"name": "a", "kind": "attention", "inputs": ("q", "k", "v"), "bytes_per_token": 4.0},
        {"name": "side", "kind": "linear", "inputs": ("norm",), "bytes_per_token": side},
        {"name": "y", "kind": "add", "inputs": ("a", "side", "x"), "bytes_per_token": 4.0},
    ]
    return BlockGraph.model_validate({"name": "small", "operators": table})


def kept_bytes(graph: BlockGraph, early: set[str]) -> float:
    readers = [op for op in graph.operators if op.name not in early and op.kind != "attention"]
    kept = {source for op in readers for source in op.inputs if source in early}
    return sum(graph.by_name[name].bytes_per_token for name in kept)


@pytest.mark.parametrize(("x", "norm", "side"), [(4, 4, 1), (4, 1, 9), (2, 8, 8), (1, 1, 1)])
def test_the_cut_is_the_lightest_of_all_legal_ones(x: float, norm: float, side: float) -> None:
    graph = small(x, norm, side)
    must = {"x", "norm", "q", "k", "v"}
    free = ["side"]
    choices = [must | set(more) for more in chain.from_iterable(combinations(free, n) for n in range(2))]
    assert kept_bytes(graph, minimum_cut(graph, "a")) == min(kept_bytes(graph, c) for c in choices)


def test_keys_shared_by_two_layers_are_kept_for_the_second(tmp_path: Path) -> None:
    table = [
        {"name": "x", "kind": "input", "bytes_per_token": 8},
        {"name": "q1", "kind": "linear", "inputs": ["x"], "bytes_per_token": 8},
        {"name": "kv", "kind": "linear", "inputs": ["x"], "bytes_per_token": 2},
        {"name": "a1", "kind": "attention", "inputs": ["q1", "kv", "kv"], "bytes_per_token": 8},
        {"name": "add", "kind": "add", "inputs": ["x", "a1"], "bytes_per_token": 8},
        {"name": "q2", "kind": "linear", "inputs": ["add"], "bytes_per_token": 8},
        {"name": "a2", "kind": "attention", "inputs": ["q2", "kv", "kv"], "bytes_per_token": 8},
        {"name": "y", "kind": "add", "inputs": ["add", "a2"], "bytes_per_token": 8},
    ]
    path = tmp_path / "shared.json"
    path.write_text(json.dumps({"operators": table}), encoding="utf-8")
    found = slice_block(str(path))
    assert found.n_slices == 3
    assert dict(found.cuts[0].kept) == {"x": 8, "kv": 2}
    assert dict(found.cuts[1].kept) == {"add": 8}
    assert found.cuts[0].kv_bytes == 2
    assert [step.text for step in found.slice(1)][:2] == ["receive (a1)", "add"]


def test_slices_as_plain_values() -> None:
    found = slice_block(load_model("llama3-8b"))
    plain = found.to_dict()
    assert json.loads(json.dumps(plain))["n_slices"] == 33
    rows = found.to_records()
    assert rows[3] == {
        "slice": 0,
        "step": 3,
        "action": "send query",
        "operator": "query projection",
        "bytes_per_token": 8192.0,
    }


def test_a_hugging_face_configuration_is_sliced_too(tmp_path: Path) -> None:
    config = {"num_attention_heads": 4, "hidden_size": 64, "num_hidden_layers": 3, "model_type": "llama"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    assert slice_block(str(path)).n_slices == 4


def test_an_unknown_model_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no model named 'lama3-70b'. Did you mean 'llama3-70b'"):
        slice_block("lama3-70b")
