import csv
import io
from pathlib import Path

from tests.cli.conftest import Cli


def test_tables_and_figures(cli: Cli, tmp_path: Path) -> None:
    result = cli("study", "fusemax", "--output", "out", "--energy-accounting", "published")
    for part in ("At a glance", "FuseMax over the others", "Speed-up over unfused", "Utilisation of the 2D array"):
        assert part in result.stdout
    assert "published accounting" in result.stdout
    assert "6.72x" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    saved = {path.name for path in (tmp_path / "out").iterdir()}
    assert saved == {f"{name}{end}" for name in ("utilization", "speedup", "energy") for end in (".svg", ".png")}
    assert "Saved out/speedup.svg\n" in result.stderr


def test_data_without_figures(cli: Cli) -> None:
    result = cli("study", "fusemax", "--format", "csv")
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == 2 * 5 * 24
    assert result.stderr == "No figures drawn: give --output DIR.\n"


def test_refused(cli: Cli) -> None:
    assert "'fusmax' is none of fusemax. Did you mean 'fusemax'?" in cli("study", "fusmax", code=2).stderr
