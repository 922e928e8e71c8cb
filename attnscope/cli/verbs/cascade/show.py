"""`attnscope cascade show`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section
from attnscope.cli.output import Output
from attnscope.cli.params import CASCADE, Word

_FORMS = ("text", "latex", "json", "dot")

of_answer = in_section("Answer")


@click.command(cls=Verb)
@click.argument("name", type=CASCADE)
@of_answer("--as", "form", type=Word(_FORMS), default="text", help="The form to print; text by default.")
@of_answer("-o", "--output", type=FILE, metavar="FILE", help="Write to FILE instead of stdout.")
@of_answer("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def show(name: str, form: str, output: Path | None, quiet: bool) -> None:
    """Print a cascade as text that reads like the papers, as LaTeX, JSON or Graphviz.

    Examples:
      attnscope cascade show attention-1pass
      attnscope cascade show attention-1pass --as latex
      attnscope cascade show attention-3pass --as json -o cascade.json
    """
    from attnscope.einsum_cascade import export, load

    Output("text", output, quiet).write(export(load(name), form))
