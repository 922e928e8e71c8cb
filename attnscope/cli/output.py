"""Answers on stdout or in a file, as a table, JSON or CSV; notes and warnings on stderr."""

import csv
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click

from attnscope.errors import UsageError

FORMATS = ("table", "json", "csv")
PIPED_WIDTH, MOST_WIDTH = 100, 140
Record = dict[str, Any]

# What to write where an encoding lacks a character.
_PLAIN = str.maketrans({
    "━": "#", "╸": "#", "╺": "-", "─": "-", "│": "|", "×": "x", "µ": "u", "→": "->", "–": "-", "—": "-", "…": "...",
    "·": ".", "≤": "<=", "≥": ">=", "±": "+-", "²": "^2", "✓": "ok", "✗": "NO", "•": "*", "█": "#", "∞": "inf",
})  # fmt: skip


class Answer(Protocol):
    """What every verb answers with: a value that knows its plain forms."""

    def to_dict(self) -> Any:
        """Return JSON-ready values."""

    def to_records(self) -> list[Record]:
        """Return flat rows."""


@dataclass(frozen=True)
class Plain:
    """An answer made of values that are plain already."""

    data: Any
    records: list[Record]

    def to_dict(self) -> Any:
        """Return the data."""
        return self.data

    def to_records(self) -> list[Record]:
        """Return the rows."""
        return self.records


@dataclass(frozen=True)
class Output:
    """Where a verb answers and in which form.

    Attributes:
        form: table, json or csv.
        path: file to write; stdout where it is None.
        quiet: whether notes and warnings are left out.
    """

    form: str = "table"
    path: Path | None = None
    quiet: bool = False

    def emit(self, answer: Answer, view: Callable[[Any], Iterable[Any]]) -> None:
        """Write the answer; `view` lays it out for people and is called for tables only."""
        if self.form == "json":
            text = json.dumps(_finite(answer.to_dict()), indent=2, allow_nan=False) + "\n"
        elif self.form == "csv":
            text = _csv(answer.to_records())
        else:
            text = self._table(view(answer))
        self.write(text)

    def note(self, text: str) -> None:
        """Tell what happened, on stderr."""
        if not self.quiet:
            click.echo(_readable(text, sys.stderr), err=True)

    def warn(self, texts: Iterable[str]) -> None:
        """Repeat warnings on stderr where the answer is data; tables show them themselves."""
        if self.form != "table":
            for text in texts:
                self.note(f"Warning: {text}")

    def saved(self, path: Path) -> None:
        """Say where a file went."""
        self.note(f"Saved {path}")

    def _table(self, parts: Iterable[Any]) -> str:
        from attnscope.cli.render import to_text

        terminal = self.path is None and sys.stdout.isatty()
        return to_text(parts, width=_width(terminal), color=terminal)

    def write(self, text: str) -> None:
        """Write text to the file, or to stdout in what it can encode."""
        if self.path is None:
            click.echo(_readable(text, sys.stdout), nl=False)
            return
        self.path.write_text(text, encoding="utf-8")
        self.saved(self.path)


def figure_path(path: Path, suffixes: tuple[str, ...]) -> Path:
    """Return the path where its suffix is one that can be written.

    Raises:
        UsageError: another suffix; lists the legal ones.
    """
    if path.suffix.lower() not in suffixes:
        given = repr(path.suffix) if path.suffix else "a file without suffix"
        raise UsageError(f"{path}: cannot write {given}. Use one of {', '.join(suffixes)}.")
    return path


def _width(terminal: bool) -> int:
    if terminal:
        return min(MOST_WIDTH, os.get_terminal_size(sys.stdout.fileno()).columns)
    columns = os.environ.get("COLUMNS", "")
    return max(40, int(columns)) if columns.isdigit() else PIPED_WIDTH


def _readable(text: str, stream: Any) -> str:
    """Return the text with what the stream cannot encode written in plain characters."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, errors="replace").decode(encoding)
    return text


def _csv(records: list[Record]) -> str:
    columns = list(dict.fromkeys(name for record in records for name in record))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in record.items()} for record in records)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(_finite(value))
    return "" if value is None else value


def _finite(value: Any) -> Any:
    """Return plain values with null for what JSON has no number for."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
