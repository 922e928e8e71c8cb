"""Accelergy tables: energies and areas land in the right fields; wrong files are refused in words."""

from pathlib import Path

import pytest

from attnscope.errors import SpecError
from attnscope.simulator.accelergy import with_accelergy
from attnscope.simulator.device import spatial_device

ERT = """
ERT:
  version: '0.4'
  tables:
  - name: system.DRAM[1..1]
    actions:
    - {name: read, arguments: {global_cycles: 1}, energy: 512.0}
    - {name: write, energy: 512.0}
  - name: system.chip.global_buffer[1..1]
    actions: [{name: read, energy: 100.0}, {name: write, energy: 120.0}, {name: leak, energy: 1.0}]
  - name: system.chip.pe_2d.reg_file[1..65536]
    actions: [{name: read, energy: 0.5}, {name: update, energy: 0.25}]
  - name: system.chip.vector.exponential[1..256]
    actions: [{name: compute, energy: 9.0}]
  - name: system.chip.pe_2d.mac[1..65536]
    actions: [{name: compute, energy: 2.0}]
"""
ART = """
ART:
  version: '0.4'
  tables:
  - {name: 'system.chip.global_buffer[1..1]', area: 77.0}
  - {name: 'system.chip.pe_2d.mac[1..65536]', area: 5.0}
  - {name: 'system.chip.network', area: 1.0}
"""


def test_energies_and_areas_land_in_their_fields(tmp_path: Path) -> None:
    (tmp_path / "ert.yaml").write_text(ERT)
    (tmp_path / "art.yaml").write_text(ART)
    base = spatial_device("flat-cloud")
    device = with_accelergy(base, tmp_path / "ert.yaml", tmp_path / "art.yaml")
    assert device.dram.energy_pj_per_bit == 8.0
    assert (device.buffer.read_energy_pj_per_row, device.buffer.write_energy_pj_per_row) == (100.0, 120.0)
    assert device.array_2d.registers.read_energy_pj_per_word == 0.5
    assert device.array_2d.registers.write_energy_pj_per_word == 0.25
    assert device.array_1d.units["exp"].energy_pj == 9.0
    assert device.array_2d.units["mac"].energy_pj == 2.0
    assert device.array_1d.units["mac"] == base.array_1d.units["mac"]
    assert (device.buffer.area_um2, device.array_2d.units["mac"].area_um2) == (77.0, 5.0)
    assert device.sources["energy"] == "Accelergy table ert.yaml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ERT: 5", "not an Accelergy ERT: expected a list under 'ERT: tables:'"),
        ("ERT: {tables: [{name: x}]}", "lacks 'name' or 'actions'"),
        ("ERT: {tables: [{name: chip.noc, actions: []}]}", "no component of this table fits flat-cloud"),
        (
            "ERT: {tables: [{name: chip.glb, actions: [{name: read, energy: -1}]}]}",
            "should be greater than or equal to 0",
        ),
        ("a: [", "not valid YAML"),
    ],
)
def test_wrong_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "ert.yaml").write_text(text)
    with pytest.raises(SpecError) as refusal:
        with_accelergy(spatial_device("flat-cloud"), tmp_path / "ert.yaml")
    assert words in str(refusal.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        with_accelergy(spatial_device("flat-cloud"), tmp_path / "none.yaml")
