"""Comparisons as values: ratios to the first row, refusals kept."""

import json
import math

import pytest

from attnscope.mappings.compare import Comparison, Refusal, fastest
from attnscope.simulator.estimate import Estimate


def made(mapping: str, latency_s: float, energy_j: float) -> Estimate:
    return Estimate(
        "w", mapping, "d", latency_s, "dram", "because", {"dram": latency_s}, {"dram": 1.0}, {"dram": energy_j}
    )


ROWS = (made("slow", 4.0, 2.0), made("fast", 1.0, 1.0), made("also", 1.0, 3.0))


def test_ratios_refer_to_the_first_row() -> None:
    records = Comparison("w", ROWS).to_records()
    assert [r["speedup"] for r in records] == [1.0, 4.0, 4.0]
    assert [r["energy_ratio"] for r in records] == [1.0, 0.5, 1.5]
    assert [r["mapping"] for r in records] == ["slow", "fast", "also"]


def test_a_baseline_without_energy_has_no_ratio() -> None:
    assert math.isnan(Comparison("w", (made("free", 1.0, 0.0), *ROWS)).to_records()[1]["energy_ratio"])


def test_everything_is_json() -> None:
    found = Comparison("w", ROWS, (Refusal("m", "d", "too large"),))
    said = json.loads(json.dumps(found.to_dict()))
    assert said["baseline"] == {"mapping": "slow", "device": "d"}
    assert said["refused"] == [{"mapping": "m", "device": "d", "reason": "too large"}]
    assert len(said["rows"]) == 3


def test_the_first_of_the_fastest_wins() -> None:
    assert fastest(ROWS).mapping == "fast"
    with pytest.raises(ValueError, match="empty"):
        fastest(())
