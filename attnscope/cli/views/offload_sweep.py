"""A sweep of attention offloading."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, table
from attnscope.cli.views.estimate import section
from attnscope.mappings.offload.sweep import OffloadSweep
from attnscope.units import format_length, format_si

_MOST = 30


def offload_sweep_view(found: OffloadSweep) -> Iterator[Any]:
    """Yield the counts, the front by price, and why points were left out."""
    yield heading(f"{found.deployment.model.name}: {found.n_points:,} points")
    yield facts([("because", found.because)])
    rows = found.to_records()
    note = f"{_MOST} of {len(rows):,}" if len(rows) > _MOST else "throughput, time between tokens and price"
    yield from section("Pareto front", _front(rows[:: -(-len(rows) // _MOST)]), note)
    if found.refused:
        yield from section("Left out", facts((f"{count:,}", reason) for reason, count in found.refused.items()))


def _front(rows: list[dict[str, Any]]) -> Any:
    top = max(row["tokens_per_s"] for row in rows)
    cells = (
        (
            f"{row['compute']} + {row['memory']}",
            f"{row['batches']}",
            f"{row['batch']:,}",
            format_length(round(row["context_tokens"])),
            f"{row['price_per_hour']:,.2f}",
            format_si(row["time_between_tokens_s"], "s", 3),
            f"{row['tokens_per_s']:,.0f}",
            bar(row["tokens_per_s"] / top, 12),
        )
        for row in rows
    )
    columns = (left("pools"), "turns", "requests", "context", "price/h", "between", "tokens/s", BARS)
    return table(columns, cells)
