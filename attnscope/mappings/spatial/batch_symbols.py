"""Numbers that write down what is done to them, so that Python code for one point becomes a program for many.

A `Number` stands for one input or intermediate value. Arithmetic on it adds a node to its `Graph`; equal nodes are
one node. Asking a number a question (``if a > b``) needs an answer: the graph's range of the value gives it, else the
path that `batch_paths` is following.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from attnscope.errors import UsageError
from attnscope.mappings.spatial.batch_operations import BOOL, FLOAT, FOLD, INT, KIND, RANGE

Scalar = int | float | bool
Answer = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: `args` are earlier nodes; every value lies in `low` to `high`. `value` is that of a constant."""

    op: str
    args: tuple[int, ...]
    kind: str
    low: float
    high: float
    value: Scalar | None = None
    name: str = ""


class Graph:
    """All nodes of one trace, in the order they were made."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], int] = {}
        self.answer: Answer = _nobody

    def input(self, name: str, low: Scalar, high: Scalar) -> "Number":
        """Return the number called `name`; an integer where both its bounds are."""
        kind = INT if isinstance(low, int) and isinstance(high, int) else FLOAT
        return self._intern(Node("input", (), kind, low, high, name=name))

    def constant(self, value: Scalar) -> "Number":
        """Return a number that is always `value`."""
        return self._intern(Node("const", (), _kind(value), value, value, value))

    def lift(self, value: Any) -> "Number":
        """Return `value` as a number of this graph."""
        return value if isinstance(value, Number) else self.constant(value)

    def apply(self, op: str, *values: Any) -> "Number":
        """Return the result of one operation."""
        args = [self.lift(value) for value in values]
        nodes = [arg.node for arg in args]
        if all(node.op == "const" for node in nodes):
            return self.constant(FOLD[op](*(node.value for node in nodes)))
        same = _simplified(op, args)
        if same is not None:
            return same
        kind = KIND[op] if op in KIND else FLOAT if any(node.kind == FLOAT for node in nodes) else INT
        low, high = RANGE[op](*((node.low, node.high) for node in nodes))
        if kind == BOOL and low == high:
            return self.constant(bool(low))
        return self._intern(Node(op, tuple(arg.id for arg in args), kind, low, high))

    def select(self, condition: Any, yes: Any, no: Any) -> "Number":
        """Return `yes` where the condition holds, else `no`; the common part of both is worked out once."""
        c, a, b = self.lift(condition), self.lift(yes), self.lift(no)
        if c.node.op == "const":
            return a if c.node.value else b
        if a.id == b.id:
            return a
        if c.node.op == "not":
            return self.select(Number(self, c.node.args[0]), b, a)
        if a.node.kind == b.node.kind == BOOL and "const" in (a.node.op, b.node.op):
            return self._choice(c, a, b)
        if a.node.kind != b.node.kind:
            return self.select(c, a.real(), b.real())
        if a.node.op == "select" and a.node.args[0] == c.id:
            return self.select(c, Number(self, a.node.args[1]), b)
        if b.node.op == "select" and b.node.args[0] == c.id:
            return self.select(c, a, Number(self, b.node.args[2]))
        if a.node.op == b.node.op and len(a.node.args) == len(b.node.args) > 0:
            pairs = list(zip(a.node.args, b.node.args, strict=True))
            if sum(x != y for x, y in pairs) == 1:
                parts = [self.select(c, Number(self, x), Number(self, y)) for x, y in pairs]
                return self.select(*parts) if a.node.op == "select" else self.apply(a.node.op, *parts)
        low, high = min(a.node.low, b.node.low), max(a.node.high, b.node.high)
        return self._intern(Node("select", (c.id, a.id, b.id), a.node.kind, low, high))

    def _choice(self, c: "Number", a: "Number", b: "Number") -> "Number":
        """A select between truth values, one of them constant, in terms of and, or and not."""
        if a.node.op == "const":
            return self.apply("or", c, b) if a.node.value else self.apply("and", self.apply("not", c), b)
        return self.apply("or", self.apply("not", c), a) if b.node.value else self.apply("and", c, a)

    def _intern(self, node: Node) -> "Number":
        # 1, 1.0 and True are equal in Python but not the same constant here.
        key = (node.op, node.args, node.kind, repr(node.value), node.name)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return Number(self, found)


def _nobody(condition: int) -> NoReturn:
    raise UsageError(f"condition {condition} was asked outside of a trace.")


def _kind(value: Scalar) -> str:
    return BOOL if isinstance(value, bool) else INT if isinstance(value, int) else FLOAT


class Number:
    """One value of a graph. Arithmetic and comparisons give numbers; `bool()` asks the graph for an answer."""

    __slots__ = ("graph", "id")

    def __init__(self, graph: Graph, node_id: int) -> None:
        self.graph, self.id = graph, node_id

    @property
    def node(self) -> Node:
        """The node behind the number."""
        return self.graph.nodes[self.id]

    def real(self) -> "Number":
        """Return the number as a float."""
        return self if self.node.kind == FLOAT else self.graph.apply("real", self)

    def __add__(self, other: Any) -> "Number":
        return self.graph.apply("add", self, other)

    def __radd__(self, other: Any) -> "Number":
        return self.graph.apply("add", other, self)

    def __sub__(self, other: Any) -> "Number":
        return self.graph.apply("sub", self, other)

    def __rsub__(self, other: Any) -> "Number":
        return self.graph.apply("sub", other, self)

    def __mul__(self, other: Any) -> "Number":
        return self.graph.apply("mul", self, other)

    def __rmul__(self, other: Any) -> "Number":
        return self.graph.apply("mul", other, self)

    def __truediv__(self, other: Any) -> "Number":
        return self.graph.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> "Number":
        return self.graph.apply("div", other, self)

    def __floordiv__(self, other: Any) -> "Number":
        return self.graph.apply("floordiv", self, other)

    def __rfloordiv__(self, other: Any) -> "Number":
        return self.graph.apply("floordiv", other, self)

    def __mod__(self, other: Any) -> "Number":
        taken: Number = (self // other) * other
        return self - taken

    def __neg__(self) -> "Number":
        return self.graph.apply("neg", self)

    def __abs__(self) -> "Number":
        return self.graph.select(self < 0, -self, self)

    def __ceil__(self) -> "Number":
        return self.graph.apply("ceil", self)

    def __floor__(self) -> "Number":
        return self.graph.apply("floor", self)

    def __lt__(self, other: Any) -> "Number":
        return self.graph.apply("lt", self, other)

    def __gt__(self, other: Any) -> "Number":
        return self.graph.apply("lt", other, self)

    def __le__(self, other: Any) -> "Number":
        return self.graph.apply("le", self, other)

    def __ge__(self, other: Any) -> "Number":
        return self.graph.apply("le", other, self)

    def __eq__(self, other: Any) -> "Number":  # type: ignore[override]
        return self.graph.apply("eq", self, other)

    def __ne__(self, other: Any) -> "Number":  # type: ignore[override]
        return self.graph.apply("not", self == other)

    def __hash__(self) -> int:
        return hash((id(self.graph), self.id))

    def __bool__(self) -> bool:
        node = self.node
        if node.op == "const":
            return bool(node.value)
        if node.kind != BOOL:
            return bool(self != 0)
        if node.op == "not":
            return not Number(self.graph, node.args[0])
        return self.graph.answer(self.id)

    def __format__(self, spec: str) -> str:
        return f"<{self.node.name or self.node.op}>"


def _simplified(op: str, args: list[Number]) -> Number | None:
    """The argument that an operation with a neutral constant returns unchanged, bit for bit."""
    if op in ("real", "whole") and args[0].node.kind == (FLOAT if op == "real" else INT):
        return args[0]
    if op == "not" and args[0].node.op == "not":
        return Number(args[0].graph, args[0].node.args[0])
    if len(args) != 2 or op not in ("add", "mul", "and", "or"):
        return None
    for mine, other in (args, args[::-1]):
        value, kind = mine.node.value, other.node.kind
        if mine.node.op != "const":
            continue
        if op in ("and", "or"):
            return other if bool(value) == (op == "and") else mine
        unchanged = value == 1 if op == "mul" else value == 0 and (kind == INT or other.node.low >= 0)
        if unchanged:
            return other.real() if FLOAT in (kind, mine.node.kind) else other
        if op == "mul" and value == 0 and kind == INT == mine.node.kind:
            return mine
    return None
