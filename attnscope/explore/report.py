"""`report`: a run as one self-contained HTML file that opens offline."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Protocol

from attnscope.errors import UsageError
from attnscope.explore import report_page as html
from attnscope.explore.records import Columns, Evaluator, Rows, objectives_of, records_of
from attnscope.explore.report_data import (
    background,
    best_points,
    effects,
    estimate_or_none,
    limiter_map,
    reference_point,
)
from attnscope.explore.runs import Run, RunLike, open_run
from attnscope.mappings.spatial.play import play_mapping
from attnscope.simulator.estimate import MODEL_VERSION
from attnscope.simulator.timeline import gantt

MOST_FRONT = 2000
_TASKS = 20_000


class Validation(Protocol):
    """Errors of a family of models against published or measured figures, as `attnscope.validate` returns them."""

    @property
    def family(self) -> str:
        """Name of the family."""

    def summaries(self) -> Sequence[Any]:
        """Error by quantity: count, mean, median, p95, max, tolerance."""


@dataclass(frozen=True)
class Report:
    """A report: its `title`, the whole `html` document, and what it is about."""

    title: str
    html: str
    run: str
    n_front: int

    def save(self, path: str | Path) -> Path:
        """Write the document to `path` and return it.

        Raises:
            UsageError: the file cannot be written.
        """
        target = Path(path)
        try:
            target.write_text(self.html, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}. Give another path.") from None
        return target

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {"title": self.title, "run": self.run, "n_front": self.n_front, "html": self.html}


def report(
    run: RunLike, *, name: str | None = None, validations: Iterable[Validation] = (), timelines: int = 3
) -> Report:
    """Return a run as one HTML file: question, space, front, best points, sensitivity, limiters, timelines, inputs.

    Args:
        run: a `Sweep`, or the path of a store.
        name: of the run in the store; the newest by default.
        validations: reports of `attnscope.validate` whose errors the reader should see.
        timelines: of how many of the best points a timeline is drawn.

    Raises:
        StoreError: no such store or run. UsageError: a run without a point on its front yet.
    """
    opened = open_run(run, name)
    if not len(opened.front):
        raise UsageError(f"run {opened.name} has no points on its front yet; let the sweep get further first.")
    evaluator = Evaluator(opened.space)
    found = effects(opened, evaluator)
    front = opened.front[:MOST_FRONT]
    sections = [
        _head(opened),
        "<h2>Space</h2>" + _space(opened),
        "<h2>Front</h2>" + html.chart("hover for a point, wheel to zoom, drag to move, double click for all"),
        _front_note(opened),
        "<h2>Best points</h2>" + _best(opened, front),
        "<h2>Sensitivity</h2>" + _sensitivity(opened, found),
        *_limiters(opened, found),
        *_timelines(opened, timelines),
        *_validations(validations),
        "<h2>All points of the front</h2>" + _all_points(opened, front),
        "<h2>Inputs</h2>" + _inputs(opened),
    ]
    data = _data(opened, front, background(opened, evaluator))
    return Report(opened.space.title, html.page(opened.space.title, sections, data), opened.name, len(opened.front))


def _head(run: Run) -> str:
    lead = f'<p class="lead">{escape(run.space.question)}</p>' if run.space.question else ""
    done = "" if run.share == 1.0 else f" ({run.share:.1%} of them so far)"
    facts = [
        (f"{run.n_points:,}", f"points worked out{done}" if not run.n_sampled else "points drawn"),
        (f"{run.n_legal:,}", "legal"),
        (f"{run.n_allowed:,}", "within the constraints"),
        (f"{len(run.front):,}", "on the front"),
    ]
    items = "".join(f"<li><b>{a}</b>{b}</li>" for a, b in facts)
    return f'<h1>{escape(run.space.title)}</h1>{lead}<ul class="facts">{items}</ul>'


def _space(run: Run) -> str:
    space = run.space
    named: dict[str, list[str]] = {}
    for group in space.groups:
        for key, value in group.names.items():
            if value not in named.setdefault(key, []):
                named[key].append(value)
    rows: list[tuple[Any, ...]] = [(key, len(values), ", ".join(values)) for key, values in named.items()]
    for axis in space.axes:
        low, high = min(axis.values), max(axis.values)
        shown = ", ".join(html.number(v) for v in axis.values) if len(axis) <= 8 else f"{low:.6g} to {high:.6g}"
        rows.append((axis.path, len(axis), shown))
    rows += [(path, "derived", expression.text) for path, expression in space.derived.items()]
    out = html.table(("parameter", "values", ""), rows, texts=(2,))
    if space.constraints:
        out += f"<p>Constraints: {', '.join(f'<code>{escape(c.text)}</code>' for c in space.constraints)}.</p>"
    return out + f"<p>Minimised: {', '.join(f'<code>{escape(e.text)}</code>' for e in space.minimize)}.</p>"


def _front_note(run: Run) -> str:
    shown = "" if len(run.front) <= MOST_FRONT else f" The first {MOST_FRONT:,} of {len(run.front):,} are shown."
    return (
        '<p class="note">Coloured points are on the exact Pareto front, grey ones are others of the space. '
        f"Colours tell the mappings apart.{shown}</p>"
    )


def _best(run: Run, front: Rows) -> str:
    chosen = best_points(run)
    position = {int(n): i for i, n in enumerate(front.numbers)}
    rows, marks = [], []
    for number, why in chosen.items():
        found = estimate_or_none(run.space, number)
        row = records_of(run.front[run.front.numbers == number], run.space)[0]
        rows.append(
            (why, row["mapping"], *(row[a.path] for a in run.space.axes), row["latency_s"], row["energy_j"],
             row["area_mm2"], found.because if found else "")
        )  # fmt: skip
        marks.append(position.get(number, -1))
    head = ("point", "mapping", *(a.path for a in run.space.axes), "latency_s", "energy_j", "area_mm2", "why so long")
    return html.table(head, rows, points=marks, texts=(0, 1, len(head) - 1))


def _sensitivity(run: Run, found: Sequence[Any]) -> str:
    if not found:
        return "<p>The space has no parameter with more than one value.</p>"
    point = run.space.point(reference_point(run))
    at = ", ".join(f"{path} = {html.number(value)}" for path, value in point.values.items())
    names = ", ".join(point.group.names.values())
    return (
        f"<p>Each parameter changed alone, all others as at the balanced point ({escape(names)}; {escape(at)}). "
        "Figures are relative to that point.</p>" + html.bars(found, [e.text for e in run.space.minimize])
    )


def _limiters(run: Run, found: Sequence[Any]) -> list[str]:
    drawn = limiter_map(run, found)
    if drawn is None:
        return []
    return [
        "<h2>What limits the latency</h2>"
        "<p>Over the two strongest parameters, all others as at the balanced point.</p>" + html.limiters(drawn)
    ]


def _timelines(run: Run, count: int) -> list[str]:
    out = []
    for number, why in list(best_points(run).items())[: max(count, 0)]:
        point = run.space.point(number)
        block: Any = point.fields.get("mapping.block")
        played = play_mapping(point.shape, point.mapping, point.device, block=block, max_tasks=_TASKS)
        caption = (
            f"Point {number:,} ({why}): {point.group.mapping.name} on {point.group.device.name}, as the event engine "
            f"plays it; {played.against_closed_form:+.2%} against the closed form."
        )
        out.append(html.figure(_drawn(played), caption))
    return ["<h2>Timelines</h2>" + "".join(out)] if out else []


def _drawn(played: Any) -> bytes:
    from attnscope.simulator.timeline_plot import save_gantt

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timeline.svg"
        save_gantt(path, gantt(played.program, played.schedule))
        return path.read_bytes()


def _validations(validations: Iterable[Validation]) -> list[str]:
    rows = [
        (v.family, s.quantity, s.count, *(f"{x:.2%}" for x in (s.mean, s.p95, s.max)), _tolerance(s.tolerance))
        for v in validations
        for s in v.summaries()
    ]
    if not rows:
        return []
    head = ("family", "quantity", "figures", "mean error", "p95", "max", "tolerance")
    return ["<h2>Errors of the models</h2>" + html.table(head, rows, texts=(0, 1))]


def _tolerance(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _all_points(run: Run, front: Rows) -> str:
    records = records_of(front, run.space)
    skipped = ("legal", "allowed")
    names = [n for n in records.dtype.names or () if n not in skipped]
    rows = [[record[n] for n in names] for record in records]
    return html.table(names, rows, points=range(len(rows)), texts=(1, 2, 3, 4))


def _inputs(run: Run) -> str:
    return (
        f"<p>Run {run.name}, model version {MODEL_VERSION}. The whole space with every device and mapping in full:</p>"
        f"<details><summary>show</summary><pre>{escape(json.dumps(run.space.to_dict(), indent=1))}</pre></details>"
    )


def _data(run: Run, front: Rows, others: Rows) -> dict[str, Any]:
    """What the page's script draws: columns of the front and of other points, and a text for each on the front."""
    own = [e.text for e in run.space.minimize]
    figures = ("latency_s", "energy_j", "area_mm2", "edp_js", "power_w", "dram_bytes")
    columns = list(dict.fromkeys([*own, *figures, *(axis.path for axis in run.space.axes if len(axis) > 1)]))
    mappings = list(dict.fromkeys(group.mapping.name for group in run.space.groups))
    records = records_of(front, run.space)
    return {
        "columns": columns,
        "objectives": own,
        "front": _matrix(front, run, columns),
        "sample": _matrix(others, run, columns),
        "kinds": [mappings.index(name) for name in records["mapping"].tolist()],
        "labels": [_label(record, columns) for record in records],
    }


def _matrix(rows: Rows, run: Run, columns: Sequence[str]) -> list[list[float]]:
    table, own = Columns(rows, run.space), [e.text for e in run.space.minimize]
    values = objectives_of(rows, run.space)
    found = [values[:, own.index(name)] if name in own else table[name] for name in columns]
    return [[float(f"{v:.6g}") for v in row] for row in zip(*(c.tolist() for c in found), strict=True)]


def _label(record: Any, columns: Sequence[str]) -> str:
    lines = [f"point {record['index']}: {record['mapping']} on {record['device']}, {record['workload']}"]
    names = record.dtype.names
    lines += [f"{name} = {html.number(record[name])}" for name in columns if name in names]
    return "\n".join(lines)
