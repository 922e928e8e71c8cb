"""Many points at once: a traced mapping compiled for a struct of arrays, on all cores."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnscope.mappings.spatial.batch_code import Code, lower
from attnscope.mappings.spatial.batch_machine import BLOCK, run_columns
from attnscope.mappings.spatial.batch_symbols import Graph, Number

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_CHUNK = 32 * BLOCK  # points handed over at a time, so that inputs stay in the cache


def fresh_memory(code: Code, extra: int = 0) -> tuple[Ints, Ints, Floats]:
    """Return where each row starts, its stride per point, and memory with the constants in place."""
    start = np.arange(code.n_rows, dtype=np.int64) * BLOCK
    memory = np.zeros(code.n_rows * BLOCK + extra)
    for row, value in code.constants.items():
        view = memory.view(np.int64) if row in code.wide else memory
        view[row * BLOCK : (row + 1) * BLOCK] = value
    return start, np.zeros(code.n_rows, dtype=np.int64), memory


@dataclass(frozen=True)
class Batch:
    """Some outputs of a graph as functions of its inputs, for arrays of points.

    Attributes:
        names: inputs in use, in the order of their columns; `input_rows` where they go.
        outputs: names of the results, in order.
    """

    code: Code
    names: tuple[str, ...]
    input_rows: Ints
    outputs: tuple[str, ...]

    def __call__(self, columns: Mapping[str, Floats], n_workers: int | None = None) -> dict[str, Floats]:
        """Return the results of all points.

        Args:
            columns: [n] values of each input; integers as floats, which is exact below 2^53.
            n_workers: threads; all cores where it is left out.
        """
        n = len(next(iter(columns.values()), np.zeros(1)))
        used = [np.asarray(columns[name], dtype=float) for name in self.names]
        out = np.empty((len(self.outputs), n))
        workers = max(1, min(n_workers or os.cpu_count() or 1, n // _CHUNK))
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda w: self._run(used, out, range(w * _CHUNK, n, workers * _CHUNK)), range(workers)))
        return dict(zip(self.outputs, out, strict=True))

    def _run(self, columns: Sequence[Floats], out: Floats, firsts: range) -> None:
        start, stride, memory = fresh_memory(self.code)
        outputs = np.array(self.code.outputs, dtype=np.int64)
        for lo in firsts:
            part = out[:, lo : lo + _CHUNK]
            values = np.zeros((len(columns), part.shape[1]))
            for row, column in zip(values, columns, strict=True):
                row[:] = column[lo : lo + _CHUNK]
            run_columns(self.code.steps, start, stride, memory, self.input_rows, values, outputs, part)


def compile_batch(graph: Graph, outputs: Mapping[str, Number]) -> Batch:
    """Return the compiled form of `outputs`, which must be floats or booleans."""
    code = lower(graph, [number.id for number in outputs.values()])
    nodes: Sequence[int] = list(code.inputs)
    return Batch(
        code=code,
        names=tuple(graph.nodes[node].name for node in nodes),
        input_rows=np.array([code.inputs[node] for node in nodes], dtype=np.int64),
        outputs=tuple(outputs),
    )
