"""`attnscope show`."""

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import output_options
from attnscope.cli.output import Output
from attnscope.cli.params import Word

_KINDS = ("device", "model", "mapping")


@click.command(cls=Verb)
@click.argument("kind", type=Word(_KINDS))
@click.argument("name")
@output_options
def show(kind: str, name: str, out: Output) -> None:
    """Show one device, model or mapping: every field with where its figure comes from, and a device's area.

    NAME is one of `attnscope list`, or the path of a TOML file.

    Examples:
      attnscope show device fusemax
      attnscope show model llama3-70b
      attnscope show device h100 --format json
    """
    from attnscope.cli.fields import fields_of
    from attnscope.cli.views.show import show_view

    out.emit(fields_of(kind, name), show_view)
