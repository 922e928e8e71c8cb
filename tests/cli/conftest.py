"""Runs the command line in the test's own process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from attnscope.cli.main import main

Cli = Callable[..., Result]
SPACE = """
title = "size and bandwidth"
question = "How large an array?"
[axes]
mapping = ["fusemax", "flat"]
"workload.seq_len" = [4096, 65536]
"device.pe_dim" = [64, 128, 256]
"device.dram.bandwidth_bytes_per_s" = [100e9, 400e9]
"""


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run ``attnscope ARGS`` in an empty folder, 80 columns wide; a crash fails the test, a refusal does not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, args, prog_name="attnscope")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr
        return result

    return run


@pytest.fixture
def data(cli: Cli) -> Callable[..., Any]:
    """Run ``attnscope ARGS --format json`` and return what it prints."""

    def run(*args: str) -> Any:
        return json.loads(cli(*args, "--format", "json").stdout)

    return run
