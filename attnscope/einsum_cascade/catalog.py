"""The library of cascades that comes with the package, and cascades from files."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.parse import parse
from attnscope.errors import UnknownNameError, UsageError

SUFFIX = ".cascade"
LIBRARY = files("attnscope.einsum_cascade") / "library"


@cache
def library() -> tuple[str, ...]:
    """Return the names of the cascades in the library, sorted."""
    return tuple(sorted(entry.name.removesuffix(SUFFIX) for entry in LIBRARY.iterdir() if entry.name.endswith(SUFFIX)))


def load(name_or_path: str | Path) -> Cascade:
    """Return a cascade of the library by name, or one read from a ``*.cascade`` file.

    Raises:
        UnknownNameError: no such name; suggests the nearest.
        UsageError: the file cannot be read.
        CascadeError: the text breaks a rule.
    """
    text = str(name_or_path)
    name = text.casefold()
    if name in library():
        return _load_library(name)
    if isinstance(name_or_path, Path) or text.endswith(SUFFIX) or "/" in text:
        return _load_file(Path(name_or_path))
    raise UnknownNameError("cascade", text, library())


@cache
def _load_library(name: str) -> Cascade:
    return parse((LIBRARY / f"{name}{SUFFIX}").read_text(encoding="utf-8"), f"{name}{SUFFIX}")


def _load_file(path: Path) -> Cascade:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read cascade {str(path)!r}: {reason}") from error
    return parse(text, str(path))
