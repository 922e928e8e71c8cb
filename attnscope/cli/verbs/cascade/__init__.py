"""`attnscope cascade` and its verbs, one file each."""

import click

from attnscope.cli.group import LazyGroup

_HERE = "attnscope.cli.verbs.cascade"
_VERBS = {
    "list": f"{_HERE}.names:list_cascades",
    "show": f"{_HERE}.show:show",
    "passes": f"{_HERE}.passes:passes",
    "check": f"{_HERE}.check:check",
    "run": f"{_HERE}.run:run",
    "graph": f"{_HERE}.graph:graph",
}


@click.group(cls=LazyGroup, sections={"Verbs": _VERBS})
def cascade() -> None:
    """Read, analyse, prove and run cascades of Einsums: those of the library and your own files.

    NAME is one of `attnscope cascade list`, or the path of a *.cascade file.

    Examples:
      attnscope cascade show attention-1pass
      attnscope cascade passes attention-3pass
      attnscope cascade check attention-1pass
    """
