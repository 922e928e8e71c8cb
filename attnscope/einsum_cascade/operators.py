"""Scalar operators: what a map or a reduce action does at one point of the iteration space.

The set is open: :func:`register_operator` adds one by Python function, and a cascade text adds one with an
``operator`` line. Two decisions hold everywhere and are taken here:

* **Merge** (EDGE, arXiv 2404.11591): ``+``, ``max`` and ``min`` touch a point where *any* operand is present (an
  absent operand counts as the identity); every other operator touches it where *all* are.
* **Guards** for fully masked rows: dividing touches only non-zero divisors (EDGE's take-right), so ``x / 0`` is 0;
  and ``-inf - -inf`` is ``-inf``, so the weight ``exp(-inf - -inf)`` of a key nobody sees is 0, never NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UnknownNameError, UsageError

Array = NDArray[Any]


@dataclass(frozen=True)
class Operator:
    """A scalar map operator, applied elementwise.

    Attributes:
        name: lower-case word; also the way to call it in a cascade text.
        arity: number of operands.
        apply: numpy function of ``arity`` broadcastable arrays.
        union: whether a point is touched where any operand is present (else: where all are).
        identity: neutral element, for absent operands of a union.
        latex: template with ``{0}``, ``{1}`` for the operands.
    """

    name: str
    arity: int
    apply: Callable[..., Array]
    union: bool = False
    identity: float | None = None
    latex: str = ""


@dataclass(frozen=True)
class Reducer:
    """A reduce operator: folds a rank that the written tensor lacks.

    Attributes:
        name: word that stands after the expression, as ``sum`` in ``sum e``.
        combine: name of the binary map operator that folds two partial results.
        identity: result of folding nothing.
        fold: numpy function ``(values, axis tuple) -> values``.
    """

    name: str
    combine: str
    identity: float
    fold: Callable[[Array, tuple[int, ...]], Array]


def _divide(left: Array, right: Array) -> Array:
    left, right = np.broadcast_arrays(left, right)
    out = np.zeros(left.shape, np.result_type(left, right, np.float32))
    np.divide(left, right, out=out, where=right != 0)
    return out


def _subtract(left: Array, right: Array) -> Array:
    same_void = np.isneginf(left) & np.isneginf(right)
    return np.where(same_void, left, np.subtract(left, np.where(same_void, 0, right)))


def _sigmoid(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _fold_pairs(combine: Callable[..., Array], identity: float) -> Callable[[Array, tuple[int, ...]], Array]:
    def fold(values: Array, axes: tuple[int, ...]) -> Array:
        for axis in sorted(axes, reverse=True):
            parts = np.moveaxis(values, axis, 0)
            values = np.full(parts.shape[1:], identity, values.dtype)
            for part in parts:
                values = combine(values, part)
        return values

    return fold


OPERATORS: dict[str, Operator] = {}
REDUCERS: dict[str, Reducer] = {}


def _seed() -> None:
    for op in (
        Operator("add", 2, np.add, True, 0.0, "{0} + {1}"),
        Operator("sub", 2, _subtract, latex="{0} - {1}"),
        Operator("mul", 2, np.multiply, latex=r"{0} \times {1}", identity=1.0),
        Operator("div", 2, _divide, latex="{0} / {1}"),
        Operator("pow", 2, np.power, latex="{{{0}}}^{{{1}}}"),
        Operator("floordiv", 2, np.floor_divide, latex=r"\lfloor {0} / {1} \rfloor"),
        Operator("mod", 2, np.mod, latex=r"{0} \bmod {1}"),
        Operator("max", 2, np.maximum, True, -np.inf, r"\max({0}, {1})"),
        Operator("min", 2, np.minimum, True, np.inf, r"\min({0}, {1})"),
        Operator("neg", 1, np.negative, latex="-{0}"),
        Operator("exp", 1, np.exp, latex="e^{{{0}}}"),
        Operator("log", 1, np.log, latex=r"\log({0})"),
        Operator("sqrt", 1, np.sqrt, latex=r"\sqrt{{{0}}}"),
        Operator("abs", 1, np.abs, latex="|{0}|"),
        Operator("tanh", 1, np.tanh, latex=r"\tanh({0})"),
        Operator("relu", 1, lambda x: np.maximum(x, 0), latex=r"\mathrm{{relu}}({0})"),
        Operator("sigmoid", 1, _sigmoid, latex=r"\sigma({0})"),
        Operator("softplus", 1, _softplus, latex=r"\mathrm{{softplus}}({0})"),
        Operator("lt", 2, np.less, latex="{0} < {1}"),
        Operator("le", 2, np.less_equal, latex=r"{0} \le {1}"),
        Operator("gt", 2, np.greater, latex="{0} > {1}"),
        Operator("ge", 2, np.greater_equal, latex=r"{0} \ge {1}"),
        Operator("eq", 2, np.equal, latex="{0} = {1}"),
        Operator("ne", 2, np.not_equal, latex=r"{0} \ne {1}"),
    ):
        OPERATORS[op.name] = op
    for reducer in (
        Reducer("sum", "add", 0.0, lambda x, axes: np.sum(x, axis=axes)),
        Reducer("prod", "mul", 1.0, lambda x, axes: np.prod(x, axis=axes)),
        Reducer("max", "max", -np.inf, lambda x, axes: np.max(x, axis=axes)),
        Reducer("min", "min", np.inf, lambda x, axes: np.min(x, axis=axes)),
    ):
        REDUCERS[reducer.name] = reducer


_seed()

COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "**", **COMPARISONS}


def register_operator(
    name: str,
    apply: Callable[..., Array],
    *,
    arity: int = 1,
    identity: float | None = None,
    latex: str = "",
) -> None:
    """Add a map operator; a binary one with an ``identity`` is also a reduce operator of the same name.

    Args:
        name: lower-case word not in use.
        apply: numpy function of ``arity`` broadcastable arrays.
        arity: number of operands, 1 or more.
        identity: the value ``z`` with ``apply(z, x) == x``; gives the operator union merge and lets it reduce.
        latex: template with ``{0}``, ``{1}``; by default the name upright.

    Raises:
        UsageError: the name is taken or is no lower-case word.

    >>> register_operator("lse", np.logaddexp, arity=2, identity=-np.inf)   # S[p] = QK[m, p]   lse m
    """
    if name in OPERATORS or name in REDUCERS:
        raise UsageError(f"operator {name!r} exists already; choose another name")
    if not (name.isidentifier() and name.islower()):
        raise UsageError(f"operator {name!r} must be one lower-case word, such as 'softcap'")
    operands = ", ".join(f"{{{i}}}" for i in range(arity))
    union = identity is not None and arity == 2
    latex = latex or rf"\mathrm{{{{{name}}}}}({operands})"
    OPERATORS[name] = Operator(name, arity, apply, union, identity, latex)
    if union and identity is not None:
        REDUCERS[name] = Reducer(name, name, identity, _fold_pairs(apply, identity))


def operator(name: str) -> Operator:
    """Return the map operator ``name``; an unknown one is refused with the nearest known."""
    if name not in OPERATORS:
        raise UnknownNameError("operator", name, OPERATORS)
    return OPERATORS[name]


def reducer(name: str) -> Reducer:
    """Return the reduce operator ``name``; an unknown one is refused with the nearest known."""
    if name not in REDUCERS:
        raise UnknownNameError("reduce operator", name, REDUCERS)
    return REDUCERS[name]
