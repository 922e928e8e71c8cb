"""`attnscope cascade graph`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section
from attnscope.cli.output import Output, figure_path
from attnscope.cli.params import CASCADE

_HELP = "Draw to .svg or .png, or write Graphviz to .dot; Graphviz on stdout without it."

of_answer = in_section("Answer")


@click.command(cls=Verb)
@click.argument("name", type=CASCADE)
@of_answer("--rank", metavar="RANK", help="Tell passes over this rank apart; M by default.")
@of_answer("-o", "--output", type=FILE, metavar="FILE", help=_HELP)
@of_answer("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def graph(name: str, rank: str | None, output: Path | None, quiet: bool) -> None:
    """Draw which Einsum needs which, with the passes over a rank in colours.

    Examples:
      attnscope cascade graph attention-1pass -o one-pass.svg
      attnscope cascade graph attention-3pass -o three-pass.png
      attnscope cascade graph attention-1pass | dot -Tpdf -o one-pass.pdf
    """
    from attnscope.einsum_cascade import load, to_dot
    from attnscope.einsum_cascade.passes import require_rank

    if output:
        figure_path(output, (".svg", ".png", ".dot"))
    cascade, chosen = load(name), (rank or "").upper()
    if chosen:
        require_rank(cascade, chosen)
    if output is None or output.suffix.lower() == ".dot":
        Output("text", output, quiet).write(to_dot(cascade, chosen))
        return
    from attnscope.cli.cascade_layout import graph_info
    from attnscope.cli.cascade_plot import plot_cascade
    from attnscope.cli.figures import save_figure

    save_figure(plot_cascade(graph_info(cascade, chosen)), output)
    Output("text", None, quiet).saved(output)
