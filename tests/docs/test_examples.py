"""Every example in the README and in docs/ runs: Python blocks page by page, console lines that begin with `$`."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from attnscope.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXIT = re.compile(r"\s+#.*?exit (\d+)\s*$")


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for text in blocks(page, "python"):
        if ">>>" in text:
            example = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), 0)
            result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(example, clear_globs=False)
            assert not result.failed
            names.update(example.globs)
        else:
            exec(compile(text, str(page), "exec"), names)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for text in blocks(page, "console"):
            lines = text.replace("\\\n", " ").splitlines()
            found += [(page.name, line[2:]) for line in lines if line.startswith("$ attnscope")]
    return found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda text: text)
def test_console(page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in [*(ROOT / "examples").glob("*.cascade"), *(ROOT / "examples").glob("*.toml")]:
        (tmp_path / example.name).write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    wanted = EXIT.search(line)
    result = CliRunner().invoke(main, shlex.split(line, comments=True)[1:])
    told = f"{page}: {line}\n{result.output}\n{result.exception!r}"
    assert result.exit_code == (int(wanted[1]) if wanted else 0), told
