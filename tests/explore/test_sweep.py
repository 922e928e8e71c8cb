"""Sweeps: every point as its single estimate, the front as brute force finds it, the same however it is run."""

from typing import Any

import numpy as np
import pytest

from attnscope.errors import IllegalMappingError, MissingHardwareError, UsageError
from attnscope.explore import segments
from attnscope.explore.sampling import sample_numbers
from attnscope.explore.space_file import read_space
from attnscope.explore.sweep import sweep


def test_the_streamed_front_is_that_of_all_points(small: dict[str, Any]) -> None:
    streamed, stored = sweep(small), sweep(small, keep="all")
    assert streamed.front.tobytes() == stored.front.tobytes()
    assert (streamed.n_legal, streamed.n_allowed) == (stored.n_legal, stored.n_allowed)
    assert streamed.n_points == streamed.space.size
    everything = streamed.records(range(streamed.n_points))
    allowed = everything[everything["allowed"]]
    assert len(allowed) == streamed.n_allowed
    assert everything["legal"].sum() == streamed.n_legal
    values = np.stack([allowed[name] for name in streamed.objectives], axis=1)
    best = [
        int(row["index"])
        for i, row in enumerate(allowed)
        if not any(
            (values[j] <= values[i]).all() and ((values[j] < values[i]).any() or j < i)
            for j in np.flatnonzero(values[:, 0] <= values[i, 0])
            if j != i
        )
    ]
    assert streamed.front["index"].tolist() == best


def test_every_point_has_the_bits_of_its_estimate(small: dict[str, Any]) -> None:
    found = sweep(small)
    numbers = np.random.default_rng(0).integers(0, found.n_points, 150)
    for record in found.records(numbers):
        point = found.point(int(record["index"]))
        try:
            single = point.estimate()
        except IllegalMappingError:
            assert not record["legal"]
            continue
        assert record["legal"]
        assert record["latency_s"] == single.latency_s
        assert record["energy_j"] == single.energy_j
        assert record["edp_js"] == single.energy_j * single.latency_s
        assert record["dram_bytes"] == single.bytes["dram"]
        assert record["buffer_bytes"] == single.bytes["buffer"]
        assert record["occupancy_bytes"] == single.occupancy_bytes["buffer"]
        assert record["area_mm2"] == point.device.area_mm2
        assert record["mapping"] == single.mapping


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_workers_and_segments_change_nothing(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, n_workers: int
) -> None:
    plain = sweep(small, n_workers=1)
    monkeypatch.setattr(segments, "STREAM_POINTS", 97)
    monkeypatch.setattr(segments, "STORED_POINTS", 113)
    assert sweep(small, n_workers=n_workers).front.tobytes() == plain.front.tobytes()
    assert sweep(small, n_workers=n_workers, keep="all").front.tobytes() == plain.front.tobytes()


def test_constraints_never_improve_the_optimum(small: dict[str, Any]) -> None:
    small["minimize"] = ["edp_js"]
    best = [
        sweep({**small, "constraints": small["constraints"][:1] + extra}).front["edp_js"].min()
        for extra in ([], ["power_w < 400"], ["power_w < 400", "device.pe_dim <= 128"])
    ]
    assert best == sorted(best)


def test_constraints_hold_on_the_front(small: dict[str, Any]) -> None:
    small["constraints"] = ["area_mm2 < 300 and power_w <= 500", "mapping != 'flat' or device.pe_dim > 64"]
    found = sweep(small)
    assert (found.front["area_mm2"] < 300).all()
    assert (found.front["power_w"] <= 500).all()
    assert found.n_allowed < found.n_legal


def test_objectives_can_be_expressions(small: dict[str, Any]) -> None:
    small["minimize"] = ["latency_s * area_mm2", "energy_j"]
    found, stored = sweep(small), sweep(small, keep="all")
    assert found.front.tobytes() == stored.front.tobytes()
    assert found.objectives == ("latency_s * area_mm2", "energy_j")


def test_a_sample_is_spread_and_always_the_same(small: dict[str, Any]) -> None:
    one, two = sweep(small, sample=500), sweep(small, sample=500)
    assert one.front.tobytes() == two.front.tobytes()
    assert one.n_points == one.n_sampled == 500
    assert sweep(small, sample=10**9).n_sampled == 0
    for size in (1, 2, 3, 5, 17, 1000):
        assert sorted(sample_numbers(0, size, size).tolist()) == list(range(size))
    numbers = sample_numbers(0, 10_000, 2**61)
    assert len(np.unique(numbers)) == 10_000
    assert abs(numbers.mean() / 2**60 - 1) < 0.03
    assert np.array_equal(sample_numbers(40, 60, 2**61), numbers[40:60])


def test_values_in_plain_forms(small: dict[str, Any]) -> None:
    found = sweep(small)
    rows = found.to_records()
    assert len(rows) == len(found.front)
    assert rows[0]["device.pe_dim"] == int(found.front["device.pe_dim"][0])
    table = found.to_dict()
    assert table["front"] == rows
    assert table["objectives"] == ["latency_s", "energy_j", "area_mm2"]
    assert found.estimate(rows[0]["index"]).latency_s == rows[0]["latency_s"]
    try:
        import pandas  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        with pytest.raises(MissingHardwareError, match=r"pandas is not installed. Install it with: pip install"):
            found.to_dataframe()
    else:
        assert len(found.to_dataframe()) == len(rows)


def test_pairs_that_cannot_run_are_told(small: dict[str, Any]) -> None:
    small["axes"]["device"] = ["flat-cloud"]
    found = sweep(small)
    assert [(r.mapping, r.device) for r in found.refused] == [("fusemax", "flat-cloud")]
    assert "has no unit for 'max'" in found.refused[0].reason
    small["axes"]["mapping"] = ["fusemax"]
    with pytest.raises(UsageError, match=r"no mapping of the space runs on any of its devices. LM is bound"):
        sweep(small)


def test_progress_is_on_stderr(small: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    sweep(small, progress=True)
    out, err = capsys.readouterr()
    assert not out
    assert "small" in err
    assert "points/s" in err


def _huge(n: int) -> dict[str, Any]:
    axes: dict[str, Any] = {f"x{i}": {"from": 1, "to": 1000, "step": 1} for i in range(n)}
    named = {"workload": "bert", "mapping": "fusemax", "device": "fusemax"}
    return {"title": "huge", "axes": {**named, **axes}, "constraints": [f"{' + '.join(axes)} > 0"]}


def test_huge_spaces_need_a_sample() -> None:
    with pytest.raises(UsageError) as caught:
        sweep(_huge(6))
    assert str(caught.value) == (
        "space: the space has 1e+18 points; at 50 M points/s they take 231,481 days. Draw a sample with --sample "
        "1000000 (sample=1_000_000), or take fewer values on an axis."
    )
    assert sweep(_huge(6), sample=1000).n_points == 1000
    with pytest.raises(UsageError, match=r"has 1e\+21 points, more than can be numbered \(2\^62\). Split it."):
        sweep(_huge(7), sample=10)
    with pytest.raises(UsageError, match=r"keeping all 1,000,000,000 points would take 45.63 GiB; at most 100,000,000"):
        sweep(_huge(3), keep="all")
    with pytest.raises(UsageError, match=r"a sample of 0 points; take at least 1"):
        sweep(_huge(2), sample=0)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            ["area_mm2 < 1"],
            "no point of the space can satisfy 'area_mm2 < 1': area_mm2 runs from 78.5257 to at most 1387.15",
        ),
        (["latency_s < 3e-4", "device.pe_dim == 64"], "are legal, but none satisfies all constraints ('latency_s < "),
    ],
)
def test_constraints_that_hold_nowhere(small: dict[str, Any], constraints: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        sweep({**small, "constraints": constraints})
    assert message in str(caught.value)


def test_nothing_legal() -> None:
    axes: dict[str, Any] = {"workload": "bert", "mapping": "fusemax", "device": "fusemax"}
    with pytest.raises(UsageError, match=r"no mapping of the space runs.*needs 129 KiB of buffer; fusemax has 1 KiB"):
        sweep({"axes": {**axes, "device.buffer.capacity_bytes": [1024, 2048]}})
    hidden = {"device.buffer.capacity_bytes": "131072 + 100000 * (x - 1) * (3 - x)"}  # the ranges alone do not tell
    with pytest.raises(
        UsageError, match=r"of 2 points none is legal: no mapping fits its device. Give the buffer more"
    ):
        sweep({"axes": {**axes, "x": [1, 3]}, "derived": hidden})


def test_a_space_of_one_point() -> None:
    space = read_space({"axes": {"workload": "bert", "mapping": "fusemax", "device": "fusemax"}})
    found = sweep(space)
    assert found.front["latency_s"].tolist() == [space.point(0).estimate().latency_s]
