"""The few shapes that all tables are made of; rich is imported here, on first use, and nowhere else."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.text import Text

BAR = 24
GOOD, BAD, ACCENT, FAINT = "green", "bold red", "cyan", "bright_black"


@dataclass(frozen=True)
class Column:
    """A column: heading, side to align to, style, and whether its text may be wrapped."""

    name: str = ""
    align: Any = "right"
    style: str = ""
    wrap: bool = False


BARS = Column("", "left", wrap=True)


def left(name: str = "", style: str = "", *, wrap: bool = False) -> Column:
    """Return a column of text."""
    return Column(name, "left", style, wrap)


def table(columns: Sequence[str | Column], rows: Iterable[Sequence[Any]], *, total: bool = False) -> Any:
    """Return a table without side borders; a bare name is a right-aligned column; `total` sets the last row off."""
    from rich.box import Box
    from rich.table import Table

    box = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
    made = Table(box=box, pad_edge=False, header_style="bold", show_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        c = Column(column) if isinstance(column, str) else column
        made.add_column(
            c.name, justify=c.align, style=c.style, no_wrap=not c.wrap, overflow="fold" if c.wrap else "ellipsis"
        )
    listed = list(rows)
    for number, row in enumerate(listed, 1):
        made.add_row(*row, end_section=total and number == len(listed) - 1)
    return indented(made)


def stacked(*parts: Any) -> Any:
    """Return parts below each other as one."""
    from rich.console import Group

    return Group(*parts)


def facts(pairs: Iterable[tuple[str, Any]], style: str = FAINT) -> Any:
    """Return names and values in two columns; values may wrap."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style=style, no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value)
    return indented(made)


def indented(part: Any) -> Any:
    """Return the part moved in from the left edge."""
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, 2), expand=False)


def heading(text: str, note: str = "") -> "Text":
    """Return a bold line, with a faint remark beside it."""
    from rich.text import Text

    return Text.assemble((text, "bold"), (f"  {note}" if note else "", FAINT))


def paragraph(text: str, style: str = "") -> Any:
    """Return running text, indented like a table."""
    return indented(styled(text, style))


def remarked(text: str, remark: str) -> "Text":
    """Return text with a faint remark after it."""
    from rich.text import Text

    return Text.assemble(text, (f"   {remark}" if remark else "", FAINT))


def styled(text: str, style: str) -> "Text":
    """Return text in one style."""
    from rich.text import Text

    return Text(text, style=style)


@dataclass(frozen=True)
class Bar:
    """A bar of a share of 0 to 1, in steps of half a character; `track` draws the rest faintly.

    Where a table is too wide, its bars become shorter before anything else does.
    """

    share: float
    width: int = BAR
    style: str = ACCENT
    track: bool = False

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        return Measurement(min(4, self.width), min(self.width, options.max_width))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        from rich.text import Text

        width = min(self.width, options.max_width)
        halves = round(min(1.0, max(0.0, self.share)) * width * 2)
        text = Text("━" * (halves // 2) + "╸" * (halves % 2), style=self.style)
        if self.track:
            text.append("─" * (width - len(text)), style=FAINT)
        yield text


def bar(share: float, width: int = BAR, *, track: bool = False) -> Bar:
    """Return a bar; its column should be a `BARS` one."""
    return Bar(share, width, track=track)


@dataclass(frozen=True)
class Fitted:
    """Text that is made for the width at hand."""

    make: Callable[[int], str]

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Any]":
        from rich.text import Text

        text = Text(self.make(options.max_width - 2), no_wrap=True)
        for pattern, style in ((r"#+", ACCENT), (r"\++", "yellow"), (r"(?<=[.#+])Q|Q(?=[.#+])", BAD)):
            text.highlight_regex(pattern, style)
        yield indented(text)


def mark(ok: bool) -> "Text":
    """Return a tick or a cross."""
    return styled("✓", GOOD) if ok else styled("✗", BAD)


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 1 as a percentage: ``99.1 %``.

    >>> percent(0.99096)
    '99.1 %'
    """
    return f"{100 * share:.{digits}f} %"


def to_text(parts: Iterable[Any], *, width: int, color: bool) -> str:
    """Return the parts below each other as text; ``NO_COLOR`` and ``TERM`` are respected where `color` is asked for."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=color, markup=False, highlight=False, emoji=False, legacy_windows=False
    )
    for part in parts:
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
