"""Plans: what the cascade's text says about work, operands, crossings and waits, once arrays are known."""

from math import prod

import pytest

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial import load_mapping
from attnscope.mappings.spatial.plan import Plan, Work, compile_plan
from attnscope.simulator.device import spatial_device
from tests.mappings.spatial.strategies import STUDY, pair


def plan(mapping: str) -> Plan:
    return compile_plan(*pair(mapping))


def work(mapping: str, einsum: str) -> Work:
    return next(w for w in plan(mapping).works if w.name == einsum)


# Cycles of one point of FuseMax's Einsums (paper, section V): an exponential is six multiply-accumulates.
@pytest.mark.parametrize(
    ("mapping", "cycles"),
    [
        ("fusemax", {"QK": 1, "LM": 1, "SLN": 7, "SLD": 1, "SLNV": 1, "RM": 1, "PRM": 7, "SPD": 1, "RD": 1}),
        ("cascade", {"QK": 1, "LM": 1, "SLN": 2, "SLD": 1, "SLNV": 1, "PRM": 2, "SPNV": 1, "RNV": 1, "AV": 1}),
        ("flat", {"QK": 1, "GM": 1, "SN": 1, "SD": 1, "A": 1, "AV": 1}),
    ],
)
def test_cycles_of_a_point(mapping: str, cycles: dict[str, int]) -> None:
    assert {name: work(mapping, name).op_cycles for name in cycles} == cycles


def test_a_multiply_that_feeds_a_sum_is_one_operation() -> None:
    scores = work("fusemax", "QK")
    assert [(action.unit, action.count, action.part) for action in scores.actions] == [("mac", 1, "array_2d.mac")]
    exponential = work("fusemax", "SLN")
    assert sorted((action.unit, action.count) for action in exponential.actions) == [("add", 1), ("mac", 6)]


def test_ranks_are_spread_as_bound() -> None:
    scores = work("fusemax", "QK")
    assert dict(zip(scores.symbols, scores.parallel, strict=True)) == {"M": 256, "P": 256, "E": 1}
    assert (scores.reduces, scores.reduced) == ("time", "E")
    products = work("fusemax", "SLNV")
    assert (products.reduces, products.reduced, products.reduced_parallel) == ("space", "M", 256)
    assert (products.stationary, prod(products.parallel)) == ("SLN", 65536)


def test_what_crosses_and_what_waits() -> None:
    assert {flow.tensor for flow in plan("fusemax").link} == {"LM", "RM", "SLD", "SLNV"}
    assert {flow.tensor for flow in plan("fusemax").flows} == {"RM", "RD", "RNV"}
    assert {flow.tensor for flow in plan("flat").flows} == {"QK", "GM", "SN", "SD", "A"}
    scores = next(flow for flow in plan("flat").flows if flow.tensor == "QK")
    assert (scores.reads, scores.writes) == (2, 1)  # for the maximum, and again for the exponentials


def test_stages_overlap_and_serial_ones_drain() -> None:
    assert [stage.drains for stage in plan("fusemax").stages[0]] == [False] * 4
    assert [stage.drains for stage in plan("fusemax-serial").stages[0]] == [True, False, False, False]
    (flat,) = plan("flat").stages
    assert [(stage.array_2d, stage.array_1d) for stage in flat] == [(("QK", "AV"), ("GM", "SN", "SD", "A"))]
    assert [stages[0].array_2d for stages in plan("unfused").stages] == [("QK",), (), ("AV",)]


@pytest.mark.parametrize("mapping", STUDY)
def test_a_plan_is_compiled_once(mapping: str) -> None:
    how, device = pair(mapping)
    assert compile_plan(how, device) is compile_plan(how, device)
    other = spatial_device(device.name, {"dram.bandwidth_bytes_per_s": 1e9})
    assert compile_plan(how, other).device is other


def test_points_are_those_of_the_sizes() -> None:
    s = plan("fusemax").sizes(6, 1000, 700, 64, 80, 2)
    assert (s.M1, s.P_tiles) == (3, 4)
    assert s.points(("M", "P")) == s.points(("M", "P")) == 6 * 700 * 1000
    assert s.points(("M1", "P")) == 6 * 3 * 1000
    assert s.points(()) == 6


def test_an_array_without_the_unit_is_refused() -> None:
    with pytest.raises(IllegalMappingError) as refused:
        compile_plan(load_mapping("fusemax"), spatial_device("flat-cloud"))
    assert str(refused.value) == (
        "LM is bound to array_2d of flat-cloud, which has no unit for 'max' (it has: add, mac). "
        "Choose a device whose array_2d has one, or a mapping that binds LM elsewhere."
    )
