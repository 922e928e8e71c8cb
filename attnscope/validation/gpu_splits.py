"""Which rows are compared under which constants: held-out rows, windows, longer shapes, other libraries and devices."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from attnscope.errors import UnknownNameError
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fit import count, fit
from attnscope.mappings.gpu.fit_constants import LibraryConstants, constants_file
from attnscope.mappings.gpu.fit_tables import LEAST_LENGTH, Table
from attnscope.mappings.gpu.library_shapes import GemmShapes
from attnscope.mappings.gpu.library_time import latency_s
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.validation.gpu_baselines import baselines

Vector = npt.NDArray[np.float64]
FIT_UP_TO, TEST_FROM = 2048, 4096  # extrapolation: prefill lengths to fit on and to test on
GOALS = {"prefill": 8.0, "decode": 9.0, "gemm": 8.0, "window": 10.0, "library": 10.0, "device": 9.0}
GOALS_OF = {"a100": {"prefill": 6.0, "decode": 12.0, "extrapolation": 6.0}, "h200": {"extrapolation": 8.0}}


@dataclass(frozen=True)
class Comparison:
    """Rows of one table under one set of constants.

    Attributes:
        name: device, library, family and kind of split. `split`: held out, window, short, extrapolation, ...
        goal: mean absolute error in percent that is asked for; None where the comparison only informs.
        table: the rows. `predicted_s`: ours [n_rows]. `within`: whether the interval holds the measured time [n_rows].
        others: predictions of simpler models by name.
    """

    name: str
    split: str
    goal: float | None
    table: Table
    predicted_s: Vector
    within: npt.NDArray[np.bool_]
    others: dict[str, Vector] = field(default_factory=dict)

    @property
    def errors(self) -> Vector:
        """Predicted over measured, less 1."""
        return self.predicted_s / self.table.measured_s - 1.0


def known_device(name: str) -> GpuDevice | None:
    """The GPU called `name`; None where there is no file of it."""
    try:
        return load_gpu(name)
    except UnknownNameError:
        return None


def comparisons(tables: list[Table], notes: list[str]) -> Iterator[Comparison]:
    """All comparisons that the tables allow; `notes` learns what was skipped or fitted on the spot."""
    shipped = dict(constants_file().device)
    for table in tables:
        device = known_device(table.device)
        if device is None:
            notes.append(f"{table.name}: skipped, no device file for {table.device}; give one to load its tables.")
            continue
        own = shipped.get(table.device)
        if own is None:
            notes.append(
                f"{table.name}: {table.device} has no constants yet; fitted on its {table.calibration.sum()} rows."
            )
            own = fit([table], device)
        transferred = table.family in own.tables and own.tables[table.family] != table.name
        yield from _held_out(table, device, own, transferred)
        if table.family == "prefill" and not transferred:
            yield from _extrapolated(table, device)
        if not transferred:
            yield from _from_others(table, device, shipped)


def _held_out(table: Table, device: GpuDevice, own: LibraryConstants, transferred: bool) -> Iterator[Comparison]:
    rows = table.reported
    calibration = table.fit
    split = "other library" if transferred else "held out"
    goal = GOALS["library"] if transferred else _goal(table.family, device)
    for kind, chosen in _kinds(rows):
        asked = {"window": GOALS["window"], "short": None}.get(kind, goal)
        label = split if kind == "full" else f"{split}, {kind}"
        yield compare(f"{_title(table)}, {label}", label, asked, rows.take(chosen), device, own, calibration)


def _kinds(rows: Table) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Full attention, windows, and prompts shorter than those fitted on."""
    if isinstance(rows.shapes, GemmShapes):
        yield "full", np.ones(rows.shapes.count, dtype=bool)
        return
    windowed = rows.shapes.window > 0
    short = (rows.lengths < LEAST_LENGTH) & (rows.family == "prefill")
    for kind, chosen in (("full", ~windowed & ~short), ("window", windowed & ~short), ("short", short)):
        if chosen.any():
            yield kind, chosen


def _extrapolated(table: Table, device: GpuDevice) -> Iterator[Comparison]:
    """Constants from calibration rows of up to 2048 tokens; rows of 4096 and more."""
    base = table.take(~table.same_key | (table.calibration & (table.lengths <= FIT_UP_TO)))
    far = table.reported
    far = far.take((far.lengths >= TEST_FROM) & _unwindowed(far))
    if not far.measured_s.size or not base.calibration.any():
        return
    name = f"{_title(table)}, fitted up to {FIT_UP_TO} tokens, from {TEST_FROM} on"
    yield compare(name, "extrapolation", _goal("extrapolation", device), far, device, fit([base], device), base.fit)


def _unwindowed(table: Table) -> npt.NDArray[np.bool_]:
    return np.ones(table.shapes.count, dtype=bool) if isinstance(table.shapes, GemmShapes) else table.shapes.window == 0


def _from_others(table: Table, device: GpuDevice, shipped: dict[str, LibraryConstants]) -> Iterator[Comparison]:
    """The table under the constants of another device of the same architecture."""
    rows = table.reported
    rows = rows.take(_unwindowed(rows) & ((rows.lengths >= LEAST_LENGTH) | (rows.family != "prefill")))
    for name, theirs in sorted(shipped.items()):
        same = name != device.name and load_gpu(name).architecture == device.architecture
        if same and table.family in theirs.tables:
            goal = GOALS["device"] if (name, device.name) == ("h200", "h100") else None
            title = f"{_title(table)}, constants of {name}"
            yield compare(title, "other device", goal, rows, device, theirs, table.fit)


def compare(
    name: str,
    split: str,
    goal: float | None,
    rows: Table,
    device: GpuDevice,
    constants: LibraryConstants,
    calibration: Table,
) -> Comparison:
    """Predict `rows` with `constants`, and with the simpler models from `calibration`."""
    predicted_s = np.asarray(latency_s(count(rows, device).counts, device, constants), dtype=np.float64)
    spread = constants.spread[rows.family]
    ratio = rows.measured_s / predicted_s
    within = (ratio >= spread.low) & (ratio <= spread.high)
    return Comparison(name, split, goal, rows, predicted_s, within, baselines(rows, calibration, device))


def _goal(what: str, device: GpuDevice) -> float | None:
    return GOALS_OF.get(device.name, {}).get(what, GOALS.get(what))


def _title(table: Table) -> str:
    return f"{table.device} {table.library} {table.family}"
