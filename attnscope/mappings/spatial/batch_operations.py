"""The operations of traced numbers: what each gives for constants, and the range of its result."""

import math
from collections.abc import Callable
from typing import Any

INT, FLOAT, BOOL = "int", "float", "bool"
Bounds = tuple[float, float]


def largest_divisor(bound: int, tiles: int) -> int:
    """Return the largest divisor of `tiles` that is at most `bound`, 1 for a bound below 1."""
    return max(d for d in range(1, max(1, min(bound, tiles)) + 1) if tiles % d == 0)


def _corners(operation: Callable[[Any, Any], Any]) -> Callable[..., Bounds]:
    def bounds(a: Bounds, b: Bounds) -> Bounds:
        values = [operation(x, y) for x in a for y in b]
        return min(values), max(values)

    return bounds


def _quotient(operation: Callable[[Any, Any], Any]) -> Callable[..., Bounds]:
    def bounds(a: Bounds, b: Bounds) -> Bounds:
        return _corners(operation)(a, b) if b[0] > 0 or b[1] < 0 else (-math.inf, math.inf)

    return bounds


def _lt(a: Bounds, b: Bounds) -> Bounds:
    return float(a[1] < b[0]), float(a[0] < b[1])


def _le(a: Bounds, b: Bounds) -> Bounds:
    return float(a[1] <= b[0]), float(a[0] <= b[1])


def _eq(a: Bounds, b: Bounds) -> Bounds:
    return 0.0, float(a[0] <= b[1] and b[0] <= a[1])


def _each(operation: Callable[[Any], Any]) -> Callable[..., Bounds]:
    return lambda a: (operation(a[0]), operation(a[1]))


def _add(x: Any, y: Any) -> Any:
    return x + y


def _sub(x: Any, y: Any) -> Any:
    return x - y


def _mul(x: Any, y: Any) -> Any:
    return 0 if x == 0 or y == 0 else x * y  # 0 times an unbounded range


def _div(x: Any, y: Any) -> Any:
    return x / y


def _floordiv(x: Any, y: Any) -> Any:
    return x // y if math.isfinite(x) else x


def _whole(operation: Callable[[float], int]) -> Callable[[Any], Any]:
    return lambda x: operation(x) if math.isfinite(x) else x


KIND = {
    "div": FLOAT, "sqrt": FLOAT, "real": FLOAT, "ceil": INT, "floor": INT, "whole": INT, "divisor": INT,
    "lt": BOOL, "le": BOOL, "eq": BOOL, "not": BOOL, "and": BOOL, "or": BOOL,
}  # fmt: skip
RANGE: dict[str, Callable[..., Bounds]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "mul": _corners(_mul),
    "div": _quotient(_div),
    "floordiv": _quotient(_floordiv),
    "neg": lambda a: (-a[1], -a[0]),
    "min": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "sqrt": _each(math.sqrt),
    "real": _each(float),
    "ceil": _each(_whole(math.ceil)),
    "floor": _each(_whole(math.floor)),
    "whole": _each(_whole(int)),
    "divisor": lambda a, b: (1, max(1, min(a[1], b[1]))),
    "lt": _lt,
    "le": _le,
    "eq": _eq,
    "not": lambda a: (1.0 - a[1], 1.0 - a[0]),
    "and": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "or": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}
FOLD: dict[str, Callable[..., Any]] = {
    "add": _add,
    "sub": _sub,
    "mul": lambda x, y: x * y,
    "div": _div,
    "floordiv": lambda x, y: x // y,
    "neg": lambda x: -x,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "real": float,
    "ceil": math.ceil,
    "floor": math.floor,
    "whole": int,
    "divisor": largest_divisor,
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "eq": lambda x, y: x == y,
    "not": lambda x: not x,
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
}
