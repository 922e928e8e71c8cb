"""Streaming a group of points through the compiled loop: memory for the machine, tables of a block, filtered points."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attnscope.explore.compiled import Compiled, Part, Split, split
from attnscope.explore.front import Grid, pareto_front
from attnscope.explore.stream_core import stream
from attnscope.mappings.spatial.batch import fresh_memory
from attnscope.mappings.spatial.batch_code import Code
from attnscope.mappings.spatial.batch_machine import BLOCK, run_columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_ROOM = 1 << 16
_PILOT = 1 << 14


@dataclass(frozen=True)
class Found:
    """Points of some part of a space that nothing there dominates: objectives [n, 3], numbers [n], and the counts."""

    values: Floats
    numbers: Ints
    n_legal: int
    n_allowed: int


NOTHING = Found(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), 0, 0)


def merged(parts: Sequence[Found]) -> Found:
    """Return the front of all parts together; the counts add up."""
    values = np.concatenate([part.values for part in parts]) if parts else NOTHING.values
    numbers = np.concatenate([part.numbers for part in parts]) if parts else NOTHING.numbers
    kept = pareto_front(values, numbers)
    kept = kept[np.argsort(numbers[kept], kind="stable")]
    legal, allowed = sum(p.n_legal for p in parts), sum(p.n_allowed for p in parts)
    return Found(values[kept], numbers[kept], legal, allowed)


@dataclass(frozen=True)
class Streamer:
    """A group ready for streaming."""

    compiled: Compiled

    @cached_property
    def parts(self) -> Split:
        """The code in three parts."""
        return split(self.compiled)

    @cached_property
    def tables(self) -> Floats:
        """[nodes, block] what depends on the axes within a block only."""
        part, lengths = self.parts.inner, [len(axis) for axis in self.compiled.space.axes]
        index = np.arange(self.parts.block)
        columns = np.zeros((len(part.axes), self.parts.block))
        for row, axis in zip(columns, part.axes, strict=True):
            stride = int(np.prod(lengths[axis + 1 :], dtype=np.int64))
            row[:] = np.array(self.compiled.space.axes[axis].values, dtype=float)[index // stride % lengths[axis]]
        start, stride_rows, memory = fresh_memory(part.code)
        out = np.zeros((len(part.nodes), self.parts.block))
        rows, outputs = _ints(part.rows), _ints(part.code.outputs)
        run_columns(part.code.steps, start, stride_rows, memory, rows, columns, outputs, out)
        return out

    @cached_property
    def axis_table(self) -> tuple[Ints, Ints, Ints, Floats]:
        """Stride in blocks, length and offset of each axis, and the values of all one after another."""
        axes = self.compiled.space.axes
        lengths = _ints([len(axis) for axis in axes])
        outer = len(axes) - self.parts.n_inner
        strides = [int(np.prod(lengths[k + 1 : outer], dtype=np.int64)) if k < outer else 1 for k in range(len(axes))]
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64) if axes else _ints([])
        values = np.array([float(v) for axis in axes for v in axis.values])
        return _ints(strides), lengths, offsets, values

    def run(self, lo: int, hi: int, known: Floats) -> Found:
        """Return the undominated points of the blocks `lo` to `hi`.

        Args:
            lo: first block of the group.
            hi: last + 1.
            known: [n, 3] objectives of points with lower numbers, which may drop points here.
        """
        parts, group = self.parts, self.compiled.group
        outer, mixed = self._outer_memory(), self._mixed_memory()
        room = max(_ROOM, 2 * parts.block)
        values, numbers = np.empty((room, 3)), np.empty(room, dtype=np.int64)
        flags, found, at = (parts.ask_legal, parts.ask_allowed), NOTHING, lo
        while at < hi:
            grid = Grid.of(np.concatenate([known, found.values]))
            end = min(hi, at + self.pilot_blocks) if at == lo and not len(known) else hi
            blocks = _ints([at, end])
            done, count, legal, allowed = stream(
                blocks, parts.block, group.first, self.axis_table, outer, mixed, flags,
                grid.least, grid.scale, values, numbers,
            )  # fmt: skip
            at += done
            found = merged([found, Found(values[:count].copy(), numbers[:count].copy(), legal, allowed)])
        return found

    @property
    def pilot_blocks(self) -> int:
        """Blocks to start with where no point is known, to learn where the front lies."""
        return max(1, _PILOT // self.parts.block)

    def _outer_memory(self) -> tuple[Ints, Ints, Ints, Floats, Ints, Ints, Ints]:
        part: Part = self.parts.outer
        start, stride, memory = fresh_memory(part.code)
        return part.code.steps, start, stride, memory, _ints(part.axes), _ints(part.rows), _ints(part.code.outputs)

    def _mixed_memory(self) -> tuple[Ints, Ints, Ints, Floats, Ints, Ints]:
        """Memory of the part of each point: its rows, then the tables, of which a stride runs along."""
        code: Code = self.parts.mixed
        start, stride, memory = fresh_memory(code, extra=self.tables.size)
        memory[code.n_rows * BLOCK :] = self.tables.ravel()
        for k, node in enumerate(self.parts.inner.nodes):
            start[code.inputs[node]] = code.n_rows * BLOCK + k * self.parts.block
            stride[code.inputs[node]] = 1
        rows = _ints([code.inputs[node] for node in self.parts.outer.nodes[2:]])
        return code.steps, start, stride, memory, rows, _ints(code.outputs)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
