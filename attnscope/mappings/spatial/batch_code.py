"""From a graph of numbers to instructions of the block machine: which nodes are needed, in which rows they live.

Integers are kept as floats where every value of theirs is below 2^53, and so exact; beyond, as 64-bit integers. A
product that feeds one sum, and similar pairs, are one instruction; both roundings stay.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.mappings.spatial import batch_machine as machine
from attnscope.mappings.spatial.batch_operations import FLOAT, INT
from attnscope.mappings.spatial.batch_symbols import Graph, Node

EXACT = 2**53
LARGEST = 2**63 - 1

_PLAIN = {
    "add": machine.ADD, "sub": machine.SUB, "mul": machine.MUL, "div": machine.DIV, "neg": machine.NEG,
    "min": machine.MIN, "max": machine.MAX, "lt": machine.LT, "le": machine.LE, "eq": machine.EQ,
    "and": machine.AND, "or": machine.OR, "not": machine.NOT, "select": machine.SELECT, "sqrt": machine.SQRT,
    "ceil": machine.CEIL, "floor": machine.FLOOR, "whole": machine.WHOLE, "divisor": machine.DIVISOR,
}  # fmt: skip
_WIDE = {
    "add": machine.WIDE_ADD, "sub": machine.WIDE_SUB, "mul": machine.WIDE_MUL, "neg": machine.WIDE_NEG,
    "lt": machine.WIDE_LT, "le": machine.WIDE_LE, "eq": machine.WIDE_EQ, "select": machine.WIDE_SELECT,
    "floordiv": machine.WIDE_FLOORDIV, "min": machine.WIDE_MIN, "max": machine.WIDE_MAX,
}  # fmt: skip


@dataclass(frozen=True)
class Code:
    """Instructions over rows.

    Attributes:
        steps: [n, 6] opcode, result row, up to four operand rows.
        n_rows: rows in use; `inputs` gives those to fill, by node, `constants` those that never change.
        outputs: row of each output, in order.
        wide: rows that hold 64-bit integers.
    """

    steps: NDArray[np.int64]
    n_rows: int
    inputs: Mapping[int, int]
    constants: Mapping[int, float | int]
    outputs: tuple[int, ...]
    wide: frozenset[int]


def is_wide(node: Node) -> bool:
    """Return whether the node holds integers that a float cannot."""
    return node.kind == INT and max(abs(node.low), abs(node.high)) > EXACT


def lower(graph: Graph, outputs: Sequence[int], given: Iterable[int] = ()) -> Code:
    """Return code for the nodes `outputs`, given those of `given` and all inputs of the graph.

    Raises:
        UsageError: a count over the ranges of the inputs goes beyond 64 bits.
    """
    return _Lowering(graph, outputs, set(given)).code()


@dataclass
class _Lowering:
    graph: Graph
    targets: Sequence[int]
    given: set[int]
    uses: dict[int, int] = field(default_factory=dict)
    steps: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)  # opcode, value, operand values
    values: dict[int, int] = field(default_factory=dict)  # node -> value number
    wide_values: set[int] = field(default_factory=set)
    inputs: dict[int, int] = field(default_factory=dict)
    constants: dict[int, float | int] = field(default_factory=dict)
    converted: dict[tuple[str, int], int] = field(default_factory=dict)
    n_values: int = 0

    def code(self) -> Code:
        order = self._order()
        for node in order:
            for arg in self.graph.nodes[node].args if node not in self.given else ():
                self.uses[arg] = self.uses.get(arg, 0) + 1
        for target in self.targets:
            self.uses[target] = self.uses.get(target, 0) + 2
        for target in self.targets:
            self._value(target)
        return self._allocated()

    def _order(self) -> list[int]:
        seen: dict[int, None] = {}
        stack = list(self.targets)
        while stack:
            node = stack.pop()
            if node not in seen:
                seen[node] = None
                stack += self.graph.nodes[node].args if node not in self.given else ()
        return list(seen)

    def _new(self) -> int:
        self.n_values += 1
        return self.n_values - 1

    def _value(self, root: int) -> int:
        """Emit what `root` needs, operands first, and return the value number of its result."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self.values:
                stack.pop()
                continue
            missing = [arg for arg in self._operands(node) if arg not in self.values]
            if missing:
                stack += missing[::-1]
            else:
                self.values[node] = self._emit(node)
                stack.pop()
        return self.values[root]

    def _node(self, i: int) -> Node:
        return self.graph.nodes[i]

    def _fusable(self, i: int, op: str) -> bool:
        """Whether node `i` is an `op` that only one node uses, so that it can be a part of that node's instruction."""
        node = self._node(i)
        return node.op == op and self.uses.get(i, 0) == 1 and i not in self.given and not self._needs_wide(node)

    def _needs_wide(self, node: Node) -> bool:
        return is_wide(node) or any(is_wide(self._node(a)) for a in node.args)

    def _pattern(self, i: int) -> tuple[int, tuple[int, ...]] | None:
        """Opcode and operands of a node that swallows one of its operands, None where it stands alone."""
        node = self._node(i)
        if i in self.given or self._needs_wide(node):
            return None
        if node.op == "neg" and node.kind == INT and self._fusable(node.args[0], "floordiv"):
            top, bottom = self._node(node.args[0]).args
            if self._node(top).op == "neg" and self._node(bottom).low > 0 and self._node(bottom).kind == INT:
                return machine.CEIL_DIV, (self._node(top).args[0], bottom)
        if node.op == "select":
            c, yes, no = node.args
            for op, code in (("lt", machine.SELECT_LT), ("le", machine.SELECT_LE)):
                if self._fusable(c, op):
                    return code, (*self._node(c).args, yes, no)
        for op, inner, code in (
            ("add", "mul", machine.MUL_ADD), ("mul", "mul", machine.MUL_MUL), ("add", "add", machine.ADD_ADD),
        ):  # fmt: skip
            if node.op != op:
                continue
            for mine, other in (node.args, node.args[::-1]):
                if mine != other and self._fusable(mine, inner):
                    return code, (*self._node(mine).args, other)
        return None

    def _operands(self, i: int) -> tuple[int, ...]:
        if i in self.given:
            return ()
        pattern = self._pattern(i)
        return pattern[1] if pattern else self._node(i).args

    def _emit(self, i: int) -> int:
        node = self._node(i)
        if node.op == "input" or i in self.given:
            value = self.inputs[i] = self._new()
            self._mark(value, node)
            return value
        if node.op == "const":
            value = self._new()
            self.constants[value] = node.value  # type: ignore[assignment]
            self._mark(value, node)
            return value
        pattern = self._pattern(i)
        if pattern:
            return self._step(pattern[0], tuple(self.values[a] for a in pattern[1]))
        if self._needs_wide(node):
            return self._emit_wide(node)
        if node.op == "real":
            return self.values[node.args[0]]
        return self._step(_opcode(node, [self._node(a) for a in node.args]), tuple(self.values[a] for a in node.args))

    def _emit_wide(self, node: Node) -> int:
        """Emit a node with integers beyond 2^53: among integers in 64 bits, otherwise after one conversion to float."""
        if max(abs(node.low), abs(node.high)) > LARGEST and node.kind == INT:
            raise UsageError(
                "a count over this space goes beyond 2^63, which the compiled sweep cannot hold exactly. "
                "Lower the longest sequence, the batch or the heads; single estimates have no such limit."
            )
        args = [self._node(a) for a in node.args]
        if node.op == "real":
            return self._converted("real", node.args[0])
        numbers = args[1:] if node.op == "select" else args
        if any(n.kind == FLOAT for n in numbers):
            return self._step(_opcode(node, args), tuple(self._converted("real", a) for a in node.args))
        if node.op == "div":
            raise UsageError(
                "a quotient of counts above 2^53 is not exact in a compiled sweep. Lower the longest sequence."
            )
        operands = [self._converted("wide", a) for a in node.args[len(args) - len(numbers) :]]
        if node.op == "select":
            operands = [self.values[node.args[0]], *operands]
        value = self._step(_WIDE[node.op], tuple(operands))
        if node.kind != INT:
            return value
        self.wide_values.add(value)
        if is_wide(node):
            return value
        return self._step(machine.TO_FLOAT, (value,))

    def _converted(self, to: str, i: int) -> int:
        """The value of node `i` as a float or as a 64-bit integer."""
        value = self.values[i]
        wide = value in self.wide_values
        if wide == (to == "wide"):
            return value
        if (to, i) not in self.converted:
            made = self._step(machine.TO_WIDE if to == "wide" else machine.TO_FLOAT, (value,))
            self.converted[to, i] = made
            if to == "wide":
                self.wide_values.add(made)
        return self.converted[to, i]

    def _mark(self, value: int, node: Node) -> None:
        if is_wide(node):
            self.wide_values.add(value)

    def _step(self, opcode: int, operands: tuple[int, ...]) -> int:
        value = self._new()
        self.steps.append((opcode, value, operands))
        return value

    def _allocated(self) -> Code:
        """Give every value a row; a row is free again after the last use, but never written by its last reader."""
        targets = [self.values[t] for t in self.targets]
        last = {value: i for i, (_, _, operands) in enumerate(self.steps) for value in operands}
        kept = {*targets, *self.inputs.values(), *self.constants}
        rows = {value: row for row, value in enumerate([*self.inputs.values(), *self.constants])}
        n_rows = len(rows)
        free: list[int] = []
        out = np.zeros((len(self.steps), 6), dtype=np.int64)
        for i, (opcode, value, operands) in enumerate(self.steps):
            if free:
                rows[value] = free.pop()
            else:
                rows[value], n_rows = n_rows, n_rows + 1
            padded = [rows[o] for o in operands] + [0] * (4 - len(operands))
            out[i] = [opcode, rows[value], *padded]
            free += [rows[o] for o in dict.fromkeys(operands) if last[o] == i and o not in kept]
        return Code(
            steps=out,
            n_rows=n_rows,
            inputs={node: rows[value] for node, value in self.inputs.items()},
            constants={rows[value]: constant for value, constant in self.constants.items()},
            outputs=tuple(rows[t] for t in targets),
            wide=frozenset(rows[v] for v in self.wide_values if v in kept),
        )


def _opcode(node: Node, args: Sequence[Node]) -> int:
    if node.op != "floordiv":
        return _PLAIN[node.op]
    whole = all(arg.kind == INT for arg in args) and math.isfinite(node.low)
    return machine.FLOOR_DIV if whole else machine.FLOOR_DIV_FLOAT
