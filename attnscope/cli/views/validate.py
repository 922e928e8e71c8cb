"""Published against ours."""

from collections.abc import Iterable, Iterator
from typing import Any

from attnscope.cli.render import BAD, GOOD, facts, heading, left, mark, styled, table
from attnscope.cli.verbs.validate import Validation
from attnscope.cli.views.estimate import section
from attnscope.validation.report import Report, Row, Summary


def validate_view(found: Validation) -> Iterator[Any]:
    """Yield each family: errors by quantity, means, worst rows, notes, verdict."""
    for number, report in enumerate(found.reports):
        if number:
            yield ""
        yield from _report(report, found)


def _report(report: Report, found: Validation) -> Iterator[Any]:
    yield heading(f"{report.family}: ours against {len(report.rows):,} published figures")
    yield from section("Errors by quantity", _summaries(report), "absolute values")
    means = [row for row in report.rows if row.quantity.startswith(("mean ", "geometric mean "))]
    if means:
        yield from section("Means", _rows(means))
    if found.rows:
        yield from section("All rows", _rows(report.rows))
    else:
        worst = report.worst(found.worst)
        yield from section(f"The {len(worst)} rows nearest to or beyond their tolerance", _rows(worst))
    if report.notes:
        yield from section("Notes", facts(("•", note) for note in report.notes))
    yield ""
    yield _verdict(report)


def _verdict(report: Report) -> Any:
    judged = sum(row.tolerance is not None for row in report.rows)
    if report.ok:
        return styled(f"✓ all {judged:,} judged figures are within tolerance", GOOD)
    return styled(f"✗ {len(report.failures):,} of {judged:,} judged figures are beyond tolerance", BAD)


def _summaries(report: Report) -> Any:
    absolute = {(row.quantity, row.tolerance): row.absolute for row in report.rows}
    rows = (_summary(s, absolute[s.quantity, s.tolerance]) for s in report.summaries())
    columns = (left(), left("quantity", wrap=True), "rows", "mean", "median", "p95", "max", "allowed")
    return table(columns, rows)


def _summary(s: Summary, absolute: bool) -> tuple[Any, ...]:
    figures = (_size(value, absolute) for value in (s.mean, s.median, s.p95, s.max))
    judged = s.tolerance is not None
    return (mark(not s.outside) if judged else "", s.quantity, f"{s.count}", *figures, _allowed(s.tolerance, absolute))


def _rows(rows: Iterable[Row]) -> Any:
    cells = (
        (
            mark(row.ok) if row.tolerance is not None else "",
            f"{row.case}: {row.quantity}",
            _figure(row.published),
            _figure(row.ours),
            _signed(row.error, row.absolute),
            _allowed(row.tolerance, row.absolute),
        )
        for row in rows
    )
    columns = (left(), left("case and quantity", wrap=True), "published", "ours", "error", "allowed")
    return table(columns, cells)


def _figure(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, int | float) else str(value)


def _size(error: float, absolute: bool) -> str:
    return f"{error:.3g}" if absolute else f"{100 * error:.3f} %"


def _signed(error: float, absolute: bool) -> str:
    return f"{error:+.3g}" if absolute else f"{100 * error:+.3f} %"


def _allowed(tolerance: float | None, absolute: bool) -> str:
    if tolerance is None:
        return "–"
    return f"{tolerance:.3g}" if absolute else f"{100 * tolerance:.3g} %"
