from itertools import combinations

import pytest

from attnscope.cli.cascade_layout import BOX_HEIGHT, BOX_WIDTH, graph_info, layers_of
from attnscope.cli.cascade_plot import plot_cascade
from attnscope.einsum_cascade import library, load, parse, to_graph


@pytest.mark.parametrize("name", library())
def test_boxes_do_not_overlap_and_edges_run_down(name: str) -> None:
    cascade = load(name)
    info = graph_info(cascade)
    for one, two in combinations(info.nodes, 2):
        assert abs(one.x - two.x) >= BOX_WIDTH or abs(one.y - two.y) >= BOX_HEIGHT
    places = {node.name: node for node in info.nodes}
    for edge in info.edges:
        assert edge.carried or places[edge.source].y > places[edge.target].y
        assert len(edge.bends) == 0 or not edge.carried
    assert {node.name for node in info.nodes} == set(cascade.tensors)
    assert len(info.edges) == to_graph(cascade).number_of_edges()


def test_layers_are_longest_chains() -> None:
    layers = layers_of(load("attention-3pass"))
    assert [layers[name] for name in ("QK", "GM", "SN", "SD", "A", "AV")] == [1, 2, 3, 4, 5, 6]
    assert layers["V"] == 5


def test_passes_have_numbers_where_they_are_known() -> None:
    info = graph_info(load("attention-3pass"))
    numbers = {node.name: node.number for node in info.nodes}
    assert (info.rank, numbers["K"], numbers["QK"], numbers["SN"], numbers["AV"]) == ("M", -1, 1, 2, 3)
    assert graph_info(load("channel-attention")).rank == "N"


def test_passes_that_depend_on_a_length_are_left_out() -> None:
    text = "cascade again\nranks I, K\nY[i+1] = A[k] * Y[i]  sum k  Y[0] = 1\nZ[] = Y[I]\n"
    info = graph_info(parse(text))
    assert info.rank == ""
    assert {node.number for node in info.nodes if node.name != "A"} == {0}


def test_drawing_shows_every_tensor() -> None:
    figure = plot_cascade(graph_info(load("attention-1pass")))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"QK[M, P]", "RM[M1, P]", "AV[F, P]"} <= texts
