"""One estimate, from the headline down to the choices of the mapping."""

from collections.abc import Iterator, Mapping
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, percent, styled, table
from attnscope.simulator.device import load_device
from attnscope.simulator.estimate import Estimate
from attnscope.units import format_bytes, format_si

_PARTS_SHOWN = 10


def estimate_view(found: Estimate) -> Iterator[Any]:
    """Yield the parts of the answer, most important first."""
    yield heading(f"{found.workload} on {found.device}, mapping {found.mapping}")
    yield facts(_headline(found))
    yield from estimate_sections(found)
    yield from warnings_view(found.warnings)


def estimate_sections(found: Estimate) -> Iterator[Any]:
    """Yield utilisation, energy, traffic, occupancy and choices."""
    yield from section("Utilisation", utilisation(found.utilization, found.busy_s))
    if found.energy_j:
        yield from section("Energy", _energy(found), f"{found.accounting} accounting" if found.accounting else "")
    if found.traffic:
        yield from section("Traffic", _traffic(found))
    if found.occupancy_bytes:
        yield from section("Occupancy", _occupancy(found))
    if found.choices:
        yield from section("Choices", facts(choices(found.choices)))


def section(title: str, body: Any, note: str = "") -> Iterator[Any]:
    """Yield an empty line, a heading and what stands under it."""
    yield ""
    yield heading(title, note)
    yield body


def warnings_view(warnings: tuple[str, ...]) -> Iterator[Any]:
    """Yield what the reader has to know before using the figures."""
    if warnings:
        yield ""
        for text in warnings:
            yield styled(f"Warning: {text}", "yellow")


def _headline(found: Estimate) -> Iterator[tuple[str, Any]]:
    yield "latency", styled(format_si(found.latency_s, "s"), "bold")
    if found.energy_j:
        yield "energy", styled(format_si(found.energy_j, "J"), "bold")
    yield "limited by", styled(found.limiter, "bold")
    yield "because", found.because


def utilisation(shares: Mapping[str, float], busy_s: Mapping[str, float]) -> Any:
    """Return one bar per resource, beside the time that it is busy."""
    rows = ((n, percent(s), bar(s, track=True), format_si(busy_s.get(n, 0.0), "s")) for n, s in shares.items())
    return table([left("resource"), "useful", BARS, "busy"], rows)


def _energy(found: Estimate) -> Any:
    parts = sorted(found.energy_parts_j.items(), key=lambda part: -part[1])
    shown, rest = parts[:_PARTS_SHOWN], parts[_PARTS_SHOWN:]
    if rest:
        shown.append((f"{len(rest)} smaller parts", sum(joules for _, joules in rest)))
    rows = [(n, format_si(j, "J"), percent(j / found.energy_j), bar(j / found.energy_j)) for n, j in shown if j]
    return table([left("component"), "energy", "share", BARS], [*rows, _total(found)], total=True)


def _total(found: Estimate) -> tuple[Any, ...]:
    return (styled("total", "bold"), styled(format_si(found.energy_j, "J"), "bold"), "100.0 %", "")


def _traffic(found: Estimate) -> Any:
    """Rows of one tensor at one level are added up; levels in order of appearance, each with its total."""
    sums: dict[str, dict[str, tuple[float, float]]] = {}
    for row in found.traffic:
        level = sums.setdefault(row.level, {})
        read, written = level.get(row.tensor, (0.0, 0.0))
        level[row.tensor] = (read + row.read_bytes, written + row.write_bytes)
    rows: list[tuple[Any, ...]] = []
    for level_name, tensors in sums.items():
        whole = found.bytes[level_name]
        rows.append((styled(level_name, "bold"), "", "", styled(format_bytes(whole), "bold"), ""))
        rows += [
            (f"  {n}", _bytes(r), _bytes(w), format_bytes(r + w), bar((r + w) / whole if whole else 0.0))
            for n, (r, w) in tensors.items()
        ]
    return table([left("tensor"), "read", "written", "both", BARS], rows)


def _bytes(value: float) -> str:
    return format_bytes(value) if value else "–"


def _occupancy(found: Estimate) -> Any:
    capacities = {level: _capacity(found, level) for level in found.occupancy_bytes}
    rows = (
        (n, format_bytes(held), format_bytes(c), percent(held / c), bar(held / c, track=True))
        if (c := capacities[n])
        else (n, format_bytes(held), "", "", "")
        for n, held in found.occupancy_bytes.items()
    )
    return table([left("level"), "most held", "capacity", "filled", BARS], rows)


def _capacity(found: Estimate, level: str) -> int:
    """Capacity of a level of the device that the estimate was made on; 0 where it is not among its inputs."""
    inputs = found.inputs["parts"][0] if "parts" in found.inputs else found.inputs
    device = inputs.get("device")
    device = load_device(device) if isinstance(device, str) else device
    return int(getattr(getattr(device, level, None), "capacity_bytes", 0))


_UNITS = {
    "_flops_per_s": "FLOP/s",
    "_flops": "FLOP",
    "_bytes": "B",
    "_cycles": "cycles",
    "_s_by_part": "s",
    "_s": "s",
}


def choices(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a mapping chose, in words; the ends of the names tell the units."""
    for name, value in values.items():
        ending = next((end for end in _UNITS if name.endswith(end)), "")
        words = name.removesuffix("_by_part").removesuffix("_s").removesuffix("_per").replace("_", " ")
        yield words, _text(value, _UNITS.get(ending, ""))


def _text(value: Any, unit: str = "") -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(item, unit)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item, unit) for item in value)
    if isinstance(value, bool | str) or value is None:
        return str(value)
    if unit:
        return format_bytes(value) if unit == "B" else format_si(value, unit.removesuffix("cycles"), 3).rstrip()
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
