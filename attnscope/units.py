"""Quantities as people type and read them: ``64K`` in, ``7.40 s`` out. Inside everything is SI."""

import math
import re

from attnscope.errors import UsageError

_BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
LARGEST_LENGTH = 2**40
_NUMBER = re.compile(r"^\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]*)\s*$")


def parse_length(text: str | int, what: str = "sequence length") -> int:
    """Return a count such as ``64K`` (binary, 65,536), ``1M`` or ``1000``.

    Raises:
        UsageError: not a whole number, below 1 or above 2^40; names the nearest value that would do.

    >>> parse_length("64K")
    65536
    """
    found = _NUMBER.match(str(text))
    if not found:
        raise UsageError(
            f"{what}: {text!r} is not a count. Write a whole number such as 4096, or 64K, 1M (binary units)."
        )
    unit = found[2].upper()
    if unit not in _BINARY:
        raise UsageError(f"{what}: unknown unit {found[2]!r} in {text!r}. Known: K = 1024, M = 1024 K, G = 1024 M.")
    value = float(found[1]) * _BINARY[unit]
    if value > LARGEST_LENGTH:
        raise UsageError(f"{what}: {text!r} is above the largest that is modelled, 2^40. Nearest: 1024G.")
    if value <= 0:
        raise UsageError(f"{what}: {text!r} must be at least 1. Nearest: 1.")
    if not value.is_integer():
        raise UsageError(f"{what}: {text!r} is {value:.12g}, not a whole number. Nearest: {max(1, round(value))}.")
    return int(value)


_PREFIXES = (
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
    (1e-12, "p"),
)


def format_si(value: float, unit: str, digits: int = 4) -> str:
    """Return `value` with an SI prefix and `digits` significant digits.

    >>> format_si(0.0020131, "s")
    '2.013 ms'
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    rounded = abs(float(f"{value:.{digits - 1}e}"))  # 999.96 is 1.000 k, and 9.9999 has one digit more
    scale, prefix = next(((s, p) for s, p in _PREFIXES if rounded >= s), _PREFIXES[-1])
    if unit == "s" and scale > 1:
        scale, prefix = 1.0, ""
    decimals = max(0, digits - 1 - math.floor(math.log10(rounded / scale)))
    return f"{value / scale:,.{decimals}f} {prefix}{unit}"


def format_bytes(value: float) -> str:
    """Return bytes in binary units.

    >>> format_bytes(402653184)
    '384 MiB'
    """
    for scale, unit in ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if abs(value) >= scale:
            return f"{value / scale:.4g} {unit}" if abs(value) < 9999.5 * scale else f"{value / scale:,.0f} {unit}"
    return f"{value:g} B"


def format_length(value: int) -> str:
    """Return a sequence length in the shortest exact form: 65536 -> ``64K``.

    >>> format_length(65536), format_length(1000)
    ('64K', '1000')
    """
    for unit in ("G", "M", "K"):
        if value % _BINARY[unit] == 0:
            return f"{value // _BINARY[unit]}{unit}"
    return str(value)
