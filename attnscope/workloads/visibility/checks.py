"""Checks that several masks share; each message names the parameter and the nearest legal value."""

from collections.abc import Sequence

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import GridMask, SequenceMask
from attnscope.workloads.visibility.gna_checks import as_ints, default_to, is_int
from attnscope.workloads.visibility.intervals import Int64


def check_least(mask: object, **least: int) -> None:
    """Refuse integer parameters below their least legal value.

    Raises:
        UsageError: naming the parameter and the nearest legal value.
    """
    for name, bound in least.items():
        value = getattr(mask, name)
        if not is_int(value):
            raise UsageError(f"{name} must be an integer, not {value!r}.")
        if value < bound:
            raise UsageError(f"{name} {value}: must be >= {bound}; nearest legal value: {bound}.")


def check_lengths(mask: SequenceMask, *, aligned: bool = False) -> None:
    """Refuse lengths below 1 and fill in `n_keys` 0 by `n_queries`.

    Args:
        mask: the mask under construction.
        aligned: the last query stands at the last key, so there may not be more queries than keys.

    Raises:
        UsageError: a length below 1, or more queries than keys in an aligned mask.
    """
    check_least(mask, n_queries=1, n_keys=0)
    object.__setattr__(mask, "n_keys", mask.n_keys or mask.n_queries)
    if aligned and mask.n_queries > mask.n_keys:
        raise UsageError(
            f"n_keys {mask.n_keys}: the last query stands at the last key, so there must be at least as many keys as "
            f"the {mask.n_queries} queries; nearest legal value: {mask.n_queries}."
        )


def positions(mask: SequenceMask, queries: Int64) -> Int64:
    """Position of each query among the keys: the last query stands at the last key."""
    return queries + (mask.n_keys - mask.n_queries)


def check_grid(mask: GridMask, **least: int) -> None:
    """Turn layout and per-axis parameters into one int per axis; refuse entries below their least legal value.

    None, and (0,) as a default of parameters that may be 0, stand for 0 on every axis.

    Raises:
        UsageError: wrong type, wrong number of axes or too small; naming parameter, axis and nearest legal value.
    """
    layout = as_ints("layout", mask.layout, None, 1)
    object.__setattr__(mask, "layout", layout)
    for name, bound in least.items():
        value = default_to(0, getattr(mask, name), len(layout))
        object.__setattr__(mask, name, as_ints(name, value, len(layout), bound))


def check_at_most(name: str, values: Sequence[int], limits: Sequence[int], what: str) -> None:
    """Refuse an entry above the limit of its axis.

    Raises:
        UsageError: naming parameter, axis, limit and nearest legal value.
    """
    for axis, (value, limit) in enumerate(zip(values, limits, strict=True)):
        if value > limit:
            rule = f"{name} {value} on axis {axis}: must be <= {what} {limit}"
            raise UsageError(f"{rule}; nearest legal value: {limit}.")


def check_divides(name: str, values: Sequence[int], totals: Sequence[int], what: str) -> None:
    """Refuse an entry that does not divide its total.

    Raises:
        UsageError: naming parameter, axis, total and nearest divisor.
    """
    for axis, (value, total) in enumerate(zip(values, totals, strict=True)):
        if total % value:
            near = min((d for d in range(1, total + 1) if total % d == 0), key=lambda d: (abs(d - value), d))
            rule = f"{name} {value} on axis {axis}: must divide {what} {total}"
            raise UsageError(f"{rule}; nearest legal value: {near}.")


def check_shares(numbers: Sequence[int]) -> None:
    """Refuse an empty mixture and parts that occur less than once.

    Raises:
        UsageError: naming the part.
    """
    if not numbers:
        raise UsageError("a mixture needs at least one (number, mask) part.")
    for part, number in enumerate(numbers):
        if not isinstance(number, int) or number < 1:
            raise UsageError(f"part {part} of the mixture occurs {number} times; nearest legal value: 1.")
