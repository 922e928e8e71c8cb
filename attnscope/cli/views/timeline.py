"""What the event engine found, beside the closed form."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, paragraph, percent, styled, table
from attnscope.cli.views.estimate import section
from attnscope.mappings.spatial import Played
from attnscope.units import format_si


def timeline_view(played: Played) -> Iterator[Any]:
    """Yield both latencies, then what each resource did and what it waited for."""
    found = played.estimate
    yield heading(f"{found.workload} on {found.device}, mapping {found.mapping}")
    yield facts(_headline(played))
    yield from section("Who works", _busy(played), "event engine")
    yield from section("Why they wait", _idle(played))


def _headline(played: Played) -> Iterator[tuple[str, Any]]:
    yield "by events", styled(format_si(played.latency_s, "s"), "bold")
    yield "closed form", styled(format_si(played.estimate.latency_s, "s"), "bold")
    yield "difference", f"{100 * played.against_closed_form:+.3f} %"
    part = "the whole layer" if played.share == 1 else f"{100 * played.share:.3g} % of the layer, the rest alike"
    yield "played", f"{played.program.n_tasks:,} tasks, {part}"


def _busy(played: Played) -> Any:
    schedule, closed = played.schedule, played.estimate
    rows = (
        (name, percent(share), bar(share, track=True), _closed(closed.busy_s.get(name), closed.latency_s))
        for name, share in schedule.busy_fraction.items()
    )
    return table([left("resource"), "busy", BARS, "closed form"], rows)


def _closed(busy_s: float | None, latency_s: float) -> str:
    return "" if busy_s is None else percent(busy_s / latency_s)


def _idle(played: Played) -> Any:
    return paragraph("\n".join(played.schedule.explain_idle(name) for name in played.program.resources))
