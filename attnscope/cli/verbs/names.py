"""`attnscope list`."""

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import output_options
from attnscope.cli.output import Output
from attnscope.cli.params import Word

KINDS = ("models", "devices", "mappings", "cascades", "masks")


@click.command("list", cls=Verb)
@click.argument("kind", type=Word(KINDS))
@output_options
def list_names(kind: str, out: Output) -> None:
    """List what comes with the package: models, devices, mappings, cascades or masks.

    Examples:
      attnscope list models
      attnscope list devices --format json
      attnscope show device fusemax        # one of them, field by field
    """
    from attnscope.cli.catalogue import catalogue
    from attnscope.cli.views.names import names_view

    out.emit(catalogue(kind), lambda answer: names_view(kind, answer))
