"""Masks by name: each file under `masks` registers its class with the paper it comes from."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from attnscope.errors import UnknownNameError, UsageError, did_you_mean
from attnscope.workloads.visibility.base import Mask

M = TypeVar("M", bound=type[Mask])


@dataclass(frozen=True)
class MaskEntry:
    """One registered mask: its name, class, source and parameters (name -> default, `...` where one must be given)."""

    name: str
    kind: type[Mask]
    source: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Constructor parameters with their defaults; `...` marks the ones that must be given."""
        return {f.name: ... if f.default is MISSING else f.default for f in fields(self.kind) if f.init}  # type: ignore[arg-type]

    @property
    def summary(self) -> str:
        """First line of the class's documentation."""
        return (inspect.getdoc(self.kind) or "").partition("\n")[0]


_ENTRIES: dict[str, MaskEntry] = {}


def register(name: str, source: str) -> Callable[[M], M]:
    """Class decorator: own `name`; `source` is the paper that defines the mask.

    Raises:
        UsageError: the name has an owner already.
    """

    def add(kind: M) -> M:
        if name in _ENTRIES:
            raise UsageError(f"mask {name!r} is registered already, by {_ENTRIES[name].kind.__qualname__}.")
        _ENTRIES[name] = MaskEntry(name, kind, source)
        return kind

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
    """Refuse unknown and missing parameters by name."""
    for name in given:
        if name not in entry.parameters:
            known = ", ".join(entry.parameters)
            near = did_you_mean(name, entry.parameters)
            raise UsageError(f"mask {entry.name!r} has no parameter {name!r}.{near} Parameters: {known}.")
    missing = [n for n, default in entry.parameters.items() if default is ... and n not in given]
    if missing:
        raise UsageError(f"mask {entry.name!r} needs {', '.join(missing)}. Parameters: {', '.join(entry.parameters)}.")
