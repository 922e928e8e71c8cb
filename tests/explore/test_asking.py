"""Fronts and queries of finished and unfinished runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnscope.errors import UnknownNameError, UsageError
from attnscope.explore.asking import pareto, query
from attnscope.explore.front_plot import plot_front
from attnscope.explore.runs import open_run, space_from_dict
from attnscope.explore.sweep import sweep


def test_the_front_of_a_store_is_that_of_the_sweep(small: dict[str, Any], tmp_path: Path) -> None:
    found = sweep(small, store=tmp_path / "run.db")
    for run in (found, tmp_path / "run.db", str(tmp_path / "run.db")):
        front = pareto(run)
        assert sorted(front.records["index"]) == sorted(found.front["index"])
        assert front.objectives == found.objectives
        assert (np.diff(front.values[:, 0]) >= 0).all()
        assert front.n_searched == found.n_points
        assert front.to_dict()["points"][0]["latency_s"] == front.values[0, 0]
    assert pareto(sweep(small)).records.tobytes() == pareto(found).records.tobytes()


def test_fewer_and_other_objectives(small: dict[str, Any], tmp_path: Path) -> None:
    kept = sweep(small, store=tmp_path / "all.db", keep="all")
    alone = sweep(small)
    two = pareto(kept, minimize=["latency_s", "area_mm2"])
    assert np.array_equal(two.values, pareto(alone, minimize=["latency_s", "area_mm2"]).values)
    four = pareto(kept, minimize=["latency_s", "energy_j", "area_mm2", "device.clock.frequency_hz / 1e9"])
    assert four.values.shape[1] == 4
    assert len(four.records) >= len(two.records)
    with pytest.raises(UsageError) as caught:
        pareto(alone, minimize=["latency_s", "power_w"])
    assert str(caught.value) == (
        f"run {alone.run} keeps only the front of latency_s, energy_j, area_mm2, which says nothing about power_w. "
        "Sweep again with keep='all' (--keep all), or with these objectives."
    )
    with pytest.raises(UnknownNameError, match="Did you mean 'latency_s'"):
        pareto(kept, minimize=["latency"])


def test_queries(small: dict[str, Any], tmp_path: Path) -> None:
    kept = sweep(small, store=tmp_path / "all.db", keep="all")
    everything = kept.records(range(kept.n_points))
    answer = query(tmp_path / "all.db", "device.pe_dim >= 128 and latency_s < 1 and mapping == 'flat'", top=7)
    rows = everything[
        everything["legal"]
        & (everything["device.pe_dim"] >= 128)
        & (everything["latency_s"] < 1)
        & (everything["mapping"] == "flat")
    ]
    assert answer.n_matching == len(rows)
    assert answer.n_searched == kept.n_points
    assert answer.records["latency_s"].tolist() == sorted(rows["latency_s"])[:7]
    assert query(kept, "not legal").n_matching == kept.n_points - kept.n_legal
    assert query(kept, "allowed", top=None).n_matching == kept.n_allowed
    assert query(kept, by="area_mm2", top=1).records["area_mm2"][0] == np.nanmin(everything["area_mm2"])
    field = query(kept, "device.buffer.area_um2 < 1e6 and device.array_2d.rows == 64", top=None)
    assert (field.records["device.buffer.capacity_bytes"] < 199_251).all()
    assert field.n_matching > 0
    assert query(kept, "workload.queries > 100000").to_dict()["points"] == []


def test_a_front_alone_can_be_asked_and_says_so(small: dict[str, Any]) -> None:
    found = sweep(small)
    answer = query(found, "latency_s < 100")
    assert answer.n_searched == len(found.front)
    assert answer.remarks == (
        "The run keeps its Pareto front only; sweep with keep='all' (--keep all) to ask every point.",
    )
    assert "A sample of 300 of 672 points." in query(sweep(small, sample=300)).remarks[0]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("latency_s", "query: 'latency_s' is a quantity, not a condition. Write 'latency_s < 1'."),
        ("device.pe_dm > 1", "Did you mean 'device.pe_dim'?"),
        ("__import__('os').system('x') > 0", "is not part of an expression"),
    ],
)
def test_conditions_that_cannot_be_used(small: dict[str, Any], condition: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        query(sweep(small), condition)
    assert message in str(caught.value)


def test_no_points_asked_for(small: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="top = 0 points; ask for at least 1"):
        query(sweep(small), top=0)


def test_a_space_survives_the_store(small: dict[str, Any], tmp_path: Path) -> None:
    found = sweep(small, store=tmp_path / "run.db")
    again = open_run(tmp_path / "run.db").space
    assert again.to_dict() == found.space.to_dict()
    assert space_from_dict(again.to_dict()).point(77).estimate() == found.point(77).estimate()


def test_the_picture_shows_the_front(small: dict[str, Any]) -> None:
    front = pareto(sweep(small))
    ax = plot_front(front)
    assert sum(len(marks.get_offsets()) for marks in ax.collections) == len(front.records)
    assert ax.get_xlabel() == "latency_s"
    assert plot_front(pareto(sweep({**small, "minimize": ["edp_js"]}))).get_ylabel() == "edp_js"
