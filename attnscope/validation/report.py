"""What a validation says: rows of published against ours, errors with their spread, whether each is in tolerance."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from statistics import fmean, median
from typing import Any

WORST = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what was published, what the model says. A row without tolerance informs and is never out of it.

    `error` is relative to the published figure, or the plain difference where `absolute`.
    """

    case: str
    quantity: str
    published: float
    ours: float
    tolerance: float | None = None
    absolute: bool = False
    note: str = ""

    @property
    def error(self) -> float:
        """Ours against published: relative, or absolute where the row says so."""
        if self.absolute or not self.published:
            return self.ours - self.published
        return self.ours / self.published - 1.0

    @property
    def ok(self) -> bool:
        """Whether the error is within the row's tolerance."""
        return self.tolerance is None or abs(self.error) <= self.tolerance


@dataclass(frozen=True, slots=True)
class Summary:
    """Errors of one quantity by size: count, mean, median, 95th percentile and maximum of the absolute error."""

    quantity: str
    count: int
    mean: float
    median: float
    p95: float
    max: float
    tolerance: float | None
    outside: int


@dataclass(frozen=True)
class Report:
    """All rows of one family of references, with notes on how they were made."""

    family: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every row is in tolerance."""
        return all(row.ok for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """Rows out of tolerance."""
        return tuple(row for row in self.rows if not row.ok)

    def summaries(self) -> tuple[Summary, ...]:
        """Return one summary per quantity and tolerance, in order of first appearance."""
        groups: dict[tuple[str, float | None], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.quantity, row.tolerance), []).append(row)
        return tuple(_summary(quantity, tolerance, rows) for (quantity, tolerance), rows in groups.items())

    def worst(self, count: int = WORST) -> tuple[Row, ...]:
        """Return the rows nearest to or beyond their tolerance, worst first."""
        judged = [row for row in self.rows if row.tolerance is not None]
        return tuple(sorted(judged, key=lambda row: -abs(row.error) / (row.tolerance or 1e-12))[:count])

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per figure."""
        return [{**asdict(row), "error": row.error, "ok": row.ok} for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "family": self.family,
            "ok": self.ok,
            "summaries": [asdict(summary) for summary in self.summaries()],
            "worst": [{**asdict(row), "error": row.error, "ok": row.ok} for row in self.worst()],
            "rows": self.to_records(),
            "notes": list(self.notes),
        }


def _summary(quantity: str, tolerance: float | None, rows: Sequence[Row]) -> Summary:
    errors = sorted(abs(row.error) for row in rows)
    p95 = errors[min(len(errors) - 1, round(0.95 * (len(errors) - 1) + 0.4999))]
    outside = sum(not row.ok for row in rows)
    return Summary(quantity, len(rows), fmean(errors), median(errors), p95, errors[-1], tolerance, outside)


def facts(name: str) -> Iterable[dict[str, str]]:
    """Yield the rows of a table of published figures that ships with the package; `#` lines are its source."""
    text = (resources.files("attnscope.validation") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
