"""The entry point: the verbs, and what happens when one of them fails."""

import os
import sys
from typing import Any

import click

from attnscope import __version__
from attnscope.cli.group import LazyGroup
from attnscope.errors import AttnScopeError

_VERBS = "attnscope.cli.verbs"
_SECTIONS = {
    "Cost of attention": {
        "estimate": f"{_VERBS}.estimate:estimate",
        "compare": f"{_VERBS}.compare:compare",
        "timeline": f"{_VERBS}.timeline:timeline",
        "study": f"{_VERBS}.study:study",
    },
    "Serving": {
        "offload": f"{_VERBS}.offload:offload",
        "slice": f"{_VERBS}.slice:slice_model",
    },
    "Design spaces": {
        "sweep": f"{_VERBS}.sweep:sweep",
        "pareto": f"{_VERBS}.pareto:pareto",
        "query": f"{_VERBS}.query:query",
    },
    "Masks, tiles and kernels on GPUs": {
        "mask": f"{_VERBS}.mask:mask",
        "tiles": f"{_VERBS}.tiles:tiles",
        "predict": f"{_VERBS}.predict:predict",
    },
    "Cascades of Einsums": {
        "cascade": f"{_VERBS}.cascade:cascade",
    },
    "Trust": {
        "validate": f"{_VERBS}.validate:validate",
    },
    "Look up": {
        "list": f"{_VERBS}.names:list_names",
        "show": f"{_VERBS}.show:show",
    },
}

INTERRUPTED = 130


class Refusal(click.ClickException):
    """An error raised on purpose, as the command line tells it: one message on stderr and its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]


class Root(LazyGroup):
    """The top group: no failure that a user can cause ends in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb and flush what it wrote; errors become a message and an exit code."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
            return answer
        except AttnScopeError as error:
            raise Refusal(str(error), error.exit_code) from error
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(0)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise Refusal(f"{place}{error.strerror or error}.", 2) from error
        except MemoryError as error:
            raise Refusal(f"not enough memory: {error}. Take smaller sizes.", 2) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def _discard_stdout() -> None:
    """Send what is still buffered nowhere: the reader of the pipe (``| head``) has left, and that is no failure."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())


@click.group(
    cls=Root,
    sections=_SECTIONS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "ATTNSCOPE",
        "max_content_width": 100,
    },
    epilog="""Every verb takes --help (with examples), --format table|json|csv and --quiet. Data goes to stdout, notes
    and warnings to stderr. Exit codes: 0 done, 1 the answer is no, 2 wrong usage or input, 3 hardware or an optional
    package is absent, 130 interrupted. Options may be set in the environment: ATTNSCOPE_ESTIMATE_DEVICE=flat-cloud.

    Shell completion (bash, zsh or fish), for this shell:
      eval "$(_ATTNSCOPE_COMPLETE=bash_source attnscope)"
    """,
)
@click.version_option(__version__, "-V", "--version", prog_name="attnscope", message="%(prog)s %(version)s")
def main() -> None:
    """Say what this attention costs on that machine, why, and which mapping or machine would be better.

    Begin with:
      attnscope estimate bert --seq-len 64K
      attnscope compare bert --seq-len 64K
      attnscope cascade passes attention-1pass
      attnscope tiles --layout 30x48x80 --window 18x24x24 --heads 24 --head-dim 128 --device h100
    """


if __name__ == "__main__":
    main()
