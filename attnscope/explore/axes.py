"""Axes of a space: what a file says about the values of one field, and what the field allows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from attnscope.errors import SpecError, UsageError
from attnscope.specs import Frozen, validate
from attnscope.units import parse_length

Value = int | float
LONGEST_AXIS = 1_000_000


class Range(Frozen):
    """Values between two ends, both included where hit: so many `steps`, or every `step`, or times `factor`."""

    from_: int | float | str = Field(alias="from")
    to: int | float | str
    steps: int | None = Field(default=None, ge=1)
    step: float | None = Field(default=None, gt=0)
    factor: float | None = Field(default=None, gt=1)
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True)
class Axis:
    """One free parameter: its dotted `path`, and its values in the order they were given."""

    path: str
    values: tuple[Value, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def whole(self) -> bool:
        """Whether all values are integers."""
        return all(isinstance(value, int) for value in self.values)


def numbers(given: Any, path: str, whole: bool | None, where: str) -> tuple[Value, ...]:
    """Return the values that a list, a range or a single number of the file stands for, without repeats.

    Args:
        given: what the file says.
        path: of the field.
        whole: True for a field of whole numbers, False for one of floats, None to take values as they are.
        where: the file, for messages.

    Raises:
        SpecError: no values, more than a million, or values of another kind; says which.
    """
    place = f"{where}: axis {path}"
    if isinstance(given, Mapping):
        raw = _spread(validate(Range, given, place), place, whole)
    else:
        listed = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        raw = [_number(value, place) for value in listed]
    if not raw:
        raise SpecError(f"{place} has no values, so the space is empty. Give at least one, or remove the axis.")
    if whole is None and any(isinstance(value, float) for value in raw):
        whole = False
    values = dict.fromkeys(_typed(value, whole, place) for value in raw)
    if len(values) > LONGEST_AXIS:
        raise SpecError(f"{place} has {len(values):,} values; at most {LONGEST_AXIS:,}. Take larger steps.")
    return tuple(values)


def _number(value: Any, place: str) -> Value:
    if isinstance(value, str):
        try:
            return parse_length(value, place)
        except UsageError as error:
            raise SpecError(str(error)) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SpecError(f"{place}: {value!r} is not a number. Write numbers such as 256, 4e11 or '64K'.")
    return value


def _typed(value: Value, whole: bool | None, place: str) -> Value:
    if whole is None:
        return value
    if not whole:
        return float(value)
    if value != int(value):
        raise SpecError(f"{place}: {value!r} is not a whole number. Nearest: {round(value)}.")
    return int(value)


def _spread(spec: Range, place: str, whole: bool | None) -> list[Value]:
    low, high = _number(spec.from_, place), _number(spec.to, place)
    given = [name for name in ("steps", "step", "factor") if getattr(spec, name) is not None]
    if len(given) != 1:
        raise SpecError(f"{place}: give exactly one of steps, step and factor; found {', '.join(given) or 'none'}.")
    if high < low:
        raise SpecError(f"{place} runs from {low} to {high}, so the space is empty. Swap the two.")
    if low <= 0 and (spec.factor or spec.scale == "log"):
        raise SpecError(f"{place} starts at {low}; a logarithmic range needs a start above 0.")
    values = _by_factor(low, high, spec.factor) if spec.factor else _evenly(low, high, spec)
    return [round(value) for value in values] if whole else values


def _by_factor(low: Value, high: Value, factor: float) -> list[Value]:
    count = math.floor(math.log(high / low) / math.log(factor) + 1e-9) + 1
    step = int(factor) if factor == int(factor) else factor
    return [low * step**i for i in range(min(count, LONGEST_AXIS + 1))]


def _evenly(low: Value, high: Value, spec: Range) -> list[Value]:
    if spec.step:
        count = math.floor((high - low) / spec.step + 1e-9) + 1
        step = int(spec.step) if spec.step == int(spec.step) else spec.step
        return [low + i * step for i in range(min(count, LONGEST_AXIS + 1))]
    count = min(spec.steps or 1, LONGEST_AXIS + 1)
    if count == 1:
        return [low]
    if spec.scale == "log":
        return [low, *(low * (high / low) ** (i / (count - 1)) for i in range(1, count - 1)), high]
    return [low, *(low + (high - low) * (i / (count - 1)) for i in range(1, count - 1)), high]
