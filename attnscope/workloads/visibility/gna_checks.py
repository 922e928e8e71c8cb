"""What a GNA specification may say, and what is answered when it may not.

The order follows NATTEN: number of axes and ranges first, then window times dilation against the axis, then stride
against window. Each message names the parameter, the axis, the broken rule and the nearest legal value.
"""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from attnscope.errors import UsageError


def as_ints(name: str, value: Any, rank: int | None, least: int) -> tuple[int, ...]:
    """Turn a number (meant for every axis) or a sequence into one int per axis.

    Args:
        name: parameter name for messages.
        value: an integer or a sequence of integers.
        rank: number of axes expected; None takes the sequence as it is.
        least: smallest legal entry.

    Raises:
        UsageError: wrong type, wrong number of axes, or an entry below `least`.
    """
    entries = [value] * (rank or 1) if is_int(value) else value
    if not isinstance(entries, Sequence | np.ndarray) or isinstance(entries, str) or not all(map(is_int, entries)):
        raise UsageError(f"{name} must be an integer or a tuple of integers, not {value!r}.")
    check_rank(name, len(entries), rank)
    for axis, entry in enumerate(entries):
        if entry < least:
            raise UsageError(f"{name} {entry} on axis {axis}: {name} must be >= {least}; nearest legal value: {least}.")
    return tuple(int(e) for e in entries)


def as_flags(name: str, value: Any, rank: int) -> tuple[bool, ...]:
    """Turn a boolean or a sequence of booleans into one per axis; integers are refused, as in NATTEN."""
    entries = [value] * rank if isinstance(value, bool | np.bool_) else value
    if not isinstance(entries, Sequence | np.ndarray) or not all(isinstance(e, bool | np.bool_) for e in entries):
        raise UsageError(f"{name} must be True, False or a tuple of them, not {value!r}.")
    check_rank(name, len(entries), rank)
    return tuple(bool(e) for e in entries)


def default_to(default: Any, value: Any, rank: int) -> Any:
    """The value, or `default` for every axis where it is None or the one-axis default itself."""
    return (default,) * rank if value is None or (isinstance(value, tuple) and value == (default,)) else value


def check_rank(name: str, got: int, rank: int | None) -> None:
    """Refuse a parameter whose number of axes differs from the layout's."""
    if rank is not None and got != rank:
        raise UsageError(f"{name} has {got} axes but the layout has {rank}; give one value, or {rank} values.")


def check_fit(layout: Sequence[int], window: Sequence[int], dilation: Sequence[int]) -> None:
    """Refuse windows that, dilated, do not fit on their axis."""
    for axis, (x, w, d) in enumerate(zip(layout, window, dilation, strict=True)):
        if w * d > x:
            rule = f"window {w} x dilation {d} = {w * d} on axis {axis}: must be <= the axis length {x}"
            raise UsageError(f"{rule}; {_nearest_fit(x, w, d)}.")


def check_strides(window: Sequence[int], stride: Sequence[int]) -> None:
    """Refuse strides longer than the window."""
    for axis, (w, s) in enumerate(zip(window, stride, strict=True)):
        if s > w:
            raise UsageError(f"stride {s} on axis {axis}: stride must be <= the window {w}; nearest legal value: {w}.")


def _nearest_fit(x: int, w: int, d: int) -> str:
    options = [f"window {x // d}"] if x // d >= 2 else []
    options += [f"dilation {x // w}"] if x >= w and d > 1 else []
    return f"nearest legal value: {' or '.join(options or [f'window {x} with dilation 1'])}"


def is_int(value: object) -> bool:
    """Whether it is a whole number; booleans are not."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)
