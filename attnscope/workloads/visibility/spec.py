"""Text to values: ``30x48x80``, ``0,1``, ``64K`` and masks by name."""

import re
from collections.abc import Callable
from typing import Any, get_type_hints

from attnscope.errors import UsageError
from attnscope.units import parse_length
from attnscope.workloads.visibility.base import Mask
from attnscope.workloads.visibility.gna_checks import check_rank
from attnscope.workloads.visibility.masks.mixture import Mixture
from attnscope.workloads.visibility.registry import check_parameters, find_mask

_FLAGS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


def parse_count(text: str) -> int:
    """A whole number, or a length such as ``64K``; zero and below are read too, so that a mask can say what is wrong.

    Raises:
        UsageError: anything else.
    """
    return int(text) if re.fullmatch(r"\s*-?\d+\s*", text) else parse_length(text, "number")


def parse_layout(text: str) -> tuple[int, ...]:
    """Numbers joined by ``x`` (or commas): ``30x48x80`` -> (30, 48, 80).

    Raises:
        UsageError: a part is not a whole number.
    """
    try:
        return tuple(parse_count(part) for part in re.split(r"[x×,]", text.strip().casefold()))
    except UsageError as error:
        raise UsageError(f"{text!r} is not a shape such as 128, 16x24 or 30x48x80: {error}") from None


def parse_axes(text: str, rank: int) -> tuple[int, ...]:
    """Like `parse_layout`, for `rank` axes; one number stands for all of them."""
    values = parse_layout(text)
    values = values * rank if len(values) == 1 else values
    check_rank(repr(text), len(values), rank)
    return values


def parse_flags(text: str, rank: int | None = None) -> tuple[bool, ...]:
    """Flags joined by commas or ``x``: ``0,1`` -> (False, True); one flag stands for all `rank` axes.

    Raises:
        UsageError: a part is not 0, 1, false, true, no or yes, or the number of flags is not `rank`.
    """
    parts = re.split(r"[x×,]", text.strip().casefold())
    for part in parts:
        if part not in _FLAGS:
            raise UsageError(f"{text!r}: {part!r} is not a flag; write 0 or 1 for each axis, such as 0,1.")
    flags = tuple(_FLAGS[part] for part in parts)
    flags = flags * rank if rank and len(flags) == 1 else flags
    check_rank(repr(text), len(flags), rank)
    return flags


def mask_from_spec(name: str, **params: Any) -> Mask | Mixture:
    """Build a mask by name; parameters may be text as on a command line (``layout="30x48x80"``) or values.

    Raises:
        UsageError: unknown mask or parameter (with the nearest name), a missing parameter, or an illegal value.
    """
    entry = find_mask(name)
    check_parameters(entry, params)
    hints = get_type_hints(entry.make)
    mask: Mask | Mixture = entry.make(**{key: _read(key, value, hints[key]) for key, value in params.items()})
    return mask


def _read(name: str, value: Any, hint: Any) -> Any:
    """Convert text to the parameter's type; anything but text is passed on."""
    if not isinstance(value, str):
        return value
    if hint not in _READERS:
        raise UsageError(f"parameter {name!r} cannot be given as text.")
    try:
        return _READERS[hint](value)
    except ValueError as error:
        raise UsageError(f"parameter {name!r}: {error}") from None


def _one_or_all(values: tuple[Any, ...]) -> Any:
    """One value stands for every axis."""
    return values if len(values) > 1 else values[0]


_READERS: dict[Any, Callable[[str], Any]] = {
    int: parse_count,
    float: float,
    bool: lambda text: parse_flags(text, 1)[0],
    tuple[int, ...]: lambda text: _one_or_all(parse_layout(text)),
    tuple[bool, ...]: lambda text: _one_or_all(parse_flags(text)),
}
