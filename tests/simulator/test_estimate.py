"""Estimates as values: totals of parts, plain dictionaries, flat rows, hashes of inputs, series."""

import dataclasses
import json

import pytest

from attnscope.simulator.estimate import Estimate, Traffic, in_series
from attnscope.workloads.shape import AttentionShape


def made(name: str, latency_s: float, **options: object) -> Estimate:
    values: dict[str, object] = {
        "workload": name,
        "mapping": "m",
        "device": "d",
        "latency_s": latency_s,
        "limiter": "array_2d",
        "because": f"{name} because.",
        "busy_s": {"array_2d": latency_s, "dram": latency_s / 2},
        "utilization": {"array_2d": 0.5, "dram": 0.25},
        "energy_parts_j": {"dram": 1.0, "array_2d.mac": 2.0},
        "traffic": (Traffic("dram", "Q", 10.0, 0.0), Traffic("dram", "AV", 0.0, 5.0), Traffic("buffer", "Q", 7.0, 3.0)),
        "occupancy_bytes": {"buffer": 100.0},
        "inputs": {"shape": AttentionShape(1, 1, 1, 1, 1, 1, 1), "block": None},
    }
    return Estimate(**{**values, **options})  # type: ignore[arg-type]


def test_totals_are_sums_of_parts() -> None:
    found = made("a", 1.0)
    assert found.energy_j == 3.0
    assert found.bytes == {"dram": 15.0, "buffer": 10.0}
    assert Traffic("dram", "Q", 2.0, 3.0).bytes == 5.0


def test_dictionaries_are_json_and_carry_their_provenance() -> None:
    said = json.loads(json.dumps(made("a", 1.0).to_dict()))
    assert {"latency_s", "energy_j", "bytes", "utilization", "limiter", "because", "traffic"} <= said.keys()
    assert said["bytes"]["dram"] == 15.0
    assert said["traffic"][0] == {"level": "dram", "tensor": "Q", "read_bytes": 10.0, "write_bytes": 0.0}
    assert said["inputs"]["shape"]["score_width"] == 1
    assert said["provenance"].keys() == {"model_version", "schema", "input_hash"}


def test_the_hash_names_the_inputs_alone() -> None:
    one = made("a", 1.0)
    assert one.input_hash == made("b", 2.0).input_hash
    assert one.input_hash != made("a", 1.0, inputs={"shape": AttentionShape(2, 1, 1, 1, 1, 1, 1)}).input_hash
    assert len(one.input_hash) == 12
    assert int(one.input_hash, 16) >= 0


def test_rows_have_a_unit_in_every_column() -> None:
    (row,) = made("a", 1.0).to_records()
    assert row["dram_bytes"] == 15.0
    assert row["energy_array_2d.mac_j"] == 2.0
    assert row["busy_dram_s"] == 0.5
    plain = {"workload", "mapping", "device", "limiter"}
    assert all(key in plain or key.endswith(("_s", "_j", "_bytes")) or key.startswith("utilization_") for key in row)


def test_an_estimate_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        made("a", 1.0).latency_s = 2.0  # type: ignore[misc]


def test_parts_in_series_add_up() -> None:
    short = made("short", 1.0, limiter="dram", warnings=("one",), occupancy_bytes={"buffer": 300.0})
    long = made("long", 3.0, utilization={"array_2d": 0.9, "dram": 0.1}, warnings=("one", "two"))
    both = in_series([short, long], workload="both", mapping="m")
    assert (both.latency_s, both.energy_j, both.bytes) == (4.0, 6.0, {"dram": 30.0, "buffer": 20.0})
    assert both.busy_s == {"array_2d": 4.0, "dram": 2.0}
    assert both.utilization["array_2d"] == pytest.approx((0.5 * 1 + 0.9 * 3) / 4)
    assert (both.limiter, both.because) == ("array_2d", "long takes 75% of the time. long because.")
    assert both.warnings == ("one", "two")
    assert both.occupancy_bytes == {"buffer": 300.0}
    assert both.choices["latency_s_by_part"] == {"short": 1.0, "long": 3.0}
    assert len(both.traffic) == 3


def test_a_series_of_one_is_itself() -> None:
    one = made("a", 1.0)
    again = in_series([one], workload="a", mapping="m")
    assert (again.latency_s, again.energy_j, again.bytes, again.utilization) == (
        one.latency_s,
        one.energy_j,
        one.bytes,
        one.utilization,
    )
