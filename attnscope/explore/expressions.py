"""Expressions over the fields and figures of design points: ``device.pe_dim >= 128 and latency_s < 1``.

They are read by Python's parser and walked by our own rules: numbers, names, arithmetic, comparisons, `and`, `or`,
`not` and a few functions; nothing is ever executed. One walk serves plain numbers, numpy columns and traced numbers.
"""

import ast
import difflib
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.spatial.batch_symbols import Number

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_WRITTEN = "numbers, names, 'text', + - * /, < <= > >= == !=, and, or, not, and "


@dataclass(frozen=True)
class Expression:
    """A parsed expression; `text` as it was written, `where` it stands."""

    text: str
    where: str

    @cached_property
    def tree(self) -> ast.expr:
        """The parsed form, checked to hold nothing but what an expression may."""
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            column = getattr(error, "offset", None) or 1
            raise UsageError(
                f"{self.where}: cannot read {self.text!r} at column {column}. "
                "Write for instance 'latency_s < 1 and area_mm2 <= 400'."
            ) from None
        _check(tree, self)
        return tree

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Dotted names in the expression, in order of first appearance."""
        return tuple(dict.fromkeys(_names(self.tree)))

    def check_names(self, known: Iterable[str]) -> None:
        """Refuse names that are not `known`.

        Raises:
            UnknownNameError: suggests the nearest.
        """
        known = list(known)
        for name in self.names:
            if name not in known:
                raise UnknownNameError("field or figure", name, near_names(name, known), f"{self.where} {self.text!r}")

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value with names looked up in `values`: numbers, numpy arrays or traced numbers."""
        return _walk(self.tree, values)


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return those of many dotted names that `name` may have meant: the same group, and the nearest."""
    names = list(known)
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        group = ".".join(parts[:depth]) + "."
        found = [n for n in names if n.startswith(group)]
        if found:
            break
    else:
        found = [n for n in names if "." not in n]
    shorter = [n for n in found if n.count(".") <= len(parts)] or found
    return list(dict.fromkeys([*shorter, *difflib.get_close_matches(name, names, n=1)]))


def conjuncts(expression: Expression) -> list[Expression]:
    """Return the parts of an expression that `and` joins at the top."""
    tree = expression.tree
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return [part for value in tree.values for part in conjuncts(Expression(ast.unparse(value), expression.where))]
    return [expression]


def bound(expression: Expression) -> tuple[str, str, float] | None:
    """Return (left side, "<" or ">", number) of a comparison of something with a number, None for any other form."""
    tree = expression.tree
    if not isinstance(tree, ast.Compare) or len(tree.ops) != 1:
        return None
    left, right = tree.left, tree.comparators[0]
    side = {ast.Lt: "<", ast.LtE: "<", ast.Gt: ">", ast.GtE: ">"}.get(type(tree.ops[0]))
    if side and _number(right) is not None and _number(left) is None:
        return ast.unparse(left), side, _number(right) or 0.0
    if side and _number(left) is not None and _number(right) is None:
        return ast.unparse(right), ">" if side == "<" else "<", _number(left) or 0.0
    return None


def _number(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _number(tree.operand)
        return None if inner is None else -inner
    return float(tree.value) if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float) else None


def _check(tree: ast.expr, whole: Expression) -> None:
    """Refuse whatever is not part of the little language."""
    if isinstance(tree, ast.Constant):
        fine = isinstance(tree.value, int | float | str) and not isinstance(tree.value, bool)
        children: list[ast.expr] = []
    elif isinstance(tree, ast.BinOp):
        fine, children = type(tree.op) in _BINARY, [tree.left, tree.right]
    elif isinstance(tree, ast.UnaryOp):
        fine, children = isinstance(tree.op, ast.USub | ast.Not), [tree.operand]
    elif isinstance(tree, ast.BoolOp):
        fine, children = True, tree.values
    elif isinstance(tree, ast.Compare):
        fine, children = all(type(op) in _COMPARE for op in tree.ops), [tree.left, *tree.comparators]
    elif isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        if tree.func.id not in FUNCTIONS:
            raise UnknownNameError("function", tree.func.id, FUNCTIONS, f"{whole.where} {whole.text!r}")
        count = 2 if tree.func.id in ("min", "max") else 1
        fine, children = len(tree.args) == count and not tree.keywords, tree.args
    else:
        fine, children = _dotted(tree) is not None, []
    if not fine:
        raise UsageError(
            f"{whole.where}: {ast.unparse(tree)!r} in {whole.text!r} is not part of an expression. "
            f"Use {_WRITTEN}{', '.join(FUNCTIONS)}."
        )
    for child in children:
        _check(child, whole)


def _dotted(tree: ast.expr) -> str | None:
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute):
        base = _dotted(tree.value)
        return None if base is None else f"{base}.{tree.attr}"
    return None


def _names(tree: ast.expr) -> Iterable[str]:
    name = _dotted(tree)
    if name is not None:
        yield name
        return
    children = tree.args if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree)
    for child in children:
        if isinstance(child, ast.expr):
            yield from _names(child)


def _walk(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.BinOp):
        return _BINARY[type(tree.op)](_walk(tree.left, values), _walk(tree.right, values))
    if isinstance(tree, ast.UnaryOp):
        inner = _walk(tree.operand, values)
        return -inner if isinstance(tree.op, ast.USub) else _not(inner)
    if isinstance(tree, ast.BoolOp):
        join = _and if isinstance(tree.op, ast.And) else _or
        return reduce(join, (_walk(value, values) for value in tree.values))
    if isinstance(tree, ast.Compare):
        sides = [_walk(side, values) for side in (tree.left, *tree.comparators)]
        parts = [_COMPARE[type(op)](a, b) for op, a, b in zip(tree.ops, sides[:-1], sides[1:], strict=True)]
        return reduce(_and, parts)
    if isinstance(tree, ast.Call):
        assert isinstance(tree.func, ast.Name)
        return FUNCTIONS[tree.func.id](*(_walk(arg, values) for arg in tree.args))
    return values[_dotted(tree) or ""]


def _kind(*values: Any) -> str:
    if any(isinstance(v, Number) for v in values):
        return "traced"
    return "array" if any(isinstance(v, np.ndarray | np.generic) for v in values) else "plain"


def _traced(op: str, *values: Any) -> Any:
    return next(v.graph for v in values if isinstance(v, Number)).apply(op, *values)


def _not(a: Any) -> Any:
    kind = _kind(a)
    return _traced("not", a) if kind == "traced" else np.logical_not(a) if kind == "array" else not a


def _both(op: str, array: Callable[[Any, Any], Any], plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        kind = _kind(a, b)
        return _traced(op, a, b) if kind == "traced" else array(a, b) if kind == "array" else plain(a, b)

    return apply


def _one(op: str, array: Callable[[Any], Any], plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def apply(a: Any) -> Any:
        kind = _kind(a)
        return _traced(op, a) if kind == "traced" else array(a) if kind == "array" else plain(a)

    return apply


_and = _both("and", np.logical_and, lambda a, b: a and b)
_or = _both("or", np.logical_or, lambda a, b: a or b)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _both("min", np.minimum, min),
    "max": _both("max", np.maximum, max),
    "sqrt": _one("sqrt", np.sqrt, math.sqrt),
    "ceil": _one("ceil", np.ceil, math.ceil),
    "floor": _one("floor", np.floor, math.floor),
}
