"""Ranked tile pairs and why the best wins."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, paragraph, percent, styled, table
from attnscope.cli.verbs.tiles import Tiles
from attnscope.cli.views.estimate import section, warnings_view
from attnscope.mappings.gpu.advice import Advice, TileChoice
from attnscope.mappings.gpu.tiles import format_axes
from attnscope.units import format_si


def tiles_view(found: Tiles) -> Iterator[Any]:
    """Yield the best choice and why, then the ranking, its counts, and where the best one's time goes."""
    advice, shown = found.advice, found.advice.choices[: found.top]
    shape = advice.problem
    sizes = f"{shape['heads']} heads x {shape['head_dim']}, batch {shape['batch']}, {shape['dtype']}"
    yield heading(
        f"{shape['layout']} window {shape['window']} on {advice.device}", f"stride {shape['stride']}, {sizes}"
    )
    yield facts(_headline(advice))
    if found.why_not:
        yield from section("Why not", paragraph(found.why_not))
    note = f"{len(shown)} of {len(advice.choices):,}, fastest first" if len(shown) < len(advice.choices) else "all"
    yield from section("Ranking", _ranking(shown), note)
    yield from section("Counts", _counts(shown), "per head; speed-ups over dense by FLOPs, mean and worst Q tile")
    yield from section("Where the time of the best goes", _parts(advice.best))
    yield from warnings_view(advice.warnings)


def _headline(advice: Advice) -> Iterator[tuple[str, Any]]:
    best = advice.best
    yield "best", styled(best.label, "bold")
    yield "latency", f"{format_si(best.latency_s, 's')}, {best.predicted_speedup:.4g}x the dense kernel's speed"
    yield "dense", format_si(advice.dense_s, "s")
    flat = advice.flat
    yield "flattened", f"{format_si(flat.latency_s, 's')} with the same tile sizes on the flattened sequence"
    yield "looked at", f"{advice.n_evaluated:,} pairs of stride and tiles"
    yield "because", advice.because


def _ranking(choices: tuple[TileChoice, ...]) -> Any:
    top = max(c.latency_s for c in choices)
    rows = (
        (
            str(i),
            str(c.pair),
            format_axes(c.stride),
            c.backend,
            format_si(c.latency_s, "s"),
            f"{c.predicted_speedup:.2f}x",
            bar(c.latency_s / top, 12),
            c.limiter,
        )
        for i, c in enumerate(choices, 1)
    )
    columns = ("#", left("Q/KV tile"), left("stride"), left("backend"), "latency", "dense", BARS, left("limit"))
    return table(columns, rows)


def _counts(choices: tuple[TileChoice, ...]) -> Any:
    rows = (
        (
            str(i),
            f"{c.flopwise_speedup:.2f}x",
            f"{c.mean_speedup:.2f}x",
            f"{c.worst_speedup:.2f}x",
            f"{c.visits_total:,}",
            "sparse" if c.block_sparse else percent(c.partial_fraction, 0),
            percent((1 + c.query_padding_fraction) * (1 + c.key_padding_fraction) - 1, 0),
            format_si(c.copies_s, "s", 3),
            f"{c.waves:.4g}",
        )
        for i, c in enumerate(choices, 1)
    )
    return table(("#", "FLOPs", "mean", "worst", "visits", "partial", "padding", "copies", "waves"), rows)


def _parts(best: TileChoice) -> Any:
    rows = (
        (name, format_si(seconds, "s"), percent(seconds / best.latency_s), bar(seconds / best.latency_s))
        for name, seconds in best.parts_s.items()
    )
    return table([left("part"), "time", "share", BARS], rows)
