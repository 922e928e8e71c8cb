"""Execution of any cascade on numpy arrays."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.evaluate import evaluate
from attnscope.einsum_cascade.expressions import Var
from attnscope.einsum_cascade.frame import Frame, Tensor
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import Stage, stages
from attnscope.einsum_cascade.sizes import require_room, resolve_sizes, stored_shape
from attnscope.errors import CascadeError, UnknownNameError, did_you_mean

Array = NDArray[Any]


def execute(
    cascade: Cascade,
    inputs: Mapping[str, Array],
    sizes: Mapping[str, int] | None = None,
    *,
    want: Iterable[str] = (),
    fill: float = 0.0,
) -> dict[str, Array]:
    """Run a cascade.

    Args:
        cascade: any cascade.
        inputs: one array for each input, shaped by :meth:`Cascade.tensor_ranks`; the widest floating type among them
            is computed in (fp32 or fp64).
        sizes: lengths of ranks that no input shows, such as the tile length M0.
        want: tensors to return; the outputs by default.
        fill: value of elements that do not exist because a condition excludes them.

    Returns:
        Arrays by tensor. Partitioned ranks come back whole: over M, without the empty end of the last tile.

    Raises:
        CascadeError: an input is missing or has another number of ranks; two lengths for one rank.
        UnknownNameError: ``want`` or ``inputs`` names no tensor.
    """
    arrays = _checked_inputs(cascade, inputs)
    wanted = tuple(want) or cascade.outputs
    for name in wanted:
        if name not in cascade.tensors:
            raise UnknownNameError("tensor", name, cascade.tensors, cascade.name)
    found = resolve_sizes(cascade, sizes or {}, {name: array.shape for name, array in arrays.items()})
    dtype = np.result_type(np.float32, *(a.dtype for a in arrays.values() if a.dtype.kind == "f"))
    for einsum in cascade.einsums:
        require_room(cascade, einsum.name, stored_shape(cascade, einsum.name, found))
    tensors = {name: Tensor(array) for name, array in arrays.items()}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for stage in stages(cascade):
            _run_stage(cascade, stage, found, tensors, dtype)
    return {name: _whole(cascade, name, tensors[name], found, fill) for name in wanted}


def random_inputs(
    cascade: Cascade, sizes: Mapping[str, int], *, seed: int = 0, dtype: str = "float64"
) -> dict[str, Array]:
    """Return normally distributed arrays for all inputs of a cascade.

    Args:
        cascade: the cascade.
        sizes: lengths of its ranks.
        seed: seed of the random numbers; the same seed gives the same arrays.
        dtype: floating type.
    """
    found = resolve_sizes(cascade, sizes)
    rng = np.random.default_rng(seed)
    shapes = {name: tuple(found[rank] for rank in cascade.tensor_ranks(name)) for name in cascade.inputs}
    for name, shape in shapes.items():
        require_room(cascade, name, shape)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def _checked_inputs(cascade: Cascade, inputs: Mapping[str, Array]) -> dict[str, Array]:
    for name in inputs:
        if name not in cascade.inputs:
            raise UnknownNameError("input", name, cascade.inputs, cascade.name)
    arrays = {}
    for name in cascade.inputs:
        ranks = ", ".join(cascade.tensor_ranks(name))
        if name not in inputs:
            near = did_you_mean(name, inputs)
            raise CascadeError(f"input {name}[{ranks}] is missing.{near}", source=cascade.name)
        arrays[name] = np.asarray(inputs[name])
        if arrays[name].ndim != len(cascade.tensor_ranks(name)):
            raise CascadeError(
                f"input {name}[{ranks}] has {len(cascade.tensor_ranks(name))} ranks, "
                f"the array given has shape {arrays[name].shape}",
                source=cascade.name,
            )
    return arrays


def _run_stage(
    cascade: Cascade, stage: Stage, sizes: Mapping[str, int], tensors: dict[str, Tensor], dtype: np.dtype[Any]
) -> None:
    if not stage.step:
        (einsum,) = stage.einsums
        tensors[einsum.name] = evaluate(einsum, Frame(cascade, einsum.variables, sizes, tensors, dtype))
        return
    for einsum in stage.einsums:
        tensors[einsum.name] = _blank(cascade, einsum, sizes, tensors, dtype)
    for generation in range(sizes[Var(stage.step).rank]):
        for einsum in stage.einsums:
            _step(cascade, einsum, stage.step, generation, sizes, tensors, dtype)


def _blank(
    cascade: Cascade, einsum: Einsum, sizes: Mapping[str, int], tensors: Mapping[str, Tensor], dtype: np.dtype[Any]
) -> Tensor:
    """Allocate a tensor of a recurrence, generation 0 filled in where it is iterative."""
    shape = stored_shape(cascade, einsum.name, sizes)
    blank = Tensor(np.zeros(shape, dtype), np.zeros(shape, bool))
    if einsum.iterative is not None and einsum.initial is not None:
        space = tuple(var for var in einsum.written if var != einsum.iterative)
        start = Frame(cascade, space, sizes, tensors, dtype).value(einsum.initial)
        _put(blank, einsum.written.index(einsum.iterative), 0, start)
    return blank


def _step(
    cascade: Cascade,
    einsum: Einsum,
    step: str,
    generation: int,
    sizes: Mapping[str, int],
    tensors: Mapping[str, Tensor],
    dtype: np.dtype[Any],
) -> None:
    var = next(var for var in einsum.written if var.name == step)
    axis, stored = einsum.written.index(var), tensors[einsum.name]
    made = evaluate(einsum, Frame(cascade, einsum.variables, sizes, tensors, dtype, {var: generation}))
    values, present = made.values.take(0, axis), None if made.present is None else made.present.take(0, axis)
    if einsum.iterative is None:
        _put(stored, axis, generation, Tensor(values, present))
        return
    if present is not None:
        before = stored.values.take(generation, axis)
        values, present = np.where(present, values, before), None
    _put(stored, axis, generation + 1, Tensor(values, present))


def _put(stored: Tensor, axis: int, at: int, part: Tensor) -> None:
    assert stored.present is not None
    np.moveaxis(stored.values, axis, 0)[at] = part.values
    np.moveaxis(stored.present, axis, 0)[at] = True if part.present is None else part.present


def _whole(cascade: Cascade, name: str, tensor: Tensor, sizes: Mapping[str, int], fill: float) -> Array:
    """Return a tensor as its reader outside the cascade knows it: partitioned ranks whole, nothing absent."""
    values = tensor.values if tensor.present is None else np.where(tensor.present, tensor.values, fill)
    layout = list(cascade.tensor_ranks(name))
    writer = cascade.by_name.get(name)
    step = writer.iterative.rank if writer and writer.iterative else ""  # its generations are no tiles
    for rank in cascade.merged(layout):
        leaves = cascade.leaves(rank)
        at = layout.index(leaves[0]) if leaves[0] in layout else -1
        if len(leaves) > 1 and tuple(layout[at : at + len(leaves)]) == leaves and step not in leaves:
            values = values.reshape(*values.shape[:at], -1, *values.shape[at + len(leaves) :])
            values = values.take(range(sizes[rank]), axis=at)
            layout[at : at + len(leaves)] = [rank]
    return np.array(values)
