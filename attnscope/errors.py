"""Errors raised on purpose: each says what is wrong, where, and how to mend it.

AttnScopeError            base of all, exit code 2 on the command line
  UsageError              a value that cannot be used
    UnknownNameError      a name nobody owns; suggests the nearest one
    SpecError             a file or specification that breaks its schema
      CascadeError        a cascade text that cannot be read or run; carries line, column and a caret
    IllegalMappingError   a mapping the device or the shape does not allow
  MissingHardwareError    no GPU, or an optional package is absent; exit code 3
"""

import difflib
from collections.abc import Iterable


class AttnScopeError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 2


class UsageError(AttnScopeError, ValueError):
    """A value that cannot be used; the message says which, why and what would do."""


class SpecError(UsageError):
    """A file or specification that breaks its schema."""


class IllegalMappingError(UsageError):
    """A mapping that the device or the shape does not allow."""


class MissingHardwareError(AttnScopeError, RuntimeError):
    """A GPU or an optional package is absent."""

    exit_code = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or an empty string.

    >>> did_you_mean("fusemx", ["flat", "fusemax"])
    " Did you mean 'fusemax'?"
    """
    by_fold = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(name.casefold(), by_fold, n=1)
    return f" Did you mean {by_fold[near[0]]!r}?" if near else ""


class UnknownNameError(UsageError, LookupError):
    """A name nobody owns; the message suggests the nearest known one and lists all."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        place = f"{where}: " if where else ""
        super().__init__(f"{place}no {kind} named {name!r}.{did_you_mean(name, names)} Known: {', '.join(names)}.")


class CascadeError(SpecError):
    """A cascade text that cannot be read, analysed or run, with the place in the text."""

    def __init__(
        self, message: str, *, source: str = "<cascade>", line: int = 0, column: int = 0, text: str = ""
    ) -> None:
        self.line, self.column = line, column
        place = f"{source}:{line}:{column}: " if line else f"{source}: "
        caret = f"\n  {text}\n  {' ' * max(0, column - 1)}^" if text else ""
        super().__init__(f"{place}{message}{caret}")
