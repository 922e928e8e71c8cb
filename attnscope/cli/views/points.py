"""Points of a design space in rows: what differs between them, and their figures."""

from collections.abc import Iterator, Sequence
from typing import Any

from attnscope.cli.output import Record
from attnscope.cli.render import facts, heading, left, table
from attnscope.cli.views.estimate import section, warnings_view
from attnscope.explore.asking import Answer, Front
from attnscope.explore.figures import FIGURES
from attnscope.units import format_bytes, format_length, format_si

MOST = 30
_FLAGS = ("legal", "allowed")
_UNITS = {
    "_bytes_per_s": "B/s",
    "_flops_per_s": "FLOP/s",
    "_hz": "Hz",
    "_bytes": "B",
    "_s": "s",
    "_js": "Js",
    "_j": "J",
    "_w": "W",
    "_mm2": "mm²",
}


def front_view(found: Front) -> Iterator[Any]:
    """Yield the front, thinned where it is long."""
    rows = found.to_records()
    yield heading(f"Pareto front of {found.title}", f"{len(rows):,} of {found.n_searched:,} points, run {found.run}")
    yield points(rows[:: step(rows)], found.objectives)
    if step(rows) > 1:
        yield from section("Shown", facts([("points", f"one in {step(rows)}; --format csv has all")]))
    yield from warnings_view(found.remarks)


def answer_view(found: Answer) -> Iterator[Any]:
    """Yield the matching points, best first."""
    yield heading(found.where, f"{found.n_matching:,} of {found.n_searched:,} points, least {found.by} first")
    names = (found.by, *(name for name in ("latency_s", "energy_j", "area_mm2") if name != found.by))
    yield points(found.to_records(), names)
    yield from warnings_view(found.remarks)


def step(rows: Sequence[Record]) -> int:
    """Return of how many rows one is shown."""
    return max(1, -(-len(rows) // MOST))


def points(rows: Sequence[Record], figures: Sequence[str]) -> Any:
    """Return a table of the fields that differ between the rows, and the figures that they have."""
    if not rows:
        return facts([("", "no point")])
    fields = [name for name in rows[0] if name not in (*FIGURES, *_FLAGS, *figures, "index") and _differs(rows, name)]
    shown = [name for name in figures if name in rows[0]]
    names = (*fields, *shown)
    short = [_heading(name) for name in names]
    headings = [text if short.count(text) == 1 else name for name, text in zip(names, short, strict=True)]
    texts = (isinstance(rows[0][name], str) for name in names)
    columns = ["#", *(left(text) if is_text else text for text, is_text in zip(headings, texts, strict=True))]
    return table(columns, ((str(row["index"]), *(_cell(name, row[name]) for name in names)) for row in rows))


def _differs(rows: Sequence[Record], name: str) -> bool:
    return any(row[name] != rows[0][name] for row in rows)


def _unit(name: str) -> str:
    """The ending that tells the unit."""
    return next((ending for ending in _UNITS if name.endswith(ending)), "")


def _heading(name: str) -> str:
    """A field by its last part, without the unit, which stands beside the value; an expression as it is."""
    return name.rpartition(".")[2].removesuffix(_unit(name)).replace("_", " ") if _is_plain(name) else name


def _is_plain(name: str) -> bool:
    return name.replace(".", "").isidentifier()


def _cell(name: str, value: Any) -> str:
    unit = _UNITS.get(_unit(name), "") if _is_plain(name) else ""
    if isinstance(value, str):
        return value
    if unit == "B":
        return format_bytes(value)
    if unit == "mm²":
        return f"{value:,.1f} {unit}"
    if unit:
        return format_si(value, unit)
    return format_length(value) if isinstance(value, int) else f"{value:.5g}"
