"""Evaluation of one Einsum: map, then reduce, then populate."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.einsum import Einsum, is_constant
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Var
from attnscope.einsum_cascade.frame import Frame, Tensor, both
from attnscope.einsum_cascade.operators import REDUCERS, Reducer
from attnscope.einsum_cascade.sizes import require_room

Array = NDArray[Any]


def evaluate(einsum: Einsum, frame: Frame) -> Tensor:
    """Return the tensor that ``einsum`` writes, over its written variables (a fixed one has extent 1)."""
    conditions = both(frame.holds(einsum.where), frame.tail())
    return _contracted(einsum, frame, conditions) or _folded(einsum, frame, conditions)


def _folded(einsum: Einsum, frame: Frame, conditions: Array | None) -> Tensor:
    mapped = frame.value(einsum.expression)
    mask = both(mapped.present, conditions)
    require_room(frame.cascade, f"the iteration space of {einsum.name}", frame.shape)
    values = np.broadcast_to(mapped.values, frame.shape)
    result = Tensor(values, None if mask is None or mask.all() else np.broadcast_to(mask, frame.shape))
    left = list(frame.space)
    for reduction in einsum.reductions:
        reducer = frame.cascade.reducer(reduction.operator)
        for var in reduction.indices:
            axis = left.index(var)
            if reducer.ranked and einsum.produced is not None:
                result = _keep_best(reducer, result, axis, frame.sizes[einsum.produced.rank])
                left[axis] = einsum.produced
            else:
                result = _fold(reducer, result, axis)
                left.pop(axis)
    return _arranged(einsum, frame, result, left)


def _filled(reducer: Reducer, tensor: Tensor) -> Array:
    """Return the values, with the reducer's identity where a point does not exist."""
    identity = np.asarray(reducer.identity, tensor.values.dtype)
    return tensor.values if tensor.present is None else np.where(tensor.present, tensor.values, identity)


def _fold(reducer: Reducer, tensor: Tensor, axis: int) -> Tensor:
    present = None if tensor.present is None else np.asarray(tensor.present.any(axis))
    return Tensor(reducer.fold(_filled(reducer, tensor), axis), present)


def _keep_best(reducer: Reducer, tensor: Tensor, axis: int, number: int) -> Tensor:
    """Keep ``number`` coordinates of an axis; where fewer exist, the rest are absent."""
    extent = tensor.values.shape[axis]
    values = reducer.fold(_filled(reducer, tensor), axis, number)
    if extent < number:
        values = np.concatenate([values, np.repeat(values.take([-1], axis), number - extent, axis)], axis)
    if tensor.present is None and extent >= number:
        return Tensor(values)
    mask = np.ones(tensor.values.shape, bool) if tensor.present is None else tensor.present
    places = np.arange(number).reshape([-1] + [1] * (mask.ndim - axis - 1))
    return Tensor(values, mask.sum(axis, keepdims=True) > places)


def _arranged(einsum: Einsum, frame: Frame, tensor: Tensor, left: Sequence[Var]) -> Tensor:
    order = [left.index(var) for var in einsum.written]
    values = tensor.values.transpose(order)
    present = None if tensor.present is None or tensor.present.all() else tensor.present.transpose(order)
    return Tensor(values if values.dtype.kind in "iu" else values.astype(frame.dtype, copy=False), present)


def _factors(expr: Expr) -> list[Expr] | None:
    """Return the factors of a product of elements and constants; ``None`` where it is no such product."""
    if isinstance(expr, Access) or is_constant(expr):
        return [expr]
    if not isinstance(expr, Call) or expr.operator not in ("mul", "div"):
        return None
    left, right = _factors(expr.args[0]), _factors(expr.args[1])
    if expr.operator == "div":
        right = [Call("div", (Number(1), expr.args[1]))] if is_constant(expr.args[1]) else None
    return None if left is None or right is None else left + right


def _contracted(einsum: Einsum, frame: Frame, conditions: Array | None) -> Tensor | None:
    """Evaluate a plain sum of products through ``numpy.einsum``; ``None`` where it is no such thing.

    The product is never spread over the whole iteration space, so Q * K of 512 x 512 x 64 points stays small.
    """
    factors = _factors(einsum.expression)
    if factors is None or [reduction.operator for reduction in einsum.reductions] != ["sum"]:
        return None
    read = [frame.value(factor) for factor in factors]
    if not all(np.isfinite(tensor.values).all() for tensor in read):
        return None
    operands = [_filled(REDUCERS["sum"], tensor) for tensor in read]
    operands += [] if conditions is None else [conditions.astype(frame.dtype)]
    n_written = len(einsum.written)
    values = _sum_of_products(operands, n_written, frame.shape).astype(frame.dtype, copy=False)
    mask = reduce(both, (tensor.present for tensor in read), conditions)
    if mask is None:
        return Tensor(values)
    present = np.asarray(np.broadcast_to(mask, frame.shape).any(axis=tuple(range(n_written, len(frame.shape)))))
    return Tensor(values, None if present.all() else present)


def _sum_of_products(operands: Sequence[Array], n_kept: int, shape: Sequence[int]) -> Array:
    """Contract arrays that broadcast over ``shape`` to its first ``n_kept`` axes."""
    args: list[Any] = []
    covered: set[int] = set()
    for operand in operands:
        axes = [axis for axis in range(operand.ndim) if operand.shape[axis] > 1]
        covered |= set(axes)
        args += [operand.reshape([operand.shape[axis] for axis in axes]), axes]
    for axis in set(range(len(shape))) - covered:
        args += [np.ones(shape[axis], operands[0].dtype), [axis]]
    return np.asarray(np.einsum(*args, list(range(n_kept)), optimize=True))
