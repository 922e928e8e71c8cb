from collections.abc import Callable
from typing import Any

import pytest

from attnscope.simulator.device import spatial_device
from tests.cli.conftest import Cli

Data = Callable[..., Any]


def test_device_with_sources_and_area(data: Data) -> None:
    found = data("show", "device", "fusemax")
    assert found["fields"]["array_2d.rows"] == 256
    assert found["sources"]["array_2d.registers.words"].startswith("FuseMax artefact")
    assert found["area_mm2"]["total"] == pytest.approx(spatial_device("fusemax").area_mm2)


def test_every_figure_of_a_gpu_has_a_source(data: Data) -> None:
    found = data("show", "device", "h100")
    assert "area_mm2" not in found
    assert set(found["fields"]) - set(found["sources"]) == {"family", "architecture"}


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        ("device fusemax", ["device fusemax", "940.0 MHz", "16 MiB", "mm²", "Source: FuseMax (MICRO 2024)"]),
        ("device h100", ["989.4 TFLOP/s", "3.350 TB/s", "sm_90"]),
        ("model bert", ["BERT-Base", "Devlin", "hidden", "768"]),
        ("model dinat-tiny", ["stages", "dilations 1, 8"]),
        ("mapping fusemax", ["attention-1pass", "rows M", "drains"]),
    ],
)
def test_tables(args: str, parts: list[str], cli: Cli) -> None:
    text = cli("show", *args.split()).stdout
    assert all(part in text for part in parts)


def test_csv_has_a_row_per_field(cli: Cli) -> None:
    text = cli("show", "model", "bert", "--format", "csv").stdout
    assert text.startswith("field,value,source\n")
    assert "\nheads,12," in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("device fusemx", "no device named 'fusemx'. Did you mean 'fusemax'?"),
        ("model flux-4", "no model named 'flux-4'. Did you mean 'flux-4k'?"),
        ("mapping fused", "no mapping named 'fused'."),
        ("devise fusemax", "'devise' is none of device, model, mapping. Did you mean 'device'?"),
        ("model none.json", "no such file"),
    ],
)
def test_refused(args: str, message: str, cli: Cli) -> None:
    assert message in cli("show", *args.split(), code=2).stderr
