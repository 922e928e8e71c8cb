"""Reports: one file with everything in it, nothing to load from anywhere."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.explore.records import Evaluator
from attnscope.explore.report import report
from attnscope.explore.report_data import background, best_points, effects, limiter_map, reference_point
from attnscope.explore.report_page import number, page
from attnscope.explore.runs import open_run
from attnscope.explore.sweep import sweep


def test_a_report_holds_everything_and_loads_nothing(small: dict[str, Any], tmp_path: Path) -> None:
    found = sweep(small, store=tmp_path / "run.db")
    made = report(tmp_path / "run.db", timelines=1)
    file = made.save(tmp_path / "report.html")
    text = file.read_text()
    assert text == made.html
    assert made.n_front == len(found.front)
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert not re.findall(r"@import|url\(http|fetch\(|XMLHttpRequest", text)
    for part in ("small", "how big must the buffer be?", "Sensitivity", "What limits the latency", "Timelines"):
        assert part in text
    assert f"Run {found.run}, model version 0.1.0" in text
    assert "area_mm2 &lt; 1000" in text
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(data["front"]) == len(data["labels"]) == len(data["kinds"]) == len(found.front)
    k = data["columns"].index("latency_s")
    assert np.allclose([row[k] for row in data["front"]], found.front["latency_s"], rtol=1e-5)
    assert len(data["sample"]) > 100


def test_reports_are_the_same_every_time(small: dict[str, Any], tmp_path: Path) -> None:
    found = sweep(small, store=tmp_path / "run.db")
    one = report(found, timelines=1)
    assert one.html == report(tmp_path / "run.db", timelines=1).html
    assert one.to_dict()["run"] == found.run


def test_effects_are_those_of_single_changes(small: dict[str, Any]) -> None:
    run = open_run(sweep(small))
    found = effects(run, Evaluator(run.space))
    at = run.space.point(reference_point(run))
    base = at.estimate().latency_s
    assert [e.swing for e in found] == sorted((e.swing for e in found), reverse=True)
    clock = next(e for e in found if e.path == "device.clock.frequency_hz")
    times = []
    for value in (1e9, 2e9):
        moved = {**at.values, "device.clock.frequency_hz": value}
        matches = [i for i in range(run.space.size) if run.space.point(i).values == moved]
        times.append(next(p for p in map(run.space.point, matches) if p.group == at.group).estimate().latency_s / base)
    assert clock.least[0] == pytest.approx(min(times))
    assert clock.most[0] == pytest.approx(max(times))
    drawn = limiter_map(run, found)
    assert drawn is not None
    assert {drawn.across, drawn.down} == {found[0].path, found[1].path}
    assert {name for row in drawn.limiters for name in row} <= {"array_1d", "array_2d", "dram", "drain", "not legal"}


def test_points_that_stand_out(small: dict[str, Any]) -> None:
    run = open_run(sweep(small, keep="all"))
    chosen = best_points(run)
    assert any("least latency_s" in why for why in chosen.values())
    assert any("balanced" in why for why in chosen.values())
    assert set(chosen) <= set(run.front.numbers.tolist())
    assert len(background(run, Evaluator(run.space))) == run.n_allowed


def test_a_space_of_one_point_has_a_report() -> None:
    found = sweep({"axes": {"workload": "bert", "mapping": "fusemax", "device": "fusemax"}})
    text = report(found, timelines=0).html
    assert "no parameter with more than one value" in text
    assert "Timelines" not in text


def test_errors_of_the_models_are_shown(small: dict[str, Any]) -> None:
    class Line:
        quantity, count, mean, p95, max, tolerance = "latency", 96, 0.001, 0.002, 0.003, 0.01

    class Known:
        family = "fusemax"

        def summaries(self) -> list[Any]:
            return [Line()]

    text = report(sweep(small), validations=[Known()], timelines=0).html
    assert "Errors of the models" in text
    assert "0.10%" in text


def test_texts_cannot_break_out_of_the_page(small: dict[str, Any]) -> None:
    small["title"], small["question"] = "</script><b>x", "<i>why</i> & how"
    text = report(sweep(small), timelines=0).html
    assert "</script><b>" not in text
    assert "&lt;i&gt;why&lt;/i&gt; &amp; how" in text
    assert "<\\/script>" in page("t", [], {"a": "</script>"})


def test_figures_as_readers_want_them() -> None:
    assert number(np.int64(16384)) == "16,384"
    assert number(1.23456789e-5) == "1.2346e-05"
    assert number(True) == "yes"
    assert number("flat") == "flat"


def test_a_path_that_cannot_be_written(small: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"report.html: cannot be written: No such file or directory. Give another"):
        report(sweep(small), timelines=0).save(tmp_path / "nowhere" / "report.html")
