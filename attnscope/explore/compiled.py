"""A group of points compiled for streaming: its figures traced once, split by how often each part has to be worked out.

The last axes form a block of consecutive points. What depends on the other axes only is worked out once per block, what
depends on the block's axes only once in all; the rest is done for every point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import IllegalMappingError, SpecError, UsageError
from attnscope.explore.expressions import Expression
from attnscope.explore.figures import FOLLOWING_EXPRESSIONS
from attnscope.explore.space import Group, Space
from attnscope.mappings.spatial.batch import Batch, compile_batch
from attnscope.mappings.spatial.batch_code import Code, lower
from attnscope.mappings.spatial.batch_symbols import Graph, Number
from attnscope.mappings.spatial.batch_trace import METRICS, trace

BLOCK_POINTS = 4096
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Compiled:
    """The figures of a group of points over its axes.

    Attributes:
        graph: holds all numbers; its inputs are called as the axes are.
        legal: where the mapping fits. allowed: where the constraints hold.
        figures: every figure. objectives: what is minimised, three of them; zero where the space has fewer.
        refusal: why the mapping fits nowhere, else empty.
    """

    space: Space
    group: Group
    graph: Graph
    legal: Number
    allowed: Number
    figures: Mapping[str, Number]
    objectives: tuple[Number, ...]
    refusal: str = ""

    def batch(self) -> Batch:
        """Return the evaluator of single points: `legal`, `allowed` and every metric."""
        metrics = {name: self.figures[name] for name in METRICS}
        return compile_batch(self.graph, {"legal": self.legal, "allowed": self.allowed, **metrics})


def compile_group(space: Space, group: Group) -> Compiled:
    """Trace the mapping of a group over the axes of the space.

    Raises:
        UsageError: a constraint that no point can satisfy; derived fields that a field refuses.
    """
    graph = Graph()
    chosen = {axis.path: _symbol(graph, axis.path, axis.values) for axis in space.axes}
    replaced = space.fields(group, chosen)
    _check_ranges(space, replaced)
    traced = trace(graph, group.shape, group.mapping, group.device, replaced, group.accounting)
    if traced.refusal:
        return Compiled(space, group, graph, traced.legal, traced.legal, {}, (), _reason(space, group, traced.refusal))
    figures: dict[str, Number] = dict(traced.outputs)
    for name, expression in FOLLOWING_EXPRESSIONS.items():
        figures[name] = graph.lift(expression.value(figures)).real()
    names = {**space.visible(group, chosen, replaced), **figures}
    allowed = graph.lift(True)
    for constraint in space.constraints:
        allowed = graph.apply("and", allowed, _condition(graph, constraint, names))
    objectives = [graph.lift(e.value(names)).real() for e in space.minimize]
    objectives += [graph.lift(0.0)] * (3 - len(objectives))
    return Compiled(space, group, graph, traced.legal, allowed, figures, tuple(objectives))


def _reason(space: Space, group: Group, traced: str) -> str:
    """Why the mapping does not fit, in the words of the estimate of the group's first point."""
    try:
        space.point(group.first).estimate()
    except IllegalMappingError as reason:
        return str(reason)
    return traced


def _symbol(graph: Graph, path: str, values: Sequence[Any]) -> Number:
    if len(values) == 1:
        return graph.constant(values[0])
    low, high = min(values), max(values)
    return graph.input(path, low, high) if isinstance(values[0], int) else graph.input(path, float(low), float(high))


def _condition(graph: Graph, constraint: Expression, names: Mapping[str, Any]) -> Number:
    return graph.lift(constraint.value(names))


def _check_ranges(space: Space, replaced: Mapping[str, Any]) -> None:
    """Refuse derived fields that can leave the positive numbers, where every field lies."""
    for path in space.derived:
        value = replaced.get(path)
        low = value.node.low if isinstance(value, Number) else value
        if low is not None and (low < 0 or (low == 0 and isinstance(low, int))):
            raise SpecError(
                f"{space.where}: derived {path} = {space.derived[path].text!r} can come out as {low:g} over this "
                "space; fields are positive. Put max(..., 1) around it."
            )


@dataclass(frozen=True)
class Part:
    """Code of one part with the graph inputs it reads and the nodes it gives."""

    code: Code
    axes: tuple[int, ...]
    rows: tuple[int, ...]
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """The code of a group in three parts.

    Attributes:
        n_inner: axes that form a block, `block` points each; `blocks` of them.
        outer, inner: parts worked out once per block and once in all; the first two outputs of `outer` say whether
            the block is legal and allowed. mixed: the part of every point: three objectives, legal, allowed.
        ask_legal, ask_allowed: whether these two differ within a block.
    """

    n_inner: int
    block: int
    blocks: int
    outer: Part
    inner: Part
    mixed: Code
    ask_legal: bool
    ask_allowed: bool


def split(compiled: Compiled) -> Split:
    """Return the parts of a group's code for streaming its objectives."""
    space, graph = compiled.space, compiled.graph
    lengths = [len(axis) for axis in space.axes]
    n_inner, block = 0, 1
    while n_inner < len(lengths) and block < BLOCK_POINTS:
        n_inner += 1
        block *= lengths[-n_inner]
    index = {axis.path: k for k, axis in enumerate(space.axes)}
    inner_mask = sum(1 << k for k in range(len(lengths) - n_inner, len(lengths)))
    depends = _dependencies(graph, index)

    def once(node: int) -> str:
        mask = depends[node]
        return "const" if not mask else "outer" if not mask & inner_mask else "inner" if not mask & ~inner_mask else ""

    legal_parts = _conjuncts(graph, compiled.legal.id)
    allowed_parts = _conjuncts(graph, compiled.allowed.id)
    outer_legal = _all(graph, [n for n in legal_parts if once(n) in ("outer", "const")])
    outer_allowed = _all(graph, [n for n in allowed_parts if once(n) in ("outer", "const")])
    point_legal = _all(graph, [n for n in legal_parts if once(n) not in ("outer", "const")])
    point_allowed = _all(graph, [n for n in allowed_parts if once(n) not in ("outer", "const")])
    depends = _dependencies(graph, index)
    targets = [*(o.id for o in compiled.objectives), point_legal.id, point_allowed.id]
    border = _border(graph, targets, once)
    outer_nodes = [outer_legal.id, outer_allowed.id, *(n for n in border if once(n) == "outer")]
    inner_nodes = [n for n in border if once(n) == "inner"]
    return Split(
        n_inner=n_inner,
        block=block,
        blocks=space.points_per_group // block,
        outer=_part(graph, outer_nodes, index),
        inner=_part(graph, inner_nodes, index),
        mixed=lower(graph, targets, [*outer_nodes[2:], *inner_nodes]),
        ask_legal=point_legal.node.op != "const",
        ask_allowed=point_allowed.node.op != "const",
    )


def _dependencies(graph: Graph, index: Mapping[str, int]) -> list[int]:
    """For each node the set of axes it depends on, as bits."""
    out: list[int] = []
    for node in graph.nodes:
        mask = 1 << index[node.name] if node.op == "input" else 0
        for arg in node.args:
            mask |= out[arg]
        out.append(mask)
    return out


def _conjuncts(graph: Graph, node: int) -> list[int]:
    if graph.nodes[node].op == "and":
        return [part for arg in graph.nodes[node].args for part in _conjuncts(graph, arg)]
    return [node]


def _all(graph: Graph, nodes: Sequence[int]) -> Number:
    out = graph.lift(True)
    for node in nodes:
        out = graph.apply("and", out, Number(graph, node))
    return out


def _border(graph: Graph, targets: Sequence[int], once: Any) -> list[int]:
    """Nodes that the code of every point reads ready-made: the last on each way that need no work per point."""
    seen: set[int] = set()
    border: dict[int, None] = {}
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        kind = once(node)
        if kind in ("outer", "inner"):
            border[node] = None
        elif not kind:
            stack += graph.nodes[node].args
    return sorted(border)


def _part(graph: Graph, nodes: Sequence[int], index: Mapping[str, int]) -> Part:
    code = lower(graph, nodes)
    inputs = list(code.inputs)
    axes = tuple(index[graph.nodes[node].name] for node in inputs)
    return Part(code, axes, tuple(code.inputs[node] for node in inputs), tuple(nodes))


def refuse_nowhere(compiled: Sequence[Compiled]) -> None:
    """Refuse a space in which no group can be run or no point can satisfy the constraints.

    Raises:
        UsageError: with the reason of the first group, or the constraint and the range of what it bounds.
    """
    if all(one.refusal for one in compiled):
        raise UsageError(f"no mapping of the space runs on any of its devices. {compiled[0].refusal}")
    for one in compiled:
        if one.refusal or one.allowed.node.op != "const" or one.allowed.node.value:
            return
    impossible = next((text for text in _impossible(compiled)), "all constraints together")
    where = compiled[0].space.where
    raise UsageError(f"{where}: no point of the space can satisfy {impossible}. Relax the constraint.")


def _impossible(compiled: Sequence[Compiled]) -> list[str]:
    one = next(c for c in compiled if not c.refusal)
    graph, space = one.graph, one.space
    chosen = {
        axis.path: graph.constant(axis.values[0])
        if len(axis) == 1
        else next(Number(graph, i) for i, n in enumerate(graph.nodes) if n.op == "input" and n.name == axis.path)
        for axis in space.axes
    }
    names = {**space.visible(one.group, chosen, space.fields(one.group, chosen)), **one.figures}
    out = []
    for constraint in space.constraints:
        node = _condition(graph, constraint, names).node
        if node.op == "const" and not node.value:
            ranges = [
                f"{name} runs from {names[name].node.low:.6g} to at most {names[name].node.high:.6g}"
                for name in constraint.names
                if isinstance(names[name], Number)
            ]
            out.append(f"{constraint.text!r}: {', '.join(ranges) or 'it is false everywhere'}")
    return out
