"""Cascades against their references."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BAD, GOOD, heading, left, mark, styled, table
from attnscope.cli.verbs.cascade.check import Checks
from attnscope.einsum_cascade import CheckReport


def check_view(found: Checks) -> Iterator[Any]:
    """Yield the cases of one cascade; one row per cascade, and the cases that fail, where there are several."""
    if len(found.reports) == 1:
        yield from _report(found.reports[0])
        return
    yield table(
        [left(), left("cascade"), left("reference", wrap=True), "cases", "fp64", "fp32"], map(_row, found.reports)
    )
    for report in found.reports:
        if not report.passed:
            yield ""
            yield from _report(report)
    n_passed = sum(report.passed for report in found.reports)
    yield ""
    yield styled(f"{n_passed} of {len(found.reports)} cascades equal their reference.", GOOD if found.passed else BAD)


def _row(report: CheckReport) -> tuple[Any, ...]:
    n_passed = sum(case.passed for case in report.cases)
    worst = (_worst(report, dtype) for dtype in ("float64", "float32"))
    return (mark(report.passed), report.cascade, report.reference, f"{n_passed}/{len(report.cases)}", *worst)


def _worst(report: CheckReport, dtype: str) -> str:
    """Largest relative error of the cases that ran in one type."""
    errors = [case.max_rel_error for case in report.cases if case.dtype == dtype]
    return f"{max(errors):.1e}" if errors else ""


def _report(report: CheckReport) -> Iterator[Any]:
    verdict = "equals" if report.passed else "does NOT equal"
    yield heading(f"{report.cascade} {verdict} {report.reference}")
    rows = (
        (
            mark(case.passed),
            case.name,
            case.dtype,
            f"{case.max_abs_error:.1e}",
            f"{case.max_rel_error:.1e}",
            f"{case.tolerance:.0e}",
            " ".join(f"{rank}={size}" for rank, size in case.sizes.items()),
        )
        for case in report.cases
    )
    yield table(
        [left(), left("case"), left("type"), "max error", "relative", "allowed", left("sizes", wrap=True)], rows
    )
