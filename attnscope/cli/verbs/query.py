"""`attnscope query`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import COUNT

to_ask = in_section("Question")


@click.command(cls=Verb)
@click.argument("run", type=FILE)
@click.argument("where", default="legal")
@to_ask("--top", type=COUNT, default=10, metavar="N", help="How many points (10).")
@to_ask("--by", default="", metavar="FIGURE", help="Figure or expression, least first; the first objective by default.")
@to_ask("--run", "name", metavar="NAME", help="Name or title of the run in the store; the newest by default.")
@output_options
def query(run: Path, where: str, top: int, by: str, name: str | None, out: Output) -> None:
    """List the points of a run that satisfy a condition, best first.

    RUN is a store that `attnscope sweep -o` wrote; WHERE is a condition on fields and figures, with and, or and not.

    Examples:
      attnscope query run.db "device.pe_dim >= 128 and latency_s < 1" --top 5
      attnscope query run.db "mapping == 'fusemax'" --by energy_j --format csv
      attnscope query run.db --by latency_s*area_mm2
    """
    from attnscope.cli.views.points import answer_view
    from attnscope.explore.asking import query as compute

    found = compute(run, where, top=top, by=by, name=name)
    out.emit(found, answer_view)
    out.warn(found.remarks)
