"""Devices that extend others."""

from pathlib import Path

import pytest

from attnscope.errors import SpecError
from attnscope.simulator.device import load_device


def test_a_circle_of_devices_is_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(f'extends = "{two}"')
    two.write_text(f'extends = "{one}"')
    with pytest.raises(SpecError, match=r"'extends' goes round in a circle: .*one\.toml -> .*two\.toml -> .*one\.toml"):
        load_device(str(one))


def test_extends_must_be_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("extends = 3")
    with pytest.raises(SpecError, match="extends = 3 is refused: should be the name of a device or a TOML file"):
        load_device(str(path))
