"""The compiled loop of a sweep: decodes, works out, checks and filters blocks of points, and keeps no other."""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

import numba
import numpy as np
from numpy.typing import NDArray

from attnscope.explore.front_core import sift, tighten
from attnscope.mappings.spatial.batch_machine import BLOCK, execute

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def outer_inputs(lo: int, n: int, axes: Ints, rows: Ints, start: Ints, strides: Ints, lengths: Ints,
                 offsets: Ints, values: Floats, mem: Floats) -> None:  # fmt: skip
    """Fill the input rows with the axis values of the blocks `lo` to `lo + n`."""
    for k in range(axes.shape[0]):
        axis, row = axes[k], start[rows[k]]
        for i in range(n):
            digit = (lo + i) // strides[axis] % lengths[axis]
            mem[row + i] = values[offsets[axis] + digit]


@numba.njit(cache=True, nogil=True)
def stream(
    blocks: Ints,
    block_points: int,
    first_point: int,
    axis_table: tuple[Ints, Ints, Ints, Floats],
    outer: tuple[Ints, Ints, Ints, Floats, Ints, Ints, Ints],
    mixed: tuple[Ints, Ints, Ints, Floats, Ints, Ints],
    flags: tuple[bool, bool],
    grid: Floats,
    scale: Ints,
    out_values: Floats,
    out_numbers: Ints,
) -> tuple[int, int, int, int]:
    """Work through the blocks blocks[0] to blocks[1] of a group.

    Args:
        blocks: [2] first and last + 1.
        block_points: points of each.
        first_point: number of the group's first point.
        axis_table: stride in blocks, length and offset of each axis into the values of all axes.
        outer: steps, start, stride, memory, input axes, input rows, output rows of the part of each block; its first
            two outputs say whether the block is legal and allowed.
        mixed: steps, start, stride, memory, rows to fill from the other outputs of `outer`, output rows (objectives,
            legal, allowed) of the part of each point.
        flags: whether legality and constraints have to be asked of each point.
        grid: the filter (see `front_core.tighten`), tightened here by what is found.
        scale: of the filter.
        out_values: [room, 3] objectives of the points that no earlier one dominates for certain.
        out_numbers: [room] their numbers.

    Returns:
        Blocks done, points found, legal points, allowed points. Stops early where the output is full.
    """
    strides, lengths, offsets, values = axis_table
    o_steps, o_start, o_stride, o_mem, o_axes, o_rows, o_out = outer
    m_steps, m_start, m_stride, m_mem, m_rows, m_out = mixed
    o_wide, m_wide = o_mem.view(np.int64), m_mem.view(np.int64)
    ask_legal, ask_allowed = flags
    bits = m_wide
    bins, keep = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.uint8)
    found, n_legal, n_allowed = 0, 0, 0
    for lo in range(blocks[0], blocks[1], BLOCK):
        n_blocks = min(BLOCK, blocks[1] - lo)
        outer_inputs(lo, n_blocks, o_axes, o_rows, o_start, strides, lengths, offsets, values, o_mem)
        execute(o_steps, o_start, o_stride, o_mem, o_wide, 0, n_blocks)
        for i in range(n_blocks):
            if found + block_points > out_numbers.shape[0]:
                return lo + i - blocks[0], found, n_legal, n_allowed
            if o_mem[o_start[o_out[0]] + i] == 0.0:
                continue
            allowed = o_mem[o_start[o_out[1]] + i] != 0.0
            if not ask_legal:
                n_legal += block_points
                if not allowed:
                    continue
            for k in range(m_rows.shape[0]):
                # Bits are copied, since a row may hold integers.
                bits[m_start[m_rows[k]] : m_start[m_rows[k]] + BLOCK] = o_wide[o_start[o_out[k + 2]] + i]
            number = first_point + (lo + i) * block_points
            for j0 in range(0, block_points, BLOCK):
                n = min(BLOCK, block_points - j0)
                execute(m_steps, m_start, m_stride, m_mem, m_wide, j0, n)
                a = m_start[m_out[0]] + m_stride[m_out[0]] * j0
                b = m_start[m_out[1]] + m_stride[m_out[1]] * j0
                c = m_start[m_out[2]] + m_stride[m_out[2]] * j0
                legal = m_start[m_out[3]] + m_stride[m_out[3]] * j0
                within = m_start[m_out[4]] + m_stride[m_out[4]] * j0
                if ask_legal:
                    for j in range(n):
                        n_legal += m_mem[legal + j] != 0.0
                    if not allowed:
                        continue
                left = sift(grid, m_wide[a : a + n], m_wide[b : b + n], m_mem[c : c + n], scale, bins[:n], keep[:n])
                if not ask_legal and not ask_allowed:
                    n_allowed += n
                    if left == 0:
                        continue
                for j in range(n):
                    if ask_legal and m_mem[legal + j] == 0.0:
                        continue
                    if ask_allowed and m_mem[within + j] == 0.0:
                        continue
                    if ask_legal or ask_allowed:
                        n_allowed += 1
                    third = m_mem[c + j]
                    if keep[j] == 0 or third >= grid[bins[j]]:  # the grid may have tightened within the block
                        continue
                    tighten(grid, m_wide[a + j], m_wide[b + j], third, scale)
                    out_values[found, 0], out_values[found, 1], out_values[found, 2] = m_mem[a + j], m_mem[b + j], third
                    out_numbers[found] = number + j0 + j
                    found += 1
    return blocks[1] - blocks[0], found, n_legal, n_allowed
