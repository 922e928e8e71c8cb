import os
import signal
import subprocess
import sys
import time
from typing import Any

import click
import pytest
from click.testing import CliRunner

import attnscope
from attnscope.cli.main import _SECTIONS, Root, main
from attnscope.errors import MissingHardwareError, UsageError
from tests.cli.conftest import Cli

HEAVY = ("numpy", "numba", "matplotlib", "networkx", "pydantic", "pandas", "cupy", "rich")
VERBS = [name for verbs in _SECTIONS.values() for name in verbs]


@pytest.mark.parametrize("args", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys\n"
        "from attnscope.cli.main import main\n"
        "try:\n    main(sys.argv[1:], prog_name='attnscope')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"attnscope {attnscope.__version__}\n"


def test_help_lists_every_verb_and_teaches(cli: Cli) -> None:
    text = cli("--help").stdout
    for verb in VERBS:
        assert f"\n  {verb}" in text
    assert "attnscope estimate bert --seq-len 64K\n" in text
    assert "_ATTNSCOPE_COMPLETE=bash_source" in text
    assert "130 interrupted" in " ".join(text.split())


def test_unknown_verb(cli: Cli) -> None:
    error = cli("estimte", "bert", code=2).stderr
    assert "Error: no command named 'estimte'. Did you mean 'estimate'? Known: estimate, compare, timeline" in error


def test_unknown_option(cli: Cli) -> None:
    error = cli("estimate", "bert", "--seqlen", "4", code=2).stderr
    assert "--seqlen" in error
    assert "Did you mean" in error
    assert "--seq-len" in error


def test_wrong_choice(cli: Cli) -> None:
    error = cli("estimate", "bert", "--layers", "blok", code=2).stderr
    assert "'blok' is none of attention, block. Did you mean 'block'?" in error


def test_missing_argument(cli: Cli) -> None:
    assert "Missing argument" in cli("list", code=2).stderr


def raising(error: BaseException) -> click.Group:
    """A top group with one verb that fails."""

    def fail() -> None:
        raise error

    group = Root(name="attnscope", sections={"Verbs": {"fail": "unused:unused"}})
    group.get_command = lambda ctx, cmd_name: click.Command("fail", callback=fail)  # type: ignore[method-assign]  # noqa: ARG005
    return group


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("no such thing"), 2, "Error: no such thing\n"),
        (MissingHardwareError("no GPU here"), 3, "Error: no GPU here\n"),
        (FileNotFoundError(2, "No such file or directory", "a.json"), 2, "Error: a.json: No such file or directory.\n"),
        (OSError(28, "No space left on device"), 2, "Error: No space left on device.\n"),
        (MemoryError("8 TiB"), 2, "Error: not enough memory: 8 TiB. Take smaller sizes.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_failures_are_told_in_a_sentence(error: BaseException, code: int, message: str) -> None:
    result = CliRunner().invoke(raising(error), ["fail"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", message)


def test_a_bug_is_not_hidden() -> None:
    result = CliRunner().invoke(raising(ZeroDivisionError()), ["fail"])
    assert isinstance(result.exception, ZeroDivisionError)


def attnscope_process(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    code = "from attnscope.cli.main import main; main(prog_name='attnscope')"
    return subprocess.Popen([sys.executable, "-c", code, *args], stderr=subprocess.PIPE, **options)


def test_a_reader_that_leaves_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = attnscope_process("list", "cascades", "--format", "json", stdout=writer)
    os.close(writer)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt() -> None:
    process = attnscope_process("cascade", "check", "--all", stdout=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode in (0, 130)  # 0 where the machine was faster
    assert b"Traceback" not in error


def test_environment_sets_options(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNSCOPE_ESTIMATE_DEVICE", "flat-cloud")
    assert "on flat-cloud" in cli("estimate", "bert").stdout


def test_completion_knows_models() -> None:
    environment = {
        **os.environ,
        "_ATTNSCOPE_COMPLETE": "bash_complete",
        "COMP_WORDS": "attnscope estimate be",
        "COMP_CWORD": "2",
    }
    code = "from attnscope.cli.main import main; main(prog_name='attnscope')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "plain,bert" in done.stdout


def test_main_is_the_entry_point() -> None:
    assert isinstance(main, click.Group)
