"""Following every path of a function, and joining the outcomes."""

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.mappings.spatial import batch_paths
from attnscope.mappings.spatial.batch import compile_batch
from attnscope.mappings.spatial.batch_paths import explore, joined, mapped, outcomes
from attnscope.mappings.spatial.batch_symbols import Graph, Number


def test_all_paths_are_joined_into_one_number() -> None:
    graph = Graph()
    x = graph.input("x", 0, 10)

    def stairs() -> int:
        if x < 3:
            return 1
        return 2 if x < 7 else 3

    tree = explore(graph, stairs)
    assert sorted(outcomes(tree)) == [1, 2, 3]
    number = joined(graph, mapped(tree, lambda step: 10 * step), lambda step: step)
    assert number is not None
    found = compile_batch(graph, {"y": number.real()})({"x": np.arange(11.0)})["y"]
    assert found.tolist() == [10.0] * 3 + [20.0] * 4 + [30.0] * 4


def test_a_range_answers_without_a_fork() -> None:
    graph = Graph()
    x = graph.input("x", 5, 10)
    assert outcomes(explore(graph, lambda: "high" if x > 4 else "low")) == ["high"]


def test_the_same_question_has_the_same_answer_on_a_path() -> None:
    graph = Graph()
    x = graph.input("x", 0, 10)
    assert sorted(outcomes(explore(graph, lambda: (bool(x < 5), bool(x < 5))))) == [(False, False), (True, True)]


def test_outcomes_that_do_not_matter_are_left_out() -> None:
    graph = Graph()
    x = graph.input("x", 0, 10)
    tree = explore(graph, lambda: 7 if x < 5 else None)
    number = joined(graph, tree, lambda value: value)
    assert number is not None
    assert number.node.value == 7


def test_too_many_paths_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_paths, "MOST_PATHS", 10)
    graph = Graph()
    xs = [graph.input(f"x{i}", 0, 1) for i in range(5)]
    with pytest.raises(UsageError, match="takes more than 10 paths over this space; narrow its ranges"):
        explore(graph, lambda: [bool(x < 1) for x in xs])


def test_a_question_outside_of_a_trace_is_refused() -> None:
    graph = Graph()
    x = graph.input("x", 0, 1)
    with pytest.raises(UsageError, match="outside of a trace"):
        bool(x < 1)


def test_equal_work_is_one_node() -> None:
    graph = Graph()
    x = graph.input("x", 1, 9)
    assert (x + 1).id == (x + 1).id
    assert (x * 1).id == x.id
    assert isinstance(0 + x, Number)
    assert f"{x:.3g}" == "<x>"
