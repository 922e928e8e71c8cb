"""`attnscope timeline`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, Ask, in_section, machine_options, text_options, workload_options
from attnscope.cli.output import Output, figure_path
from attnscope.cli.params import COUNT, TIME
from attnscope.errors import UsageError
from attnscope.units import format_si

if TYPE_CHECKING:
    from attnscope.mappings.spatial import Played

_SUFFIXES = (".svg", ".png", ".json")
_FILE_HELP = "Draw to .svg or .png, or write a Chrome trace to .json (ui.perfetto.dev opens it)."
_TILES_HELP = "Draw about as many tiles as this where --start and --stop leave it open."

of_machine = in_section("Machine")
of_picture = in_section("Picture")


@click.command(cls=Verb)
@workload_options
@machine_options()
@of_machine("--max-tasks", type=COUNT, metavar="N", help="Most tasks to play (default 200,000).")
@of_picture("-o", "--output", "figure", type=FILE, metavar="FILE", help=_FILE_HELP)
@of_picture("--start", type=TIME, metavar="TIME", help="Left end, such as 20us or 1.5ms.")
@of_picture("--stop", type=TIME, metavar="TIME", help="Right end.")
@of_picture("--tiles", type=COUNT, metavar="N", help=_TILES_HELP)
@text_options
def timeline(
    ask: Ask, device: str | None, max_tasks: int | None, figure: Path | None, out: Output, **options: Any
) -> None:
    """Play one attention layer with the event engine, beside the closed form, and draw who works when.

    Examples:
      attnscope timeline bert --seq-len 1K --device fusemax --mapping fusemax -o waterfall.svg
      attnscope timeline bert --seq-len 1K --mapping fusemax-serial --tiles 6 -o stalls.png
      attnscope timeline t5 --seq-len 4K --start 20us --stop 60us -o trace.json
    """
    from attnscope.api import timeline as compute
    from attnscope.cli.views.timeline import timeline_view

    if figure:
        figure_path(figure, _SUFFIXES)
    window = {name: options.pop(name) for name in ("start", "stop", "tiles")}
    options |= {"max_tasks": max_tasks} if max_tasks else {}
    played = compute(ask.workload, device=device or "fusemax", **ask.options, **options)
    if figure:
        _save(played, figure, **window)
    out.emit(_Answer(played), lambda answer: timeline_view(answer.played))
    if figure:
        out.saved(figure)


class _Answer:
    """A played layer as one row of data."""

    def __init__(self, played: "Played") -> None:
        self.played = played

    def to_dict(self) -> dict[str, Any]:
        """Both latencies, their difference, busy shares and why each resource is idle."""
        why = {name: self.played.schedule.explain_idle(name) for name in self.played.program.resources}
        return {**self.played.to_dict(), "idle": why}

    def to_records(self) -> list[dict[str, Any]]:
        """The same in one row."""
        row = self.played.to_dict()
        busy = row.pop("busy_fraction")
        return [{**row, **{f"busy_fraction_{name}": share for name, share in busy.items()}}]


def _save(played: "Played", path: Path, start: float | None, stop: float | None, tiles: int | None) -> None:
    from attnscope.simulator.timeline import DEFAULT_TASKS, save_timeline

    program, makespan_s = played.program, played.schedule.makespan_s
    if start is not None and start >= makespan_s:
        raise UsageError(
            f"--start {format_si(start, 's')} is after the end: what was played takes {format_si(makespan_s, 's')}."
        )
    if start is not None and stop is not None and stop <= start:
        raise UsageError(f"--stop {format_si(stop, 's')} must be after --start {format_si(start, 's')}.")
    per_tile = program.n_tasks / (int(program.item.max()) + 1)
    save_timeline(
        path,
        program,
        played.schedule,
        start=None if start is None else start / program.tick_s,
        stop=None if stop is None else stop / program.tick_s,
        max_tasks=round(tiles * per_tile) if tiles else DEFAULT_TASKS,
        item_name="tile",
        title=f"{played.estimate.workload} on {played.estimate.device}, mapping {played.estimate.mapping}",
    )
