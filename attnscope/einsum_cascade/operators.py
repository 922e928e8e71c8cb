"""Scalar operators: what a map or a reduce action does at one point of the iteration space.

The set is open: :func:`register_operator` adds one. Two decisions hold everywhere and are taken here and in
:mod:`attnscope.einsum_cascade.evaluate`:

* **Presence.** A point that ``where`` excludes is absent, as in a sparse fibertree. Whatever reads an absent element
  is absent; a reduction folds the present points and is absent where there is none; a step of a recurrence that is
  absent leaves the generation before it as it was; ``default(x, v)`` puts v where x is absent.
* **Guards** for values that stand for "nothing", as in EDGE's sparse merges (arXiv 2404.11591). A product touches only
  where both operands are non-zero, so ``0 * inf`` is 0; a division only finite non-zero divisors (take-right), so
  ``x / 0`` is 0; and where infinities of opposite sign meet in a sum or difference, -inf wins, so the weight
  ``exp(-inf - -inf)`` of a key that nobody sees is 0. A fully masked row therefore gives 0 in every form of softmax,
  and correcting an accumulation that is still empty leaves it empty, never NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError

Array = NDArray[Any]


@dataclass(frozen=True)
class Operator:
    """A scalar map operator, applied elementwise.

    Attributes:
        name: lower-case word; also the way to call it in a cascade text.
        arity: number of operands.
        apply: numpy function of ``arity`` broadcastable arrays.
        latex: template with ``{0}``, ``{1}`` for the operands.
    """

    name: str
    arity: int
    apply: Callable[..., Array]
    latex: str = ""


@dataclass(frozen=True)
class Reducer:
    """A reduce operator: folds a rank that the written tensor lacks.

    Attributes:
        name: word that stands after the expression, as ``sum`` in ``sum e``.
        combine: the binary map operator that folds two partial results; empty where there is none.
        identity: neutral element, which absent points count as.
        fold: numpy function ``(values, axis) -> values`` that folds one axis.
        ranked: whether it keeps the best few along a new rank; ``fold`` then takes their number as well.
    """

    name: str
    combine: str
    identity: float
    fold: Callable[..., Array]
    ranked: bool = False


def _divide(left: Array, right: Array) -> Array:
    left, right = np.broadcast_arrays(left, right)
    out = np.zeros(left.shape, np.result_type(left, right, np.float32))
    np.divide(left, right, out=out, where=(right != 0) & ~np.isinf(right))
    return out


def _add(left: Array, right: Array) -> Array:
    return _void_wins(np.asarray(np.add(left, right)), left, right)


def _subtract(left: Array, right: Array) -> Array:
    return _void_wins(np.asarray(np.subtract(left, right)), left, np.negative(right))


def _multiply(left: Array, right: Array) -> Array:
    result = np.asarray(np.multiply(left, right))
    undefined = np.isnan(result)
    if not undefined.any():
        return result
    nothing = ((left == 0) & np.isinf(right)) | ((right == 0) & np.isinf(left))
    return np.asarray(np.where(undefined & nothing, 0, result), result.dtype)


def _void_wins(result: Array, left: Array, right: Array) -> Array:
    """Put -inf where infinities of opposite sign met."""
    undefined = np.isnan(result)
    if not undefined.any():
        return result
    return np.asarray(np.where(undefined & np.isinf(left) & np.isinf(right), -np.inf, result), result.dtype)


def _power(base: Array, exponent: Array) -> Array:
    whole = base.dtype.kind in "iu" and exponent.dtype.kind in "iu"
    return np.asarray(np.float_power(base, exponent) if whole else np.power(base, exponent))


def _sigmoid(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, decay) / (1 + decay))


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _best_coordinates(values: Array, axis: int, number: int) -> Array:
    best = np.argsort(-values, axis=axis, kind="stable")
    return np.take(best, range(min(number, values.shape[axis])), axis=axis)


def _best_values(values: Array, axis: int, number: int) -> Array:
    return np.take_along_axis(values, _best_coordinates(values, axis, number), axis=axis)


def fold_pairs(combine: Callable[..., Array], identity: float) -> Callable[..., Array]:
    """Return a function ``(values, axis)`` that folds one axis with a binary operator."""

    def fold(values: Array, axis: int) -> Array:
        parts = np.moveaxis(values, axis, 0)
        folded: Array = np.full(parts.shape[1:], identity, values.dtype)
        for part in parts:
            folded = combine(folded, part)
        return folded

    return fold


OPERATORS: dict[str, Operator] = {
    op.name: op
    for op in (
        Operator("add", 2, _add, "{0} + {1}"),
        Operator("sub", 2, _subtract, "{0} - {1}"),
        Operator("mul", 2, _multiply, r"{0} \times {1}"),
        Operator("div", 2, _divide, "{0} / {1}"),
        Operator("pow", 2, _power, "{{{0}}}^{{{1}}}"),
        Operator("floordiv", 2, np.floor_divide, r"\lfloor {0} / {1} \rfloor"),
        Operator("mod", 2, np.mod, r"{0} \bmod {1}"),
        Operator("max", 2, np.maximum, r"\max({0}, {1})"),
        Operator("min", 2, np.minimum, r"\min({0}, {1})"),
        Operator("neg", 1, np.negative, "-{0}"),
        Operator("exp", 1, np.exp, "e^{{{0}}}"),
        Operator("log", 1, np.log, r"\log({0})"),
        Operator("sqrt", 1, np.sqrt, r"\sqrt{{{0}}}"),
        Operator("abs", 1, np.abs, "|{0}|"),
        Operator("tanh", 1, np.tanh, r"\tanh({0})"),
        Operator("relu", 1, lambda x: np.maximum(x, 0), r"\mathrm{{relu}}({0})"),
        Operator("sigmoid", 1, _sigmoid, r"\sigma({0})"),
        Operator("softplus", 1, _softplus, r"\mathrm{{softplus}}({0})"),
        Operator("default", 2, lambda x, _: x, r"\mathrm{{default}}({0}, {1})"),
        Operator("lt", 2, np.less, "{0} < {1}"),
        Operator("le", 2, np.less_equal, r"{0} \le {1}"),
        Operator("gt", 2, np.greater, "{0} > {1}"),
        Operator("ge", 2, np.greater_equal, r"{0} \ge {1}"),
        Operator("eq", 2, np.equal, "{0} = {1}"),
        Operator("or", 2, np.logical_or, r"{0} \lor {1}"),
        Operator("ne", 2, np.not_equal, r"{0} \ne {1}"),
    )
}

REDUCERS: dict[str, Reducer] = {
    reducer.name: reducer
    for reducer in (
        Reducer("sum", "add", 0.0, np.sum),
        Reducer("prod", "mul", 1.0, np.prod),
        Reducer("max", "max", -np.inf, np.max),
        Reducer("min", "min", np.inf, np.min),
        Reducer("argmax", "", -np.inf, np.argmax),
        Reducer("argmin", "", np.inf, np.argmin),
        Reducer("top", "", -np.inf, _best_values, ranked=True),
        Reducer("argtop", "", -np.inf, _best_coordinates, ranked=True),
    )
}

COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
INFIX = {
    "or": "or",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    **COMPARISONS,
}


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
        identity: the value ``z`` with ``apply(z, x) == x``, of an associative and commutative ``apply``.
        latex: template with ``{0}``, ``{1}``; by default the name upright.

    Raises:
        UsageError: the name is taken or is no lower-case word, or an identity is given to a unary operator.

    After ``register_operator("lse", np.logaddexp, arity=2, identity=-np.inf)`` a text may say
    ``L[p] = QK[m, p]  lse m``.
    """
    if name in OPERATORS or name in REDUCERS:
        raise UsageError(f"operator {name!r} exists already; choose another name")
    if not (name.isidentifier() and name.islower()):
        raise UsageError(f"operator {name!r} must be one lower-case word, such as 'softcap'")
    if identity is not None and arity != 2:
        raise UsageError(f"operator {name!r} has an identity, so it must take 2 operands, not {arity}")
    operands = ", ".join(f"{{{i}}}" for i in range(arity))
    OPERATORS[name] = Operator(name, arity, apply, latex or rf"\mathrm{{{{{name}}}}}({operands})")
    if identity is not None:
        REDUCERS[name] = Reducer(name, name, identity, fold_pairs(apply, identity))


def unregister_operator(name: str) -> None:
    """Remove an operator that :func:`register_operator` added."""
    OPERATORS.pop(name, None)
    REDUCERS.pop(name, None)
