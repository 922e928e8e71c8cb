"""Following every path that a function over symbolic numbers can take, and joining the ends into one value.

A function is run once for each way its ``if``s can go; the runs form a binary tree of conditions with outcomes at the
leaves. `joined` turns such a tree into selects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from attnscope.errors import UsageError
from attnscope.mappings.spatial.batch_symbols import Graph, Number, Scalar

T = TypeVar("T")
U = TypeVar("U")
Decision = tuple[int, bool]
MOST_PATHS = 20_000


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """The outcome of one path."""

    outcome: T


@dataclass(frozen=True, slots=True)
class Fork(Generic[T]):
    """Two ways on, by the truth of a condition."""

    condition: int
    yes: "Tree[T]"
    no: "Tree[T]"


Tree = Leaf[T] | Fork[T]


def explore(graph: Graph, function: Callable[[], T]) -> Tree[T]:
    """Run `function` along every path and return the tree of its outcomes.

    Raises:
        UsageError: there are more than 20,000 paths.
    """
    return _Explorer(graph, function).grow([])


class _Explorer(Generic[T]):
    def __init__(self, graph: Graph, function: Callable[[], T]) -> None:
        self.graph, self.function, self.paths = graph, function, 0

    def grow(self, prefix: list[Decision]) -> Tree[T]:
        """Follow `prefix`, then always `True`; then turn each of those answers round, the last one first."""
        outcome, path = self._run(prefix)
        tree: Tree[T] = Leaf(outcome)
        for i in range(len(path) - 1, len(prefix) - 1, -1):
            condition = path[i][0]
            tree = Fork(condition, tree, self.grow([*path[:i], (condition, False)]))
        return tree

    def _run(self, prefix: list[Decision]) -> tuple[T, list[Decision]]:
        self.paths += 1
        if self.paths > MOST_PATHS:
            raise UsageError(f"the mapping takes more than {MOST_PATHS:,} paths over this space; narrow its ranges.")
        path = list(prefix)
        known = dict(prefix)

        def answer(condition: int) -> bool:
            if condition not in known:
                known[condition] = True
                path.append((condition, True))
            return known[condition]

        before, self.graph.answer = self.graph.answer, answer
        try:
            return self.function(), path
        finally:
            self.graph.answer = before


def outcomes(tree: Tree[T]) -> list[T]:
    """Return the outcomes of all paths."""
    return [tree.outcome] if isinstance(tree, Leaf) else [*outcomes(tree.yes), *outcomes(tree.no)]


def joined(graph: Graph, tree: Tree[T], value: Callable[[T], Number | Scalar | None]) -> Number | None:
    """Return one number for the whole tree: `value` of the outcome whose path a point takes.

    Where `value` is None the point does not matter; None where that is so for all.
    """
    if isinstance(tree, Leaf):
        found = value(tree.outcome)
        return None if found is None else graph.lift(found)
    yes, no = joined(graph, tree.yes, value), joined(graph, tree.no, value)
    if yes is None or no is None:
        return no if yes is None else yes
    return graph.select(Number(graph, tree.condition), yes, no)


def mapped(tree: Tree[T], function: Callable[[T], U]) -> Tree[U]:
    """Return the tree with `function` of each outcome."""
    if isinstance(tree, Leaf):
        return Leaf(function(tree.outcome))
    return Fork(tree.condition, mapped(tree.yes, function), mapped(tree.no, function))


__all__ = ["Fork", "Leaf", "Tree", "explore", "joined", "mapped", "outcomes"]
