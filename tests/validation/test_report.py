"""Reports: errors, tolerances and their summaries."""

import pytest

from attnscope.validation.report import Report, Row, facts


def test_error_is_relative_unless_the_row_says_otherwise() -> None:
    assert Row("a", "q", 2.0, 3.0).error == pytest.approx(0.5)
    assert Row("a", "q", 2.0, 3.0, absolute=True).error == pytest.approx(1.0)
    assert Row("a", "q", 0.0, 0.25).error == pytest.approx(0.25)


def test_a_row_without_tolerance_informs_and_never_fails() -> None:
    report = Report("f", (Row("a", "q", 1.0, 9.0), Row("b", "q", 1.0, 1.001, 0.01)))
    assert report.ok
    assert [row.case for row in report.worst()] == ["b"]


def test_a_row_beyond_its_tolerance_fails_the_report() -> None:
    report = Report("f", (Row("a", "q", 1.0, 1.02, 0.01), Row("b", "q", 1.0, 0.98, 0.05)))
    assert not report.ok
    assert [row.case for row in report.failures] == ["a"]
    assert report.worst(1)[0].case == "a"
    assert report.to_dict()["ok"] is False


def test_summaries_group_by_quantity_and_tolerance() -> None:
    rows = tuple(Row(str(i), "q", 100.0, 100.0 + i, 0.5) for i in range(1, 21))
    (summary,) = Report("f", rows).summaries()
    assert (summary.count, summary.outside) == (20, 0)
    assert summary.mean == pytest.approx(0.105)
    assert summary.median == pytest.approx(0.105)
    assert summary.p95 == pytest.approx(0.20, abs=0.011)
    assert summary.max == pytest.approx(0.20)


def test_records_carry_error_and_verdict() -> None:
    (record,) = Report("f", (Row("a", "q", 1.0, 2.0, 0.1, note="n"),)).to_records()
    assert record["error"] == pytest.approx(1.0)
    assert record["ok"] is False
    assert record["note"] == "n"


def test_tables_of_facts_are_packaged_and_skip_their_source_lines() -> None:
    rows = list(facts("fusemax_layers.csv"))
    assert len(rows) == 80
    assert {row["mapping"] for row in rows} == {"unfused", "flat", "cascade", "fusemax-serial", "fusemax"}
