"""`pareto` and `query`: what a finished or half-finished run says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.explore.expressions import Expression
from attnscope.explore.front import pareto_front
from attnscope.explore.outcome import records_to_rows, to_frame
from attnscope.explore.records import Columns, Records, Rows, joined_rows, records_of
from attnscope.explore.runs import Run, RunLike, open_run


@dataclass(frozen=True)
class Front:
    """A Pareto front.

    Attributes:
        run: name of the run; `title` of its space. objectives: what is minimised.
        values: [n, len(objectives)]; records: the points, in order of the first objective.
        n_searched: points that were compared. remarks: what the reader has to know.
    """

    run: str
    title: str
    objectives: tuple[str, ...]
    values: NDArray[np.float64]
    records: Records
    n_searched: int
    remarks: tuple[str, ...]

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per point, the objectives included."""
        rows = records_to_rows(self.records)
        extra = [dict(zip(self.objectives, v, strict=True)) for v in self.values.tolist()]
        return [{**row, **more} for row, more in zip(rows, extra, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "run": self.run,
            "title": self.title,
            "objectives": list(self.objectives),
            "points": self.to_records(),
            "n_searched": self.n_searched,
            "remarks": list(self.remarks),
        }

    def to_dataframe(self) -> Any:
        """Return the points as a pandas frame (extra `frames`)."""
        return to_frame(self.records)


@dataclass(frozen=True)
class Answer:
    """Points that satisfy a condition, best first.

    Attributes:
        run: name of the run. where: the condition. by: what they are ordered by, least first.
        records: the first of them. n_matching: how many there are of `n_searched`.
        remarks: what the reader has to know.
    """

    run: str
    where: str
    by: str
    records: Records
    n_matching: int
    n_searched: int
    remarks: tuple[str, ...]

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per point."""
        return records_to_rows(self.records)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "run": self.run,
            "where": self.where,
            "by": self.by,
            "points": self.to_records(),
            "n_matching": self.n_matching,
            "n_searched": self.n_searched,
            "remarks": list(self.remarks),
        }

    def to_dataframe(self) -> Any:
        """Return the points as a pandas frame (extra `frames`)."""
        return to_frame(self.records)


def pareto(run: RunLike, *, minimize: Sequence[str] = (), name: str | None = None) -> Front:
    """Return the exact Pareto front of the points that a run keeps.

    Args:
        run: a `Sweep`, or the path of a store.
        name: of the run in the store; the newest by default.
        minimize: figures or expressions, any number; the objectives of the sweep where it is left out. A run that kept
            only its front can be asked for its own objectives or some of them.

    Raises:
        UnknownNameError: no such figure. UsageError: other objectives than those of a front that was kept alone.
        StoreError: no such store or run.
    """
    opened = open_run(run, name)
    own = tuple(expression.text for expression in opened.space.minimize)
    texts = tuple(minimize) or own
    objectives = _expressions(opened, texts, "minimize")
    if opened.keep == "front" and not set(texts) <= set(own):
        raise UsageError(
            f"run {opened.name} keeps only the front of {', '.join(own)}, which says nothing about "
            f"{', '.join(t for t in texts if t not in own)}. Sweep again with keep='all' (--keep all), or with these "
            "objectives."
        )
    if texts == own:
        parts, n_searched = [opened.front], round(opened.n_points * opened.share)
    else:
        parts, n_searched = [], 0
        for rows in opened.blocks():
            allowed = rows[rows.allowed]
            n_searched += len(rows)
            parts = [_best(joined_rows([*parts, allowed]), objectives, opened)]
    rows = _best(joined_rows(parts), objectives, opened)
    values = _values(rows, objectives, opened)
    order = np.lexsort((rows.numbers, *values.T[::-1]))
    records = records_of(rows[order], opened.space)
    return Front(opened.name, opened.space.title, texts, values[order], records, n_searched, _remarks(opened))


def query(run: RunLike, where: str = "legal", *, top: int | None = 10, by: str = "", name: str | None = None) -> Answer:
    """Return the points of a run that satisfy a condition, best first.

    Args:
        run: a `Sweep`, or the path of a store.
        name: of the run in the store; the newest by default.
        where: a condition such as ``device.pe_dim >= 128 and latency_s < 1``.
        top: how many; all where None.
        by: figure or expression to order by; the first objective where it is left out.

    Raises:
        UsageError: a condition that cannot be read; UnknownNameError: a name in it that nobody owns.
    """
    opened = open_run(run, name)
    if top is not None and top < 1:
        raise UsageError(f"query: top = {top} points; ask for at least 1.")
    condition = _expressions(opened, (where,), "query", extra=("legal", "allowed"))[0]
    key_text = by or opened.space.minimize[0].text
    key = _expressions(opened, (key_text,), "by")[0]
    parts: list[Rows] = []
    n_matching = n_searched = 0
    for rows in opened.blocks():
        matching = rows[_holds(condition, rows, opened)]
        n_searched, n_matching = n_searched + len(rows), n_matching + len(matching)
        parts = [_first(joined_rows([*parts, matching]), key, opened, top)]
    records = records_of(joined_rows(parts), opened.space)
    return Answer(opened.name, where, key_text, records, n_matching, n_searched, _remarks(opened))


def _expressions(run: Run, texts: Iterable[str], where: str, extra: Sequence[str] = ()) -> list[Expression]:
    out = [Expression(text, where) for text in texts]
    for expression in out:
        expression.check_names([*run.space.names, *extra])
    return out


def _holds(condition: Expression, rows: Rows, run: Run) -> NDArray[np.bool_]:
    """Where the condition holds; illegal points have no figures and never match one about them."""
    columns = _WithFlags(rows, run.space)
    with np.errstate(invalid="ignore"):
        found = np.broadcast_to(np.asarray(condition.value(columns)), (len(rows),))
    if found.dtype != np.bool_:
        raise UsageError(f"query: {condition.text!r} is a quantity, not a condition. Write '{condition.text} < 1'.")
    asks_legality = "legal" in condition.names or "allowed" in condition.names
    return np.array(found if asks_legality else found & rows.legal)


class _WithFlags(Columns):
    """Columns with `legal` and `allowed` among them."""

    def __getitem__(self, name: str) -> Any:
        if name in ("legal", "allowed"):
            return self.rows.legal if name == "legal" else self.rows.allowed
        return super().__getitem__(name)


def _values(rows: Rows, objectives: Sequence[Expression], run: Run) -> NDArray[np.float64]:
    columns = Columns(rows, run.space)
    found = [np.broadcast_to(np.asarray(e.value(columns), dtype=float), (len(rows),)) for e in objectives]
    return np.stack(found, axis=1) if found else np.zeros((len(rows), 0))


def _best(rows: Rows, objectives: Sequence[Expression], run: Run) -> Rows:
    return rows[pareto_front(_values(rows, objectives, run), rows.numbers)]


def _first(rows: Rows, key: Expression, run: Run, top: int | None) -> Rows:
    """The least by `key`; equal ones by their number."""
    order = np.lexsort((rows.numbers, _values(rows, [key], run)[:, 0]))
    return rows[order if top is None else order[:top]]


def _remarks(run: Run) -> tuple[str, ...]:
    out = []
    if run.share < 1.0:
        out.append(f"The run is {run.share:.1%} done; the same sweep line goes on with it.")
    if run.n_sampled:
        out.append(f"A sample of {run.n_sampled:,} of {run.space.size:,} points.")
    if run.keep == "front":
        out.append("The run keeps its Pareto front only; sweep with keep='all' (--keep all) to ask every point.")
    return tuple(out)
