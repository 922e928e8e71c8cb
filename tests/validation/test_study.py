"""The study as a value, and its figures."""

from pathlib import Path

import pytest

from attnscope.validation.study import MAPPINGS, Study, case_label, fusemax_study
from attnscope.validation.study_plot import FIGURES, draw, figure_info, save_figures


@pytest.fixture(scope="module")
def study() -> Study:
    return fusemax_study()


def test_all_cases_are_there(study: Study) -> None:
    assert len(study.cases) == 24
    assert len(study.estimates) == 24 * 5 * 2
    assert len(study.to_records()) == 240
    assert len(study.to_dict()["means"]) == 8
    assert case_label(("bert", 65536)) == "bert 64K"


def test_arithmetic_mean_is_above_the_geometric_one(study: Study) -> None:
    assert all(mean.arithmetic >= mean.geometric for mean in study.means)


def test_honest_registers_halve_the_energy_saving_over_flat(study: Study) -> None:
    corrected = study.mean("energy", "fusemax", "flat").arithmetic
    published = fusemax_study("published").mean("energy", "fusemax", "flat").arithmetic
    assert published == pytest.approx(0.795, abs=0.01)
    assert corrected == pytest.approx(0.879, abs=0.01)


@pytest.mark.parametrize("name", FIGURES)
def test_panels_hold_every_mapping_and_length(study: Study, name: str) -> None:
    info = figure_info(study, name)
    for panel in (panel for row in info.rows for panel in row):
        assert tuple(panel.bars) == MAPPINGS
        assert all(len(values) == len(panel.labels) == 6 for values in panel.bars.values())
    assert info.rows[0][0].title == "BERT"
    assert len(draw(info).axes) == sum(len(row) for row in info.rows)


def test_figures_are_saved_and_repeat_byte_for_byte(study: Study, tmp_path: Path) -> None:
    first, second = save_figures(study, tmp_path / "a"), save_figures(study, tmp_path / "b")
    assert [path.name for path in first] == [f"{name}{suffix}" for name in FIGURES for suffix in (".svg", ".png")]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))
