"""The report on offloading and decode: every row in tolerance, gaps told, tables where a folder is given."""

from pathlib import Path

import pytest

from attnscope.validation.offload import validate_offload
from attnscope.validation.offload_pairs import mean_batch_ratio, pairs
from attnscope.validation.offload_range import cost_points
from attnscope.validation.offload_tables import table_rows
from attnscope.validation.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    return validate_offload()


def test_every_figure_is_in_tolerance(report: Report) -> None:
    assert not report.failures
    assert report.ok
    assert len(report.rows) > 200


def test_the_direction_of_all_twelve_gains_is_right(report: Report) -> None:
    judged = [row for row in report.rows if row.quantity == "offloading gains"]
    assert len(judged) == 12
    assert all(row.ok and row.tolerance == 0.0 for row in judged)


def test_the_gap_to_the_published_gains_is_told(report: Report) -> None:
    told = {(row.case, row.quantity): row for row in report.rows if row.quantity.endswith("gain")}
    most = told["twelve pairs, kernels", "most gain"]
    assert (most.published, most.tolerance) == (0.901, None)
    assert most.ours < most.published
    assert any("overheads of the compared serving systems are not modelled" in note for note in report.notes)


def test_the_roofline_puts_one_pair_on_the_wrong_side() -> None:
    losing = [f"{p.model} {p.trace}" for p in pairs("roofline") if p.gain <= 0]
    assert losing == ["llama3-70b azure-conv"]


def test_batch_ratio() -> None:
    assert mean_batch_ratio() == pytest.approx(2.39, rel=0.10)


def test_throughput_per_dollar_spans_a_range_like_the_published_one() -> None:
    ratios = [point.ratio for point in cost_points()]
    assert len(ratios) > 100
    assert min(ratios) < 1.48 < max(ratios)


def test_public_tables_are_compared_where_they_are(shared: Path) -> None:
    rows = list(table_rows(shared / "reference"))
    assert all(row.ok for row in rows), [row for row in rows if not row.ok]
    assert {row.case for row in rows} >= {
        "decode a100",
        "decode h100",
        "decode h200",
        "matrix products h100",
        "azure-conv",
        "kimi-conv",
    }


def test_a_folder_without_tables_adds_nothing(tmp_path: Path) -> None:
    assert list(table_rows(tmp_path)) == []
