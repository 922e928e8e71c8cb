"""Fitting: the number of constants, the minimiser, recovery of known constants, the constants that ship."""

from pathlib import Path

import numpy as np
import pytest

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fit import count, fit, free_constants, minimise
from attnscope.mappings.gpu.fit_constants import TELLS, LibraryConstants, constants_file, library_constants, to_toml
from attnscope.mappings.gpu.fit_tables import FIT_ROWS, Table, find_tables, read_table
from attnscope.mappings.gpu.library_shapes import FAMILIES, GemmShapes
from attnscope.mappings.gpu.library_time import latency_s
from attnscope.specs import validate


def test_at_most_twelve_device_constants_and_three_residuals_per_family() -> None:
    constants = LibraryConstants()
    assert len(constants.device.model_dump()) <= 12
    for family in FAMILIES:
        assert len(getattr(constants, family).model_dump()) <= 3
    free = free_constants(FAMILIES)
    assert len(free) == len(set(free)) == 12 + 3 + 3 + 3
    assert {name for names in TELLS.values() for name in names} == set(constants.device.model_dump())


def test_minimise_is_robust_against_outliers() -> None:
    x = np.linspace(0.0, 1.0, 50)
    y = 0.3 + 0.7 * x
    y[7] += 5.0
    found = minimise(lambda u: u[0] + u[1] * x - y, np.zeros(2), np.zeros(2), np.full(2, np.inf))
    np.testing.assert_allclose(found, [0.3, 0.7], atol=0.03)


def test_bounds_hold() -> None:
    found = minimise(lambda u: u - 2.0, np.zeros(1), np.zeros(1), np.ones(1))
    assert found[0] <= 1.0


def gemm_table(device: str, latencies: "np.ndarray[tuple[int], np.dtype[np.float64]]", shapes: GemmShapes) -> Table:
    """A table in which every row may be fitted on."""
    every = np.ones(shapes.count, dtype=bool)
    return Table("made up", "gemm", device, "vllm0.19.0", shapes, latencies, every, every)


def test_known_constants_are_recovered() -> None:
    gpu = load_gpu("h100")
    truth = LibraryConstants().with_values({"device.gemm_tensor_fraction": 0.7, "device.gemm_launch_s": 4e-6})
    sizes = [2**i for i in range(4, 14, 3)]
    shapes = GemmShapes.of([(m, n, k) for m in sizes for n in sizes[1:] for k in sizes[1:]])
    blank = gemm_table("h100", np.ones(shapes.count), shapes)
    made = gemm_table("h100", np.asarray(latency_s(count(blank, gpu).counts, gpu, truth)), shapes)
    found = fit([made], gpu)
    assert found.device.gemm_tensor_fraction == pytest.approx(0.7, rel=0.03)
    assert found.device.gemm_launch_s == pytest.approx(4e-6, rel=0.05)
    assert found.spread["gemm"].mean < 0.02
    assert found == fit([made], gpu)


def test_the_file_says_where_constants_come_from() -> None:
    for name, constants in constants_file().device.items():
        assert set(constants.tables) == set(FAMILIES)
        assert all(name in table for table in constants.tables.values())
        assert all(spread.rows <= FIT_ROWS and spread.low < 1 < spread.high for spread in constants.spread.values())
    assert library_constants(load_gpu("rtx4090"))[1] == "h100"
    assert library_constants(load_gpu("h200"))[1] == "h200"


def test_constants_survive_their_text() -> None:
    import tomllib

    shipped = constants_file()
    again = validate(type(shipped), tomllib.loads(to_toml(shipped.source, shipped.device)), "text")
    assert again == shipped


@pytest.mark.parametrize("name", ["a100", "h100", "h200"])
def test_fitting_anew_gives_the_constants_that_ship(shared: Path, name: str) -> None:
    shipped = constants_file().device[name]
    named = set(shipped.tables.values())
    tables = [read_table(p) for p in find_tables(shared / "reference") if p.stem in named]
    found = fit(tables, load_gpu(name))
    for part in ("device", *FAMILIES):
        ours, theirs = getattr(found, part).model_dump(), getattr(shipped, part).model_dump()
        assert ours == pytest.approx(theirs, rel=2e-3)
