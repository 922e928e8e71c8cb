"""Groups that import a verb only when it is asked for, and help in sections."""

from collections.abc import Mapping
from importlib import import_module
from inspect import cleandoc
from itertools import groupby
from typing import Any

import click

from attnscope.errors import did_you_mean


class Verbatim(click.Command):
    """A command in whose help the lines that are indented further, such as examples, stay as they are."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what the verb does."""
        _write(self.help, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what stands at the end."""
        _write(self.epilog, formatter)


def _write(text: str | None, formatter: click.HelpFormatter) -> None:
    """Write running text wrapped, and indented lines verbatim."""
    for is_verbatim, run in groupby(cleandoc(text or "").splitlines(), key=lambda line: line.startswith(" ")):
        lines = list(run)
        if is_verbatim:
            formatter.write("".join(f"  {line}\n" for line in lines))
        elif any(lines):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text("\n".join(lines))


class SectionedOption(click.Option):
    """An option that knows under which heading the help lists it."""

    def __init__(self, *args: Any, section: str = "Options", **attrs: Any) -> None:
        self.section = section
        super().__init__(*args, **attrs)


class Verb(Verbatim):
    """A command whose help lists its options under headings, in the order of the first of each."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list of options per heading; what every verb has comes last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "section", "Help"), []).append(record)
        for heading in sorted(sections, key=lambda name: name in ("Answer", "Help")):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])


class LazyGroup(Verbatim, click.Group):
    """Verbs by name, as ``"package.module:attribute"`` under headings; a module is imported when its verb is asked for.

    Args:
        sections: for each heading the verbs under it.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **attrs: Any) -> None:
        self.sections = {heading: dict(verbs) for heading, verbs in sections.items()}
        self.homes = {name: home for verbs in sections.values() for name, home in verbs.items()}
        super().__init__(*args, **attrs)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the verbs, in the order of the help."""
        return list(self.homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the verb, or return None where there is no such verb."""
        if cmd_name not in self.homes:
            return None
        module, attribute = self.homes[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is refused with the nearest and the list of all."""
        name = args[0]
        if name not in self.homes and not name.startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(name, self.homes)
            raise click.UsageError(f"no command named {name!r}.{hint} Known: {', '.join(self.homes)}.", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs under their headings, each with the first sentence of its help."""
        width = max(map(len, self.homes))
        for heading, verbs in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), self._sentence(ctx, name)) for name in verbs])

    def _sentence(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(200) if command else ""
