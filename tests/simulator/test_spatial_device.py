"""Spatial arrays: units and sequences, areas against the published ones."""

import csv
from pathlib import Path

import pytest

from attnscope.simulator.device import spatial_device

FUSEMAX, FLAT = spatial_device("fusemax"), spatial_device("flat-cloud")


def test_published_areas() -> None:
    # Source: FuseMax artefact: 13.918 and 13.030 cm^2, 6.385 % smaller (the paper says 6.4 %).
    assert FLAT.area_mm2 == pytest.approx(1391.8188, rel=1e-6)
    assert FUSEMAX.area_mm2 == pytest.approx(1302.9518, rel=1e-6)
    assert 1 - FUSEMAX.area_mm2 / FLAT.area_mm2 == pytest.approx(0.06385, abs=1e-5)


def test_areas_sum_to_the_total() -> None:
    for name in ("fusemax", "flat-cloud", "flat-edge", "fusemax-16", "fusemax-512"):
        device = spatial_device(name)
        assert device.area_mm2 == pytest.approx(sum(device.area_parts_um2.values()) * 1e-6)
        assert all(area > 0 for area in device.area_parts_um2.values())
    parts = FUSEMAX.area_parts_um2
    assert parts["array_2d"] == pytest.approx(65536 * (16_837.57936 + 49.28944 + 1545), rel=1e-12)
    assert parts["array_1d"] == pytest.approx(256 * (16_849.2142 + 49.28944 + 1545 + 23_740.9375), rel=1e-12)


def test_an_operator_runs_on_its_unit_or_as_a_sequence() -> None:
    assert FLAT.array_1d.steps("exp") == ("exp", 1)
    assert FUSEMAX.array_1d.steps("exp") == ("mac", 6)
    assert FUSEMAX.array_2d.steps("sub") == ("add", 1)
    assert FUSEMAX.array_2d.steps("min") == ("max", 1)
    assert FLAT.array_2d.steps("exp") is None
    assert FUSEMAX.array_2d.steps("sigmoid") is None


def test_peak() -> None:
    assert FUSEMAX.array_2d.pes == 65536
    assert FUSEMAX.peak_macs_per_s == pytest.approx(65536 * 940e6)
    slow = spatial_device("fusemax", {"array_2d.units.mac.cycles": 2})
    assert slow.peak_macs_per_s == pytest.approx(65536 * 470e6)


def test_every_component_of_the_published_tables(shared: Path) -> None:
    units = {"exponential": "exp"}
    lines = (shared / "notes/data/fusemax_component_costs.csv").read_text().splitlines()
    for row in csv.DictReader(line for line in lines if line[0] != "#"):
        device = FUSEMAX if row["architecture"] == "FuseMax" else FLAT
        array = device.array_2d if row["array"] == "2d" else device.array_1d
        if row["component"] == "DRAM":
            assert device.dram.energy_pj_per_bit * 64 == pytest.approx(float(row["read_pj"]))
        elif row["component"] == "global_buffer":
            buffer = device.buffer
            ours = (buffer.read_energy_pj_per_row, buffer.write_energy_pj_per_row, buffer.area_um2)
            assert ours == pytest.approx((float(row["read_pj"]), float(row["write_pj"]), float(row["area_um2_each"])))
        elif row["component"] == "reg_file":
            found = array.registers
            ours = (found.read_energy_pj_per_word, found.write_energy_pj_per_word, found.area_um2)
            assert ours == pytest.approx((float(row["read_pj"]), float(row["write_pj"]), float(row["area_um2_each"])))
        else:
            unit = array.units[units.get(row["component"], row["component"])]
            assert unit.energy_pj == pytest.approx(float(row["compute_pj"]))
            assert unit.area_um2 == pytest.approx(float(row["area_um2_each"]) if row["counted_in_area"] == "yes" else 0)
