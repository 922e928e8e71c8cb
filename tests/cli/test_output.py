import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from attnscope.cli.main import main
from attnscope.cli.output import Output, Plain, figure_path
from attnscope.errors import UsageError
from tests.cli.conftest import Cli

ANSWER = Plain({"a": [1, math.inf], "b": {"c": math.nan}}, [{"x": 1, "y": [2, 3]}, {"x": None, "z": "t"}])


def view(answer: Any) -> list[str]:
    return [f"seen {answer.records[0]['x']}"]


def test_json_has_null_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    Output("json").emit(ANSWER, view)
    assert json.loads(capsys.readouterr().out) == {"a": [1, None], "b": {"c": None}}


def test_csv_has_all_columns(capsys: pytest.CaptureFixture[str]) -> None:
    Output("csv").emit(ANSWER, view)
    assert capsys.readouterr().out == 'x,y,z\n1,"[2, 3]",\n,,t\n'


def test_table_is_made_by_the_view(capsys: pytest.CaptureFixture[str]) -> None:
    Output().emit(ANSWER, view)
    assert capsys.readouterr().out == "seen 1\n"


def test_file_instead_of_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    Output("table", path).emit(ANSWER, view)
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", f"Saved {path}\n")
    assert path.read_text() == "seen 1\n"


def test_quiet_has_no_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Output("table", tmp_path / "a.txt", quiet=True).emit(ANSWER, view)
    assert capsys.readouterr().err == ""


def test_warnings_beside_data_only(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table").warn(["spills"])
    assert capsys.readouterr().err == ""
    Output("json").warn(["spills"])
    assert capsys.readouterr().err == "Warning: spills\n"


@pytest.mark.parametrize(("name", "form"), [("a.json", "json"), ("a.csv", "csv"), ("a.txt", "table"), ("a", "table")])
def test_suffix_chooses_the_format(name: str, form: str, cli: Cli, tmp_path: Path) -> None:
    cli("list", "mappings", "-o", name)
    text = (tmp_path / name).read_text()
    assert {"json": text.startswith("["), "csv": text.startswith("name,"), "table": "━" in text or "──" in text}[form]


def test_folder_that_does_not_exist(cli: Cli) -> None:
    error = cli("list", "mappings", "-o", "none/a.json", code=2).stderr
    assert error == "Error: none/a.json: No such file or directory.\n"


def test_figure_path() -> None:
    assert figure_path(Path("a.SVG"), (".svg",)) == Path("a.SVG")
    with pytest.raises(UsageError, match=r"a\.gif: cannot write '\.gif'\. Use one of \.svg, \.png\."):
        figure_path(Path("a.gif"), (".svg", ".png"))
    with pytest.raises(UsageError, match="cannot write a file without suffix"):
        figure_path(Path("a"), (".svg",))


@pytest.mark.parametrize("charset", ["ascii", "latin-1"])
def test_plain_characters_where_the_encoding_has_no_others(charset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner(charset=charset).invoke(main, ["show", "device", "flat-edge"])
    assert result.exit_code == 0
    assert "mm^2" in result.output
    assert "###" in result.output
    assert result.output.isascii()


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("5", 40), ("", 100), ("wide", 100)])
def test_width_of_a_pipe(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = CliRunner().invoke(main, ["list", "cascades"]).output
    assert width - 12 < max(map(len, text.splitlines())) <= width
