"""One specification, field by field."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from attnscope.cli.fields import Fields
from attnscope.cli.render import BARS, bar, facts, heading, left, paragraph, percent, styled, table
from attnscope.cli.views.estimate import section
from attnscope.units import format_bytes, format_si

_UNITS = {"_bytes_per_s": "B/s", "_flops_per_s": "FLOP/s", "_hz": "Hz", "_s": "s", "_w": "W"}


def show_view(found: Fields) -> Iterator[Any]:
    """Yield the summary, the fields by group, and the area."""
    yield heading(f"{found.kind} {found.name}")
    yield paragraph(found.summary)
    if found.source:
        yield paragraph(f"Source: {found.source}", "bright_black")
    for group, paths in groupby(found.values, key=_group):
        rows = list(paths)
        if not any(found.values[path] not in ("", [], None) for path in rows):
            continue
        yield from section(group or "general", _fields(found, group, rows))
        for source in dict.fromkeys(found.sources[path] for path in rows if path in found.sources):
            yield paragraph(f"Source: {source}", "bright_black")
    if found.area_mm2:
        yield from section("area", _area(found.area_mm2))


def _group(path: str) -> str:
    return path.rpartition(".")[0].split(".")[0]


def _fields(found: Fields, group: str, paths: list[str]) -> Any:
    return facts((path.removeprefix(f"{group}."), _value(path, found.values[path])) for path in paths)


def _value(path: str, value: Any) -> str:
    """A value with its unit, as the end of the name tells it."""
    if isinstance(value, list):
        inner = [_value("", item) for item in value]
        return "\n".join(inner) if any(isinstance(item, dict) for item in value) else ", ".join(inner) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_value('', item)}" for name, item in value.items() if item not in ("", None, []))
    if value is None:
        return "not stated"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if path.endswith("capacity_bytes"):
        return format_bytes(value)
    unit = next((unit for end, unit in _UNITS.items() if path.endswith(end)), "")
    if unit or "flops_per_s." in path:
        return format_si(value, unit or "FLOP/s")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.7g}"


def _area(parts: dict[str, float]) -> Any:
    total = sum(parts.values())
    rows: list[tuple[Any, ...]] = [
        (n, f"{mm2:,.2f} mm²", percent(mm2 / total), bar(mm2 / total)) for n, mm2 in parts.items()
    ]
    whole = (styled("total", "bold"), styled(f"{total:,.2f} mm²", "bold"), "100.0 %", "")
    return table([left("component"), "area", "share", BARS], [*rows, whole], total=True)
