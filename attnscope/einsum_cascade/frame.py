"""The iteration space of one Einsum on numpy arrays, with presence: which points of a tensor exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Size, Var, accesses, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import flat_variable, storage_indices
from attnscope.einsum_cascade.spans import refusal

Array = NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """Values and, where some points do not exist, a mask of those that do."""

    values: Array
    present: Array | None = None


def both(left: Array | None, right: Array | None) -> Array | None:
    """Return where both exist; ``None`` stands for everywhere."""
    return right if left is None else left if right is None else left & right


@dataclass(frozen=True)
class Frame:
    """An iteration space, at one step of a recurrence where variables are fixed.

    Attributes:
        cascade: the cascade.
        space: index variables, one array axis each.
        sizes: length of every rank.
        tensors: what has been computed so far.
        dtype: floating type of the result.
        fixed: coordinates of variables that do not run here; their axis has extent 1.
    """

    cascade: Cascade
    space: tuple[Var, ...]
    sizes: Mapping[str, int]
    tensors: Mapping[str, Tensor]
    dtype: np.dtype[Any]
    fixed: Mapping[Var, int] = field(default_factory=dict)

    @cached_property
    def axes(self) -> dict[Var, int]:
        """Array axis of each variable."""
        return {var: axis for axis, var in enumerate(self.space)}

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Extent of each axis."""
        return tuple(1 if var in self.fixed else self.sizes[var.rank] for var in self.space)

    # ---- numbers: indices and conditions

    def coordinates(self, var: Var) -> Array:
        """Return the coordinates of ``var``, shaped to broadcast over the space."""
        if var in self.fixed:
            return np.full((1,) * len(self.space), self.fixed[var])
        if var not in self.axes:
            flat = flat_variable(self.cascade, var.name, self.space)
            if flat is None:
                raise refusal(f"nothing runs over {var.name!r} here", var)
            return self.numbers(flat)
        shape = [1] * len(self.space)
        shape[self.axes[var]] = -1
        return np.arange(self.sizes[var.rank]).reshape(shape)

    def numbers(self, expr: Expr) -> Array:
        """Evaluate index arithmetic and conditions exactly, in integers where they are integers."""
        if isinstance(expr, Access):
            return self.read(expr).values
        if isinstance(expr, Call):
            return self.cascade.operator(expr.operator).apply(*map(self.numbers, expr.args))
        if isinstance(expr, Var):
            return self.coordinates(expr)
        return np.asarray(self.sizes[expr.rank] if isinstance(expr, Size) else expr.value)

    def holds(self, conditions: Sequence[Expr]) -> Array | None:
        """Return where all conditions hold; a lone value holds where it is not zero."""
        mask: Array | None = None
        for condition in conditions:
            mask = both(mask, self.numbers(condition) != 0)
            for access in accesses(condition):
                mask = both(mask, self.read(access).present)
        return mask

    def tail(self) -> Array | None:
        """Return where parts stay inside their rank: the last tile may be partly empty."""
        mask: Array | None = None
        for rank in self.cascade.partitions:
            for primes in sorted({"'" * var.name.count("'") for var in self.space}):
                flat = flat_variable(self.cascade, rank.lower() + primes, self.space)
                if flat is not None:
                    inside = self.numbers(flat) < self.sizes[rank]
                    mask = mask if inside.all() else both(mask, inside)
        return mask

    # ---- values

    def value(self, expr: Expr) -> Tensor:
        """Evaluate a map expression over the space."""
        if isinstance(expr, Access):
            read = self.read(expr)
            return Tensor(read.values.astype(self.dtype, copy=False), read.present)
        if not isinstance(expr, Call) or not accesses(expr):
            return Tensor(self.numbers(expr).astype(self.dtype))
        args = [self.value(arg) for arg in expr.args]
        if expr.operator == "default":
            return Tensor(args[0].values if args[0].present is None else np.where(args[0].present, *_values(args)))
        return Tensor(
            self.cascade.operator(expr.operator).apply(*_values(args)), reduce(both, (arg.present for arg in args))
        )

    # ---- reads

    def read(self, access: Access) -> Tensor:
        """Return the elements that ``access`` reads, shaped to broadcast over the space."""
        tensor, indices = self.tensors[access.tensor], storage_indices(self.cascade, access)
        slices = [self._slice(index, size) for index, size in zip(indices, tensor.values.shape, strict=True)]
        left = [pair[0] for pair in map(shifted, indices) if pair and pair[0] not in self.fixed]
        plain = tuple(part for part in slices if part is not None)
        if len(plain) < len(slices) or len(set(left)) < len(left):
            return self._gather(tensor, indices)
        return self._view(tensor, plain, left)

    def _slice(self, index: Expr, extent: int) -> int | slice | None:
        """Return the slice or the coordinate that an index means here; ``None`` where the read needs a gather."""
        pair = shifted(index)
        if pair is not None and pair[0] in self.axes and pair[0] not in self.fixed:
            start, size = pair[1], self.sizes[pair[0].rank]
            return slice(start, start + size) if start >= 0 and start + size <= extent else None
        if any(isinstance(node, Access) or (isinstance(node, Var) and node not in self.fixed) for node in walk(index)):
            return None
        at = int(self.numbers(index).item())
        return at if 0 <= at < extent else None

    def _view(self, tensor: Tensor, slices: tuple[int | slice, ...], left: Sequence[Var]) -> Tensor:
        order = sorted(range(len(left)), key=lambda i: self.axes[left[i]])
        missing = tuple(axis for axis, var in enumerate(self.space) if var not in left)

        def arrange(array: Array) -> Array:
            return np.expand_dims(array[slices].transpose(order), missing)

        return Tensor(arrange(tensor.values), None if tensor.present is None else arrange(tensor.present))

    def _gather(self, tensor: Tensor, indices: Sequence[Expr]) -> Tensor:
        shape = tensor.values.shape
        at = [self.numbers(index).astype(np.intp) for index in indices]
        present = reduce(both, ((i >= 0) & (i < size) for i, size in zip(at, shape, strict=True)))
        for access in (node for index in indices for node in accesses(index)):
            present = both(present, self.read(access).present)
        clipped = tuple(np.clip(i, 0, size - 1) for i, size in zip(at, shape, strict=True))
        present = both(present, None if tensor.present is None else tensor.present[clipped])
        return Tensor(tensor.values[clipped], None if present is None or present.all() else present)


def _values(tensors: Sequence[Tensor]) -> list[Array]:
    return [tensor.values for tensor in tensors]
