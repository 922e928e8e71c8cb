"""A machine that works on blocks: each instruction does one operation on a row of numbers, row after row in the cache.

It is compiled once and runs any mapping over any space, so that a sweep starts at once. Booleans are 1.0 and 0.0.
No operation is contracted or reordered: every result has the bits that Python's own arithmetic gives.
"""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

import numba
import numpy as np
from numpy.typing import NDArray

ADD, SUB, MUL, DIV, NEG, MIN, MAX, LT, LE, EQ, AND, OR, NOT = range(13)
SELECT, SELECT_LT, SELECT_LE, SQRT, CEIL, FLOOR, WHOLE = range(13, 20)
FLOOR_DIV, FLOOR_DIV_FLOAT, CEIL_DIV, DIVISOR, MUL_ADD, MUL_MUL, ADD_ADD = range(20, 27)
WIDE_ADD, WIDE_SUB, WIDE_MUL, WIDE_NEG, WIDE_LT, WIDE_LE, WIDE_EQ, WIDE_SELECT = range(27, 35)
WIDE_FLOORDIV, WIDE_MIN, WIDE_MAX, TO_WIDE, TO_FLOAT = range(35, 40)

BLOCK = 512

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@numba.njit(cache=True)
def largest_divisor(bound: float, tiles: float) -> float:
    """Return the largest divisor of `tiles` that is at most `bound`, 1 for a bound below 1.

    Divisors come in pairs d, tiles / d: the small partner is tried upwards from tiles / bound, then d downwards.
    """
    if bound >= tiles:
        return tiles
    if bound < 2.0:
        return 1.0
    partner = np.ceil(tiles / bound)
    while partner * partner <= tiles:
        if np.floor(tiles / partner) * partner == tiles:
            return float(tiles / partner)
        partner += 1.0
    d = min(np.floor(bound), np.floor(np.sqrt(tiles)) + 1.0)
    while d > 1.0:
        if np.floor(tiles / d) * d == tiles:
            return float(d)
        d -= 1.0
    return 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def execute(steps: Ints, start: Ints, stride: Ints, mem: Floats, wide: Ints, j0: int, n: int) -> None:
    """Run `steps` on the `n` points from `j0`.

    Row r lies in `mem` from ``start[r] + stride[r] * j0``; `wide` is the same memory as 64-bit integers.
    """
    for i in range(steps.shape[0]):
        op = steps[i, 0]
        o = start[steps[i, 1]] + stride[steps[i, 1]] * j0
        p = start[steps[i, 2]] + stride[steps[i, 2]] * j0
        q = start[steps[i, 3]] + stride[steps[i, 3]] * j0
        r = start[steps[i, 4]] + stride[steps[i, 4]] * j0
        s = start[steps[i, 5]] + stride[steps[i, 5]] * j0
        out, a, b, c, d = mem[o : o + n], mem[p : p + n], mem[q : q + n], mem[r : r + n], mem[s : s + n]
        if op == MUL:
            for j in range(n):
                out[j] = a[j] * b[j]
        elif op == ADD:
            for j in range(n):
                out[j] = a[j] + b[j]
        elif op == MUL_ADD:
            for j in range(n):
                out[j] = a[j] * b[j] + c[j]
        elif op == MUL_MUL:
            for j in range(n):
                out[j] = a[j] * b[j] * c[j]
        elif op == ADD_ADD:
            for j in range(n):
                out[j] = a[j] + b[j] + c[j]
        elif op == SUB:
            for j in range(n):
                out[j] = a[j] - b[j]
        elif op == DIV:
            for j in range(n):
                out[j] = a[j] / b[j]
        elif op == SELECT:
            for j in range(n):
                yes, no = b[j], c[j]  # both are read, so that the loop has no branch and runs on vectors
                out[j] = yes if a[j] != 0.0 else no
        elif op == SELECT_LT:
            for j in range(n):
                yes, no = c[j], d[j]
                out[j] = yes if a[j] < b[j] else no
        elif op == SELECT_LE:
            for j in range(n):
                yes, no = c[j], d[j]
                out[j] = yes if a[j] <= b[j] else no
        elif op == MIN:
            for j in range(n):
                out[j] = b[j] if b[j] < a[j] else a[j]
        elif op == MAX:
            for j in range(n):
                out[j] = b[j] if b[j] > a[j] else a[j]
        elif op == LT:
            for j in range(n):
                out[j] = 1.0 if a[j] < b[j] else 0.0
        elif op == LE:
            for j in range(n):
                out[j] = 1.0 if a[j] <= b[j] else 0.0
        elif op == EQ:
            for j in range(n):
                out[j] = 1.0 if a[j] == b[j] else 0.0
        elif op == AND:
            for j in range(n):
                out[j] = a[j] * b[j]
        elif op == OR:
            for j in range(n):
                out[j] = b[j] if b[j] > a[j] else a[j]
        elif op == NOT:
            for j in range(n):
                out[j] = 1.0 - a[j]
        elif op == NEG:
            for j in range(n):
                out[j] = -a[j]
        elif op == CEIL_DIV:
            for j in range(n):
                out[j] = np.ceil(a[j] / b[j])
        elif op == FLOOR_DIV:
            for j in range(n):
                out[j] = np.floor(a[j] / b[j])
        elif op == FLOOR_DIV_FLOAT:  # a quotient may round up to the next integer; that of a less its remainder may not
            for j in range(n):
                left = np.fmod(a[j], b[j])
                low = (a[j] - left) / b[j]
                if left != 0.0 and (b[j] < 0.0) != (left < 0.0):
                    low -= 1.0
                out[j] = np.floor(low + 0.5)
        elif op == SQRT:
            for j in range(n):
                out[j] = np.sqrt(a[j])
        elif op == CEIL:
            for j in range(n):
                out[j] = np.ceil(a[j])
        elif op == FLOOR:
            for j in range(n):
                out[j] = np.floor(a[j])
        elif op == WHOLE:
            for j in range(n):
                out[j] = np.trunc(a[j])
        elif op == DIVISOR:
            for j in range(n):
                same = j > 0 and a[j] == a[j - 1] and b[j] == b[j - 1]
                out[j] = out[j - 1] if same else largest_divisor(a[j], b[j])
        else:
            _wide_step(op, mem, wide, o, p, q, r, n)


@numba.njit(cache=True, nogil=True)
def _wide_step(op: int, mem: Floats, wide: Ints, o: int, p: int, q: int, r: int, n: int) -> None:
    """One instruction with 64-bit integers among its operands."""
    f_out, f_a = mem[o : o + n], mem[p : p + n]
    out, a, b, c = wide[o : o + n], wide[p : p + n], wide[q : q + n], wide[r : r + n]
    if op == WIDE_MUL:
        for j in range(n):
            out[j] = a[j] * b[j]
    elif op == WIDE_ADD:
        for j in range(n):
            out[j] = a[j] + b[j]
    elif op == WIDE_SUB:
        for j in range(n):
            out[j] = a[j] - b[j]
    elif op == WIDE_NEG:
        for j in range(n):
            out[j] = -a[j]
    elif op == WIDE_LT:
        for j in range(n):
            f_out[j] = 1.0 if a[j] < b[j] else 0.0
    elif op == WIDE_LE:
        for j in range(n):
            f_out[j] = 1.0 if a[j] <= b[j] else 0.0
    elif op == WIDE_EQ:
        for j in range(n):
            f_out[j] = 1.0 if a[j] == b[j] else 0.0
    elif op == WIDE_SELECT:
        for j in range(n):
            out[j] = b[j] if f_a[j] != 0.0 else c[j]
    elif op == WIDE_FLOORDIV:
        for j in range(n):
            out[j] = a[j] // b[j]
    elif op == WIDE_MIN:
        for j in range(n):
            out[j] = min(a[j], b[j])
    elif op == WIDE_MAX:
        for j in range(n):
            out[j] = max(a[j], b[j])
    elif op == TO_WIDE:
        for j in range(n):
            out[j] = np.int64(f_a[j])
    else:
        for j in range(n):
            f_out[j] = np.float64(a[j])


@numba.njit(cache=True, nogil=True)
def run_columns(
    steps: Ints,
    start: Ints,
    stride: Ints,
    mem: Floats,
    inputs: Ints,
    columns: Floats,
    outputs: Ints,
    out: Floats,
) -> None:
    """Run `steps` over all points: input row inputs[k] is columns[k], output row outputs[k] goes to out[k]."""
    wide = mem.view(np.int64)
    for first in range(0, columns.shape[1], BLOCK):
        n = min(BLOCK, columns.shape[1] - first)
        for k in range(inputs.shape[0]):
            row = start[inputs[k]]
            mem[row : row + n] = columns[k, first : first + n]
        execute(steps, start, stride, mem, wide, 0, n)
        for k in range(outputs.shape[0]):
            row = start[outputs[k]]
            out[k, first : first + n] = mem[row : row + n]
