"""The dependence graph: order, critical path, cheapest cut."""

import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import critical_path, library, load, min_cut, to_graph, topological_order
from attnscope.einsum_cascade.testing import random_cascade
from attnscope.errors import UnknownNameError, UsageError


def test_the_graph_has_a_node_for_each_tensor() -> None:
    graph = to_graph(load("attention-1pass"))
    assert set(graph) == set(load("attention-1pass").tensors)
    assert graph.nodes["K"] == {"kind": "input", "ranks": ("E", "M")}
    assert graph.nodes["AV"]["kind"] == "output"
    assert graph.nodes["SLN"]["operators"] == ("sub", "exp")
    assert graph.edges["RM", "SLN"] == {"indices": "m1+1, p", "carried": False}
    assert graph.edges["RD", "SPD"]["carried"]


@pytest.mark.parametrize("name", library())
def test_without_carried_reads_there_is_no_cycle(name: str) -> None:
    graph = to_graph(load(name), carried=False)
    assert nx.is_directed_acyclic_graph(graph)
    order = {tensor: place for place, tensor in enumerate(topological_order(load(name)))}
    assert all(order[a] < order[b] for a, b in graph.edges if a in order)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10**6))
def test_the_critical_path_is_the_longest(seed: int) -> None:
    cascade = random_cascade(seed, 8)
    weights = {einsum.name: float(1 + place % 3) for place, einsum in enumerate(cascade.einsums)}
    path = critical_path(cascade, weights)
    graph = to_graph(cascade, carried=False).subgraph(cascade.by_name)
    heaviest = max(
        sum(weights[node] for node in chain)
        for source in graph
        for target in graph
        for chain in (nx.all_simple_paths(graph, source, target) if source != target else [[source]])
    )
    assert path.weight == heaviest
    assert all(graph.has_edge(a, b) for a, b in zip(path.einsums, path.einsums[1:], strict=False))


def test_the_critical_path_reads_well() -> None:
    path = critical_path(load("attention-3pass"))
    assert str(path) == "QK -> GM -> SN -> SD -> A -> AV (weight 6)"
    assert json.loads(json.dumps(path.to_dict())) == {"einsums": ["QK", "GM", "SN", "SD", "A", "AV"], "weight": 6.0}


def test_the_cheapest_cut_of_the_one_pass_cascade_is_behind_the_loop() -> None:
    sizes = {"E": 64, "F": 64, "P": 128, "M": 1024, "M0": 128}
    cut = min_cut(load("attention-1pass"), sizes)
    assert cut.tensors == ("RD", "RNV")
    assert cut.after == ("AV",)
    assert json.loads(json.dumps(cut.to_dict()))["elements"] == cut.elements


def test_cuts_by_hand() -> None:
    sizes = {"E": 64, "F": 64, "P": 128, "M": 1024}
    cut = min_cut(load("attention-3pass"), sizes, before=["QK"], after=["AV"])
    assert cut.tensors in (("QK",), ("A",))
    assert cut.elements == 1024 * 128
    tight = min_cut(load("attention-3pass"), sizes, before=["SN"], after=["SD"])
    assert tight.tensors == ("SN",)
    assert str(tight) == "QK, GM, SN | SD, A, AV: SN cross, 131,072 elements"


def test_impossible_cuts_are_refused() -> None:
    sizes = {"E": 4, "F": 4, "P": 4, "M": 4}
    with pytest.raises(UsageError, match="an Einsum that must come before needs one that must come after"):
        min_cut(load("attention-3pass"), sizes, before=["AV"], after=["QK"])
    with pytest.raises(UnknownNameError, match=r"no Einsum named 'AW'\."):
        min_cut(load("attention-3pass"), sizes, after=["AW"])
