"""What `attnscope cascade run` answers: the arrays of one execution."""

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.cli.output import Record
from attnscope.einsum_cascade import Cascade, execute, load, random_inputs, resolve_sizes
from attnscope.einsum_cascade.expressions import accesses
from attnscope.errors import UsageError

Array = NDArray[Any]
MOST_POINTS = 1 << 27
MOST_LISTED = 4096
BELOW = 0.25  # six in ten normal values lie below it


@dataclass(frozen=True, eq=False)
class Run:
    """One execution.

    Attributes:
        cascade: what ran.
        sizes: length of every rank.
        inputs: arrays that went in. `outputs`: arrays that came out.
    """

    cascade: Cascade
    sizes: Mapping[str, int]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    def to_dict(self) -> dict[str, Any]:
        """Return a summary of every array, with the values of the small ones."""
        arrays = {**self.inputs, **self.outputs}
        rows = [
            {**row, "values": arrays[row["tensor"]].tolist() if row["elements"] <= MOST_LISTED else None}
            for row in self.to_records()
        ]
        return {"cascade": self.cascade.name, "sizes": dict(self.sizes), "tensors": rows}

    def to_records(self) -> list[Record]:
        """Return one row per array: shape, mean, least and most."""
        given = [_summary(self.cascade, name, array, "input") for name, array in self.inputs.items()]
        return given + [_summary(self.cascade, name, array, "output") for name, array in self.outputs.items()]

    def save(self, path: Path) -> None:
        """Write all arrays to an ``.npz`` file."""
        np.savez(path, **{**self.inputs, **self.outputs})  # type: ignore[arg-type]


def _summary(cascade: Cascade, name: str, array: Array, kind: str) -> Record:
    ranks = " ".join(cascade.merged(cascade.tensor_ranks(name)))
    row: Record = {"tensor": name, "kind": kind, "ranks": ranks, "shape": "x".join(map(str, array.shape)) or "scalar"}
    finite = array[np.isfinite(array)] if array.size else array
    figures = (finite.mean(), finite.min(), finite.max()) if finite.size else (math.nan,) * 3
    return {**row, "elements": array.size, **dict(zip(("mean", "min", "max"), map(float, figures), strict=True))}


def run_cascade(
    name: str, sizes: Mapping[str, int], inputs: Path | None = None, seed: int = 0, want: Sequence[str] = ()
) -> Run:
    """Run a cascade of the library or of a file.

    Args:
        name: name or path.
        sizes: lengths of ranks; those that the inputs show may be left out.
        inputs: an ``.npz`` file; random inputs without it.
        seed: seed of the random inputs.
        want: tensors to return; the outputs by default.

    Raises:
        UsageError: the file cannot be read, or the sizes make arrays too large to hold.
        CascadeError: an input or a length is missing.
    """
    cascade = load(name)
    given = _read(inputs) if inputs else {}
    found = resolve_sizes(cascade, sizes, {n: a.shape for n, a in given.items() if _fits(cascade, n, a)})
    _refuse_large(cascade, found)
    arrays = given or drawn_inputs(cascade, found, seed)
    return Run(cascade, found, arrays, execute(cascade, arrays, sizes, want=want))


def _fits(cascade: Cascade, name: str, array: Array) -> bool:
    """Whether an array can show lengths; `execute` refuses the others in its own words."""
    return name in cascade.inputs and array.ndim == len(cascade.tensor_ranks(name))


def drawn_inputs(cascade: Cascade, sizes: Mapping[str, int], seed: int) -> dict[str, Array]:
    """Return random inputs; those that conditions read as masks are 0 or 1, about six in ten of them 1."""
    arrays = random_inputs(cascade, sizes, seed=seed)
    masks = {a.tensor for einsum in cascade.einsums for condition in einsum.where for a in accesses(condition)}
    return {name: (array < BELOW).astype(array.dtype) if name in masks else array for name, array in arrays.items()}


def _refuse_large(cascade: Cascade, sizes: Mapping[str, int]) -> None:
    for einsum in cascade.einsums:
        points = math.prod(sizes[var.rank] for var in einsum.variables)
        if points > MOST_POINTS:
            raise UsageError(
                f"{cascade.name}: {einsum.name} has {points:,} points for these sizes; at most {MOST_POINTS:,} "
                "are run. Take smaller sizes."
            )


def _read(path: Path) -> dict[str, Array]:
    try:
        file = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path}: not an .npz file: {error}") from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise UsageError(f"{path}: holds a single array. Save arrays by tensor: numpy.savez(path, Q=..., K=...).")
    with file:
        return {name: file[name] for name in file.files}
