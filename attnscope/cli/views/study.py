"""The FuseMax study at a glance, then case by case."""

from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any

from attnscope.cli.render import BARS, Column, bar, heading, left, percent, styled, table
from attnscope.cli.views.estimate import section
from attnscope.validation.study import MAPPINGS, Case, Mean, Study, case_label

_BASE, _BEST = "unfused", "fusemax"
_SHORT = {"fusemax-serial": "fm-serial"}


def study_view(study: Study) -> Iterator[Any]:
    """Yield the means, then speed-up, energy and utilisation of all cases."""
    yield heading("FuseMax study", f"{len(study.cases)} cases, {len(MAPPINGS)} configurations")
    yield from section("At a glance", _glance(study), f"attention, means over all cases; over {_BASE}")
    yield from section("FuseMax over the others", _means(study), "arithmetic mean as published, geometric beside it")
    accounting = f"{study.accounting} accounting"
    speedup, energy = _ratio(study, "speedup", "{:.2f}x"), _ratio(study, "energy", "{:.3f}")
    yield from section(f"Speed-up over {_BASE}", _cases(study, speedup), f"attention; bar: {_BEST}")
    yield from section(f"Energy against {_BASE}", _cases(study, energy), f"attention, {accounting}; bar: {_BEST}")
    for array, label in (("array_2d", "2D array"), ("array_1d", "1D array")):
        yield from section(f"Utilisation of the {label}", _cases(study, _utilisation(study, array)), f"bar: {_BEST}")


def _glance(study: Study) -> Any:
    fast = {m: study.mean("speedup", m, _BASE).arithmetic for m in MAPPINGS}
    rows = []
    for mapping in MAPPINGS:
        energy = study.mean("energy", mapping, _BASE).arithmetic
        used = fmean(study.get(mapping, *case).utilization["array_2d"] for case in study.cases)
        cells = (f"{fast[mapping]:.2f}x", bar(fast[mapping] / max(fast.values()), 16))
        rows.append((mapping, *cells, f"{energy:.3f}", bar(energy, 12), percent(used, 0), bar(used, 12, track=True)))
    return table([left("mapping"), "speed-up", BARS, "energy", BARS, "2D array", BARS], rows)


def _means(study: Study) -> Any:
    rows = [(_LAYERS[m.layers], m.baseline, *_pair(m), _mean_bar(study, m)) for m in study.means]
    return table([left("layers"), left("over"), left("quantity"), "arithmetic", "geometric", BARS], rows)


_LAYERS = {"attention": "attention", "block": "end to end"}


def _pair(mean: Mean) -> tuple[str, Any, str]:
    form = "{:.2f}x" if mean.quantity == "speedup" else "{:.3f}"
    name = "speed-up" if mean.quantity == "speedup" else "energy"
    return name, styled(form.format(mean.arithmetic), "bold"), form.format(mean.geometric)


def _mean_bar(study: Study, mean: Mean) -> Any:
    top = max(m.arithmetic for m in study.means if m.quantity == mean.quantity)
    return bar(mean.arithmetic / (top if mean.quantity == "speedup" else 1.0), 20)


Cell = Callable[[str, Case], tuple[float, str]]


def _ratio(study: Study, quantity: str, form: str) -> Cell:
    def cell(mapping: str, case: Case) -> tuple[float, str]:
        value = study.ratio(quantity, mapping, _BASE, case)
        return value, form.format(value)

    return cell


def _utilisation(study: Study, array: str) -> Cell:
    def cell(mapping: str, case: Case) -> tuple[float, str]:
        share = study.get(mapping, *case).utilization[array]
        return share, percent(share)

    return cell


def _cases(study: Study, cell: Cell) -> Any:
    """One row per case, one column per mapping, and a bar for the best known one."""
    cells = {(m, case): cell(m, case) for m in MAPPINGS for case in study.cases}
    top = max(1.0, *(value for value, _ in cells.values()))
    rows = (
        (case_label(case), *(cells[m, case][1] for m in MAPPINGS), bar(cells[_BEST, case][0] / top, 20))
        for case in study.cases
    )
    columns: list[str | Column] = [left("case"), *(_SHORT.get(m, m) for m in MAPPINGS), BARS]
    return table(columns, rows)
