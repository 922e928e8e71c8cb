"""The rule of generalized neighbourhood attention on one axis, in closed form.

Source: generalized neighborhood attention (GNA), arXiv 2504.16922, with the conventions of NATTEN 0.21: for an even
stride the leader is the right one of the two centres, for an even window the longer side is the left one. All
functions take int64 arrays of coordinates inside the dilation group and floor-divide; they broadcast over strides too.
"""

import numpy as np

from attnscope.workloads.visibility.intervals import Int64


def window_start(i: Int64, length: Int64 | int, window: int, stride: Int64 | int, causal: bool) -> Int64:
    """First key that query `i` of a group of `length` tokens sees."""
    if causal:
        leader = np.minimum(i // stride * stride + stride - 1, length - 1)
        first: Int64 = np.maximum(leader - (window - 1), 0)
        return first
    leader = np.minimum(i // stride * stride + stride // 2, length - 1)
    clamped: Int64 = np.clip(leader - window // 2, 0, length - window)
    return clamped


def window_end(i: Int64, start: Int64, window: int, causal: bool) -> Int64:
    """One past the last key that query `i` sees, given its first."""
    return i + 1 if causal else start + window


def inverse_start(i: Int64, window: int, stride: int, causal: bool) -> Int64:
    """First query that sees key `i`."""
    if causal:
        return i
    right = window // 2 + window % 2 - 1
    behind = stride - stride // 2 - 1
    return np.where(i >= window, (i - right + behind) // stride * stride, 0)


def inverse_end(i: Int64, length: int, window: int, stride: int, causal: bool) -> Int64:
    """One past the last query that sees key `i`."""
    if causal:
        return np.minimum(((i + window) // stride + (i + window >= length)) * stride, length)
    behind = stride - stride // 2 - 1
    return np.where(i >= length - window, length, (i + window // 2 + behind + 1) // stride * stride)
