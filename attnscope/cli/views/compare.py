"""Estimates side by side."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, Column, bar, heading, left, paragraph, percent, table
from attnscope.cli.views.estimate import section, warnings_view
from attnscope.mappings.compare import Comparison, fastest
from attnscope.simulator.estimate import Estimate
from attnscope.units import format_bytes, format_si


def compare_view(found: Comparison) -> Iterator[Any]:
    """Yield latencies and speed-ups, then energies, then utilisations, over the same rows."""
    base = found.baseline
    yield heading(found.workload, f"ratios over {_name(base)}")
    yield from section("Latency", _latency(found))
    if base.energy_j:
        yield from section("Energy", _energy(found), f"{base.accounting} accounting" if base.accounting else "")
    yield from section("Utilisation", _utilisation(found))
    best = fastest(found.estimates)
    yield from section(f"Fastest: {_name(best)}", paragraph(best.because))
    yield from warnings_view(tuple(f"{_name(e)}: {text}" for e in found.estimates for text in e.warnings))


def _name(estimate: Estimate) -> str:
    return f"{estimate.mapping} on {estimate.device}"


def _latency(found: Comparison) -> Any:
    rates = [found.baseline.latency_s / e.latency_s for e in found.estimates]
    rows = (
        (e.mapping, e.device, format_si(e.latency_s, "s"), e.limiter, f"{rate:.2f}x", bar(rate / max(rates)))
        for e, rate in zip(found.estimates, rates, strict=True)
    )
    return table([left("mapping"), left("device"), "latency", left("limited by"), "speed-up", BARS], rows)


def _energy(found: Comparison) -> Any:
    top = max(e.energy_j for e in found.estimates)
    rows = (
        (
            e.mapping,
            e.device,
            format_si(e.energy_j, "J"),
            format_bytes(e.bytes.get("dram", 0.0)),
            f"{e.energy_j / found.baseline.energy_j:.3f}",
            bar(e.energy_j / top),
        )
        for e in found.estimates
    )
    return table([left("mapping"), left("device"), "energy", "DRAM traffic", "ratio", BARS], rows)


def _utilisation(found: Comparison) -> Any:
    names = list(dict.fromkeys(name for e in found.estimates for name in e.utilization))
    columns: list[str | Column] = [left("mapping"), left("device")]
    for name in names:
        columns += [name, BARS]
    rows = ((e.mapping, e.device, *(c for name in names for c in _share(e, name))) for e in found.estimates)
    return table(columns, rows)


def _share(estimate: Estimate, name: str) -> tuple[Any, Any]:
    share = estimate.utilization.get(name, 0.0)
    return percent(share), bar(share, 10, track=True)
