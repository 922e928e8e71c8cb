import json
from collections.abc import Callable
from pathlib import Path

import pytest

from attnscope.validation import gna, gna_models, gna_vectors
from attnscope.validation.gna_rows import counted, published, share_within, with_mean
from attnscope.validation.report import Report, Row


def test_masks_and_tiles_equal_the_reference(shared: Path) -> None:
    folder = shared / "notes" / "data"
    masks, tiles = gna_vectors.masks(folder), gna_vectors.tile_counts(folder)
    assert len(masks) == 2 * 36
    assert len(tiles) == 4 * 70
    assert all(row.error == 0 for row in [*masks, *tiles])


def test_without_a_folder_the_reason_is_told(tmp_path: Path) -> None:
    assert gna_vectors.missing(None, "a.json") == "a.json: skipped, no reference folder was given"
    assert gna_vectors.missing(tmp_path, "a.json") == f"a.json: skipped, {tmp_path / 'a.json'} does not exist"


@pytest.mark.parametrize(
    "rows",
    [
        gna.densities,
        gna.end_to_end_from_flops,
        gna.end_to_end_simulated,
        gna.end_to_end_rounded,
        gna.worst_tile_speedups,
        gna.kernel_times,
        gna.copy_times,
        gna.operation_speedups,
        gna.transfer_times,
        gna_models.macs,
    ],
    ids=lambda f: f.__name__,
)
def test_rows_hold_their_tolerances(rows: Callable[[], list[Row]]) -> None:
    assert not Report("gna", tuple(rows())).failures


def test_end_to_end_rows_are_all_there() -> None:
    *rows, judge = gna.end_to_end_rounded()
    assert len(rows) == 26
    assert judge.quantity == "end to end from tiles, rounded, share within 0.006"
    assert judge.ours >= 0.9


def test_no_calibrated_kernel_time_is_judged() -> None:
    *rows, mean = gna.kernel_times()
    assert len(rows) == 20
    assert len(counted(rows)) == 14
    assert all("256x256" not in row.case for row in counted(rows))
    assert mean.ours <= 0.08


def test_whole_models_hold_their_tolerances() -> None:
    table = published()
    rows = [*gna_models.runtimes(table["runtime"]), *gna_models.measured_speedups(table["end_to_end"])]
    assert not Report("gna", tuple(rows)).failures


def test_the_kernel_ladder_keeps_its_order_and_factors() -> None:
    table = published()["unfused"]
    rows = gna_models.unfused_factors({"rows": [r for r in table["rows"] if r[1] == 2 and r[2] == "fp16"]})
    assert not Report("gna", tuple(rows)).failures
    assert all(row.ours > 1 for row in rows[:-1])


def test_throughput_ratios_of_one_model() -> None:
    table = published()["throughput"]
    rows = gna_models.throughput_ratios({"rows": [r for r in table["rows"] if r[0] == "dinat-tiny"]})
    assert not Report("gna", tuple(rows)).failures


def test_a_mean_and_a_share_are_judged_as_rows() -> None:
    rows = [Row("a", "x", 1.0, 1.1, 0.5), Row("b", "x", 2.0, 2.0, 0.5), Row("c", "x", 1.0, 3.0, None)]
    mean = with_mean(rows, 0.04)[-1]
    assert (mean.case, mean.quantity, mean.ok) == ("2 rows", "x, mean error", False)
    assert mean.ours == pytest.approx(0.05)
    share = share_within(rows, 0.2, 0.6)
    assert share[-1].ok
    assert share[-1].ours == pytest.approx(2 / 3)
    assert all(row.tolerance is None for row in share[:-1])
    assert not share_within(rows, 0.2, 0.9)[-1].ok


def test_the_whole_report_is_plain_data_and_in_tolerance() -> None:
    report = gna.validate_gna()
    assert report.ok
    text = json.dumps(report.to_dict())
    assert "gna_masks.json: skipped, no reference folder was given" in text
