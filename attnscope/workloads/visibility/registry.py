"""Masks by name: each file under `masks` registers what it makes, with the paper it comes from."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from attnscope.errors import UnknownNameError, UsageError, did_you_mean

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class MaskEntry:
    """One registered mask: its name, what makes it (a class or a function), and the paper it comes from."""

    name: str
    make: Callable[..., Any]
    source: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters with their defaults; `...` marks the ones that must be given."""
        signature = inspect.signature(self.make).parameters.values()
        return {p.name: ... if p.default is p.empty else p.default for p in signature}

    @property
    def summary(self) -> str:
        """First line of the documentation."""
        return (inspect.getdoc(self.make) or "").partition("\n")[0]


_ENTRIES: dict[str, MaskEntry] = {}


def register(name: str, source: str) -> Callable[[T], T]:
    """Decorator for a mask class, or a function that returns a mask or mixture: own `name`.

    Args:
        name: lower case, words joined by ``-``.
        source: the paper that defines the mask.

    Raises:
        UsageError: the name has an owner already.
    """

    def add(make: T) -> T:
        if name in _ENTRIES:
            raise UsageError(f"mask {name!r} is registered already, by {_ENTRIES[name].make.__qualname__}.")
        _ENTRIES[name] = MaskEntry(name, make, source)
        return make

    return add


def list_masks() -> list[MaskEntry]:
    """All registered masks, by name."""
    return [_ENTRIES[name] for name in sorted(_ENTRIES)]


def find_mask(name: str) -> MaskEntry:
    """The entry of `name`; case and ``-`` against ``_`` do not matter.

    Raises:
        UnknownNameError: nobody owns the name; the message suggests the nearest.
    """
    entry = _ENTRIES.get(name.casefold().replace("_", "-"))
    if entry is None:
        raise UnknownNameError("mask", name, _ENTRIES)
    return entry


def check_parameters(entry: MaskEntry, given: dict[str, Any]) -> None:
    """Refuse unknown and missing parameters by name.

    Raises:
        UsageError: naming the parameter, with the nearest known one and the list of all.
    """
    known = entry.parameters
    for name in given:
        if name not in known:
            near = did_you_mean(name, known)
            raise UsageError(f"mask {entry.name!r} has no parameter {name!r}.{near} Parameters: {', '.join(known)}.")
    missing = [n for n, default in known.items() if default is ... and n not in given]
    if missing:
        raise UsageError(f"mask {entry.name!r} needs {', '.join(missing)}. Parameters: {', '.join(known)}.")
