"""Batches against single estimates: the same bits, for every mapping and any sizes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.api import estimate
from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.spatial import load_mapping
from attnscope.mappings.spatial.batch import Batch, compile_batch
from attnscope.mappings.spatial.batch_symbols import Graph, Number
from attnscope.mappings.spatial.batch_trace import METRICS, trace
from attnscope.simulator.device import spatial_device
from attnscope.workloads.models import load_model

PAIRS = [
    ("fusemax", "fusemax"),
    ("fusemax-serial", "fusemax"),
    ("cascade", "flat-cloud"),
    ("flat", "flat-cloud"),
    ("flat", "flat-edge"),
    ("unfused", "flat-cloud"),
]
FIELDS: dict[str, tuple[Any, Any]] = {
    "workload.queries": (1, 2**18),
    "workload.keys": (1, 2**18),
    "workload.batch": (1, 64),
    "device.dram.bandwidth_bytes_per_s": (1e9, 1e13),
    "device.dram.energy_pj_per_bit": (0.1, 10.0),
    "device.clock.frequency_hz": (1e8, 4e9),
    "device.buffer.capacity_bytes": (2**14, 2**28),
    "device.array_2d.rows": (1, 512),
    "device.array_2d.columns": (1, 512),
    "device.array_1d.columns": (1, 512),
}


def _batch(mapping: str, device: str, fields: dict[str, tuple[Any, Any]], accounting: Any = "corrected") -> Batch:
    graph = Graph()
    inputs: dict[str, Number] = {path: graph.input(path, *ends) for path, ends in fields.items()}
    shape = load_model("bert").attention(1024)
    traced = trace(graph, shape, load_mapping(mapping), spatial_device(device), inputs, accounting)
    return compile_batch(graph, {"legal": traced.legal, **traced.outputs})


def _single(mapping: str, device: str, point: dict[str, Any], accounting: Any = "corrected") -> dict[str, float]:
    sizes = {k.removeprefix("workload."): v for k, v in point.items() if k.startswith("workload.")}
    fields = {k.removeprefix("device."): v for k, v in point.items() if k.startswith("device.")}
    options: dict[str, Any] = {"device": device, "mapping": mapping, "energy_accounting": accounting}
    found = estimate("bert", seq_len=1024, fields=fields, **options, **sizes)
    return {
        "latency_s": found.latency_s,
        "energy_j": found.energy_j,
        "area_mm2": spatial_device(device, fields).area_mm2,
        "dram_bytes": found.bytes["dram"],
        "buffer_bytes": found.bytes["buffer"],
        "occupancy_bytes": found.occupancy_bytes["buffer"],
    }


def _compare(
    batch: Batch, mapping: str, device: str, points: list[dict[str, Any]], accounting: Any = "corrected"
) -> None:
    columns = {path: np.array([point[path] for point in points], dtype=float) for path in points[0]}
    found = batch(columns, n_workers=1)
    for i, point in enumerate(points):
        try:
            single = _single(mapping, device, point, accounting)
        except IllegalMappingError:
            assert found["legal"][i] == 0.0, point
            continue
        assert found["legal"][i] == 1.0, point
        assert {name: found[name][i] for name in METRICS} == single, point


@pytest.mark.parametrize(("mapping", "device"), PAIRS)
def test_a_batch_has_the_bits_of_single_estimates(mapping: str, device: str) -> None:
    batch = _batch(mapping, device, FIELDS)
    values = {
        path: st.floats(*ends) if isinstance(ends[0], float) else st.integers(*ends) for path, ends in FIELDS.items()
    }

    @settings(max_examples=8, deadline=None)
    @given(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=12))
    def check(points: list[dict[str, Any]]) -> None:
        _compare(batch, mapping, device, points)

    check()


@pytest.mark.parametrize(("mapping", "device"), PAIRS)
@pytest.mark.parametrize("accounting", ["corrected", "published"])
def test_round_sizes_and_both_accountings(mapping: str, device: str, accounting: str) -> None:
    lengths = [2**k for k in range(8, 21)]
    points = [
        {"workload.queries": p, "workload.keys": m, "device.buffer.capacity_bytes": c}
        for p in lengths
        for m in lengths[::4]
        for c in (2**16, 2**20, 2**25)
    ]
    fields = {"workload.queries": (1, 2**20), "workload.keys": (1, 2**20), "device.buffer.capacity_bytes": (1, 2**26)}
    _compare(_batch(mapping, device, fields, accounting), mapping, device, points, accounting)


def test_steps_of_an_exponential_can_vary() -> None:
    path = "device.array_2d.sequences.exp.steps"
    batch = _batch("fusemax", "fusemax", {path: (1, 12)})
    _compare(batch, "fusemax", "fusemax", [{path: steps} for steps in range(1, 13)])


def test_threads_change_nothing() -> None:
    batch = _batch("flat", "flat-cloud", FIELDS)
    rng = np.random.default_rng(1)
    columns = {path: np.floor(rng.uniform(*ends, 100_000)) for path, ends in FIELDS.items()}
    one, two = batch(columns, n_workers=1), batch(columns, n_workers=2)
    assert all(np.array_equal(one[name], two[name], equal_nan=True) for name in one)


def test_counts_beyond_64_bits_are_refused() -> None:
    with pytest.raises(UsageError, match=r"goes beyond 2\^63.*Lower the longest sequence"):
        _batch("fusemax", "fusemax", {"workload.queries": (1, 2**31), "workload.keys": (1, 2**31)})


def test_a_mapping_that_runs_nowhere_says_why() -> None:
    graph = Graph()
    shape = load_model("bert").attention(1024)
    traced = trace(graph, shape, load_mapping("fusemax"), spatial_device("flat-cloud"), {})
    assert not traced.outputs
    assert "LM is bound to array_2d of flat-cloud, which has no unit for 'max'" in traced.refusal
