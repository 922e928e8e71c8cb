"""`attnscope cascade list`."""

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import output_options
from attnscope.cli.output import Output


@click.command("list", cls=Verb)
@output_options
def list_cascades(out: Output) -> None:
    """List the library of cascades, each with its first sentence.

    Examples:
      attnscope cascade list
      attnscope cascade list --format csv
    """
    from attnscope.cli.catalogue import catalogue
    from attnscope.cli.views.names import names_view

    out.emit(catalogue("cascades"), lambda answer: names_view("cascades", answer))
