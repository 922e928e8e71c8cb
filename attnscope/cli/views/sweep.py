"""What a sweep found."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import facts, heading
from attnscope.cli.views.estimate import section
from attnscope.cli.views.points import points, step
from attnscope.explore.asking import pareto
from attnscope.explore.outcome import Sweep


def sweep_view(found: Sweep) -> Iterator[Any]:
    """Yield the counts and the front, thinned where it is long."""
    yield heading(found.space.title, found.space.question)
    yield facts(_counts(found))
    front = pareto(found)
    rows = front.to_records()
    note = f"least {', '.join(front.objectives)}"
    if step(rows) > 1:
        note += f"; one in {step(rows)} of {len(rows):,}"
    yield from section("Pareto front", points(rows[:: step(rows)], front.objectives), note)


def _counts(found: Sweep) -> Iterator[tuple[str, str]]:
    drawn = f", a sample of {found.space.size:,}" if found.n_sampled else ""
    yield "points", f"{found.n_points:,}{drawn}: {found.n_legal:,} legal, {found.n_allowed:,} within the constraints"
    yield "front", f"{len(found.front):,} points"
    yield "run", found.run
