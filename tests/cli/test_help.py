"""Every verb teaches by examples, and the examples run, legibly at 80 columns."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from attnscope.cli.group import Verb
from attnscope.cli.main import main
from tests.cli.conftest import SPACE, Cli

SLOW = ("study", "validate")  # their own tests run them once
SKIPPED = ("|",)
ASKING = ("sweep", "pareto", "query")  # they need a space, or a run in a store


def verbs(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from verbs(command, (*path, name))


ALL = list(verbs(main))


def examples(command: click.Command) -> list[str]:
    return re.findall(r"^ +attnscope (.*)$", command.help or "", re.MULTILINE)


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_help_is_a_sentence_and_examples(path: tuple[str, ...], command: click.Command, cli: Cli) -> None:
    first = (command.help or "").split("\n\n")[0].replace("\n", " ")
    assert re.match(r"[A-Z].*\.$", first), first
    if isinstance(command, Verb):
        assert 2 <= len(examples(command)) <= 4
        text = cli(*path, "--help").stdout
        assert all(f"attnscope {example}" in text for example in examples(command))
        assert all(param.help for param in command.params if isinstance(param, click.Option))


RUNNABLE = [
    example
    for path, command in ALL
    if path[0] not in SLOW and isinstance(command, Verb)
    for example in examples(command)
    if not any(mark in example for mark in SKIPPED)
]


@pytest.mark.parametrize("example", RUNNABLE)
def test_examples_run_and_fit_80_columns(example: str, cli: Cli, tmp_path: Path) -> None:
    words = shlex.split(example, comments=True)
    if words[0] in ASKING:
        (tmp_path / "space.toml").write_text(SPACE)
        cli("sweep", "space.toml", "--keep", "all", "-o", "run.db")
    text = cli(*words).stdout
    if not {"--format", "--as", "graph"} & set(words) and words[:2] != ["cascade", "show"]:
        assert max(map(len, text.splitlines()), default=0) <= 80
        assert "…" not in text
