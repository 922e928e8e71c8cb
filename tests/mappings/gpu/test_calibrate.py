import pytest

from attnscope.mappings.gpu.calibrate import calibrate, timed
from attnscope.mappings.gpu.constants import calibration, constants_for
from attnscope.mappings.gpu.device import load_gpu


def test_the_shipped_constants_are_what_calibration_gives() -> None:
    assert calibrate(calibration()) == calibration().constants


def test_calibration_reproduces_its_rows() -> None:
    case = calibration().case
    for row in case.rows:
        device = load_gpu(row.device)
        time = timed(case, device, row.kind, constants_for(device))
        assert float(time.part("attention")) == pytest.approx(row.kernel_s, rel=1e-3)


def test_few_constants_and_only_one_workload() -> None:
    setup = calibration()
    assert len({r.device for r in setup.case.rows}) == 2
    assert setup.case.layout == (256, 256)
    fitted = [c for c in setup.constants.values() if c.origin.startswith("fitted")]
    assert len(fitted) == 2
    assert all(len(c.model_dump()) == 6 for c in fitted)


def test_architectures_without_rows_take_the_nearest_older_constants() -> None:
    known = calibration().constants
    assert constants_for(load_gpu("h20")) == known["sm_90"]
    assert constants_for(load_gpu("l40s")) == known["sm_80"]
    assert constants_for(load_gpu("a100")).origin.startswith("mean of the fitted architectures")
