"""`attnscope pareto`."""

import re
from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, drawn_options, in_section
from attnscope.cli.output import Output
from attnscope.errors import UsageError

to_ask = in_section("Question")
_MINIMIZE = "Figures or expressions, such as latency_s,energy_j*latency_s; those of the sweep by default."
# Commas that no bracket holds.
_BETWEEN = re.compile(r",(?![^()]*\))")


@click.command(cls=Verb)
@click.argument("run", type=FILE)
@to_ask("--minimize", metavar="A,B,...", help=_MINIMIZE)
@to_ask("--run", "name", metavar="NAME", help="Name or title of the run in the store; the newest by default.")
@drawn_options
def pareto(run: Path, minimize: str | None, name: str | None, figure: Path | None, out: Output) -> None:
    """Say which points of a run no other beats, exactly, for any objectives; draw them.

    RUN is a store that `attnscope sweep -o` wrote. Other objectives than the sweep's need one with --keep all.

    Examples:
      attnscope pareto run.db
      attnscope pareto run.db --minimize latency_s,area_mm2 -o front.svg
      attnscope pareto run.db --format csv
    """
    from attnscope.cli.views.points import front_view
    from attnscope.explore.asking import pareto as compute

    objectives = [text.strip() for text in _BETWEEN.split(minimize or "") if text.strip()]
    found = compute(run, minimize=objectives, name=name)
    if figure:
        if not len(found.records):
            raise UsageError(f"{figure}: run {found.run} has no points yet. Sweep on, then draw.")
        from attnscope.cli.figures import save_figure
        from attnscope.explore.front_plot import plot_front

        save_figure(plot_front(found).get_figure(), figure)
    out.emit(found, front_view)
    out.warn(found.remarks)
    if figure:
        out.saved(figure)
