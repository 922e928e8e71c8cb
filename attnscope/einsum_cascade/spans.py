"""Places in a cascade's text, so that every refusal can point at what it means."""

from dataclasses import dataclass
from typing import Protocol

from attnscope.errors import CascadeError


@dataclass(frozen=True)
class Source:
    """A cascade text and the name it goes by (file name, library name or ``<cascade>``)."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """Return line ``number``, counted from 1, without its line end."""
        lines = self.text.splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True)
class Span:
    """One place in a source; line and column are counted from 1."""

    source: Source
    line: int
    column: int


class Placed(Protocol):
    """Anything that knows where it was written (or ``None`` for what a transform made)."""

    @property
    def span(self) -> Span | None:
        """The place in the text."""
        ...


def refusal(message: str, at: Placed | Span | None = None, *, source: str = "<cascade>") -> CascadeError:
    """Return the error for ``message``, with line, column and a caret where the place is known."""
    span = at if at is None or isinstance(at, Span) else at.span
    if span is None:
        return CascadeError(message, source=source)
    return CascadeError(
        message, source=span.source.name, line=span.line, column=span.column, text=span.source.line(span.line)
    )
