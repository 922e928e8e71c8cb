"""Attention on a pool of its own, beside one pool for all."""

from collections.abc import Callable, Iterator
from typing import Any

from attnscope.cli.offload_answer import OffloadAnswer
from attnscope.cli.render import BARS, Column, bar, facts, heading, left, paragraph, percent, stacked, styled, table
from attnscope.cli.views.estimate import section, warnings_view
from attnscope.mappings.offload.play import PlayedStep
from attnscope.mappings.offload.replay import Replay
from attnscope.mappings.offload.result import OffloadEstimate, ServingEstimate
from attnscope.units import format_bytes, format_si


def offload_view(answer: OffloadAnswer) -> Iterator[Any]:
    """Yield the verdict, both deployments, who works, where the time goes; then what was played and replayed."""
    found = answer.estimate
    yield heading(found.workload, found.offload.deployment.label)
    yield facts(_headline(found))
    yield from section("Beside a homogeneous pool", _beside(found))
    yield from section("Who works", _busy(found.offload.busy_fraction), "closed form")
    yield from section("Time between tokens", _parts(found.offload))
    if answer.played:
        yield from section("A decode step by events", _played(answer.played))
        yield from section("Why they wait", paragraph("\n".join(answer.idle)))
    for replay in answer.replays:
        yield from section(f"Replay on {replay.deployment.label}", _replay(replay))
    yield from warnings_view(found.warnings)


def _headline(found: OffloadEstimate) -> Iterator[tuple[str, Any]]:
    ours, nic = found.offload, found.minimum_per_nic
    yield "throughput", styled(f"{ours.tokens_per_s:,.0f} tokens/s", "bold")
    yield "time between tokens", styled(format_si(ours.time_between_tokens_s, "s"), "bold")
    if found.gain is not None and found.gain_per_dollar is not None:
        yield "gain", styled(f"{100 * found.gain:+.1f} %, {100 * found.gain_per_dollar:+.1f} % per price", "bold")
    yield "limited by", styled(ours.limiter, "bold")
    yield "least bandwidth", ", ".join(f"{format_si(v, 'B/s', 3)} per NIC of the {n} pool" for n, v in nic.items())
    yield "because", found.because


_Cell = Callable[[ServingEstimate], str]
_CELLS: tuple[tuple[str, _Cell, Callable[[ServingEstimate], float]], ...] = (
    ("tokens/s", lambda e: f"{e.tokens_per_s:,.0f}", lambda e: e.tokens_per_s),
    ("time between tokens", lambda e: format_si(e.time_between_tokens_s, "s"), lambda e: e.time_between_tokens_s),
    ("price per hour", lambda e: f"{e.price_per_hour:,.2f}", lambda e: e.price_per_hour),
    ("tokens for 1 of the price", lambda e: f"{e.tokens_per_dollar:,.0f}", lambda e: e.tokens_per_dollar),
    ("requests in flight", lambda e: f"{e.batch:,}", lambda e: e.batch),
    ("requests that fit", lambda e: f"{e.room:,}", lambda e: e.room),
    ("keys and values", lambda e: format_bytes(e.kv_bytes), lambda e: e.kv_bytes),
)


def _beside(found: OffloadEstimate) -> Any:
    ours, base = found.offload, found.baseline
    columns: list[str | Column] = [left(), "offloaded"]
    if not base:
        return table(columns, ((name, cell(ours)) for name, cell, _ in _CELLS))
    rows = ((name, cell(ours), cell(base), f"{value(ours) / value(base):.3g}x") for name, cell, value in _CELLS)
    return table([*columns, base.deployment.label, "ratio"], [*rows, ("limited by", ours.limiter, base.limiter, "")])


def _busy(shares: dict[str, float]) -> Any:
    return table([left("resource"), "busy", BARS], ((n, percent(s), bar(s, track=True)) for n, s in shares.items()))


def _parts(found: ServingEstimate) -> Any:
    whole = found.time_between_tokens_s
    rows = [(n, format_si(s, "s"), percent(s / whole), bar(s / whole)) for n, s in found.parts_s.items() if s]
    return table([left("part"), "time", "share", BARS], [*rows, ("total", format_si(whole, "s"), "", "")], total=True)


def _played(step: PlayedStep) -> Any:
    pairs = (
        ("by events", styled(format_si(step.step_s, "s"), "bold")),
        ("closed form", styled(format_si(step.closed_form_s, "s"), "bold")),
        ("difference", f"{100 * step.against_closed_form:+.3f} %"),
        ("played", f"{step.program.n_tasks:,} tasks, {step.batches} batches through {step.n_layers} layers"),
    )
    return stacked(facts(pairs), "", _busy(step.busy_fraction))


_SPREADS: dict[str, Callable[[float], str]] = {
    "batch": lambda v: f"{v:,.0f}",
    "context_tokens": lambda v: f"{v:,.0f}",
    "time_between_tokens_s": lambda v: format_si(v, "s", 3),
    "wait_s": lambda v: format_si(v, "s", 3),
}
_QUANTITIES = {
    "batch": "in flight",
    "context_tokens": "mean context",
    "time_between_tokens_s": "time between tokens",
    "wait_s": "wait for admission",
}
_COLUMNS = ("mean", "p5", "p50", "p95", "p99", "max")


def _replay(replay: Replay) -> Any:
    rows = (
        (_QUANTITIES[row["quantity"]], *(_SPREADS[row["quantity"]](row[name]) for name in _COLUMNS))
        for row in replay.to_records()
    )
    until = f"{replay.full_tokens_per_s:,.0f} tokens/s until the last request is admitted; then the batch runs empty."
    return stacked(paragraph(f"{replay.because} {until}"), "", table([left("quantity"), *_COLUMNS], rows))
