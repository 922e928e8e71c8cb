"""What a report shows, worked out: best points, sensitivity of each parameter, limiters over the space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import IllegalMappingError
from attnscope.explore.axes import Axis, Value
from attnscope.explore.records import Evaluator, Rows, objectives_of
from attnscope.explore.runs import Run
from attnscope.explore.sampling import sample_numbers
from attnscope.explore.space import Space
from attnscope.simulator.estimate import Estimate

Floats = NDArray[np.float64]
MOST_BACKGROUND = 3000
MOST_VALUES = 24
MOST_CELLS = 18


@dataclass(frozen=True)
class Effect:
    """What changing one parameter alone does to each objective, from the reference point.

    Attributes:
        path: of the axis. reference: its value at the reference point.
        least, most: [objectives] smallest and largest objective over the values, relative to the reference.
        best: [objectives] value of the axis at the smallest.
        n_illegal: values at which the point is not legal.
    """

    path: str
    reference: Value
    least: Floats
    most: Floats
    best: tuple[Value, ...]
    n_illegal: int

    @property
    def swing(self) -> float:
        """Largest ratio between the extremes of an objective."""
        return float((self.most / self.least).max())


@dataclass(frozen=True)
class LimiterMap:
    """What limits the latency over two parameters, all others as at the reference point: rows by columns."""

    across: str
    down: str
    columns: tuple[Value, ...]
    rows: tuple[Value, ...]
    limiters: tuple[tuple[str, ...], ...]


def reference_point(run: Run) -> int:
    """Return the point of the front with the least product of objectives: the balanced one. The first of equals."""
    values = objectives_of(run.front, run.space)[:, : len(run.space.minimize)]
    best = int(np.argmin(np.log(np.maximum(values, 1e-300)).sum(axis=1)))
    return int(run.front.numbers[best])


def best_points(run: Run) -> dict[int, str]:
    """Return the points that stand out, by number, and why: least in each objective, and the balanced one."""
    values = objectives_of(run.front, run.space)
    out: dict[int, str] = {}
    for k, expression in enumerate(run.space.minimize):
        number = int(run.front.numbers[int(np.argmin(values[:, k]))])
        out[number] = f"{out[number]}, least {expression.text}" if number in out else f"least {expression.text}"
    balanced = reference_point(run)
    out[balanced] = f"{out[balanced]}, balanced" if balanced in out else "balanced"
    return out


def background(run: Run, evaluator: Evaluator) -> Rows:
    """Return some points of the space that are legal and allowed, the same ones every time."""
    if run.keep == "all" and not run.n_sampled:
        rows = run.kept()
        rows = rows[rows.allowed]
        return rows[:: max(1, len(rows) // MOST_BACKGROUND)]
    rows = evaluator.rows(sample_numbers(0, min(MOST_BACKGROUND, run.space.size), run.space.size))
    return rows[rows.allowed]


def effects(run: Run, evaluator: Evaluator) -> list[Effect]:
    """Return the effect of each axis with more than one value, the strongest first."""
    number = reference_point(run)
    at = objectives_of(evaluator.rows([number]), run.space)[0, : len(run.space.minimize)]
    found = [_effect(run.space, evaluator, axis, number, at) for axis in run.space.axes if len(axis) > 1]
    return sorted(found, key=lambda effect: (-effect.swing, effect.path))


def _effect(space: Space, evaluator: Evaluator, axis: Axis, number: int, at: Floats) -> Effect:
    digits = _thinned(len(axis), space.digits(number)[space.axes.index(axis)], MOST_VALUES)
    rows = evaluator.rows([_moved(space, number, axis, digit) for digit in digits])
    legal = np.flatnonzero(rows.legal)
    values = objectives_of(rows[legal], space)[:, : len(at)] / at
    best = values.argmin(axis=0)
    reference = axis.values[space.digits(number)[space.axes.index(axis)]]
    found = tuple(axis.values[digits[legal[k]]] for k in best)
    return Effect(axis.path, reference, values.min(axis=0), values.max(axis=0), found, len(digits) - len(legal))


def _thinned(length: int, kept: int, most: int) -> list[int]:
    """Up to `most` of the numbers below `length`, evenly spread, with the ends and `kept`."""
    picked = {round(i * (length - 1) / max(1, min(length, most) - 1)) for i in range(min(length, most))}
    return sorted({*picked, kept})


def _moved(space: Space, number: int, axis: Axis, digit: int) -> int:
    """The point that differs from `number` in the value of one axis."""
    k = space.axes.index(axis)
    stride = prod(len(a) for a in space.axes[k + 1 :])
    return number + (digit - space.digits(number)[k]) * stride


def limiter_map(run: Run, found: Sequence[Effect]) -> LimiterMap | None:
    """Return the limiters over the two strongest parameters, None for a space with fewer."""
    if len(found) < 2:
        return None
    axes: Mapping[str, Axis] = {axis.path: axis for axis in run.space.axes}
    across, down = axes[found[0].path], axes[found[1].path]
    number, space = reference_point(run), run.space
    columns, rows = (
        _thinned(len(axis), space.digits(number)[space.axes.index(axis)], MOST_CELLS) for axis in (across, down)
    )
    cells = tuple(
        tuple(_limiter(space, _moved(space, _moved(space, number, across, c), down, r)) for c in columns) for r in rows
    )
    return LimiterMap(
        across.path, down.path, tuple(across.values[c] for c in columns), tuple(down.values[r] for r in rows), cells
    )


def _limiter(space: Space, number: int) -> str:
    found = estimate_or_none(space, number)
    return found.limiter if found else "not legal"


def estimate_or_none(space: Space, number: int) -> Estimate | None:
    """Return the single estimate of a point, None where it is not legal."""
    try:
        return space.point(number).estimate()
    except IllegalMappingError:
        return None
