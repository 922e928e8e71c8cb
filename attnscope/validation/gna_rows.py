"""Rows of the neighbourhood-attention validation, and rows that judge a whole group of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Any

from attnscope.specs import read_toml
from attnscope.validation.report import Row


@cache
def published() -> dict[str, Any]:
    """The published figures, typed in, with their sources."""
    with resources.as_file(resources.files("attnscope.validation") / "gna_published.toml") as path:
        return read_toml(Path(path))


def describe(values: Iterable[Any]) -> str:
    """Parts of a case's name joined by spaces, empty ones left out."""
    return " ".join(str(v) for v in values if str(v))


def counted(rows: Sequence[Row]) -> list[Row]:
    """Rows that are judged: those the model was calibrated on have no tolerance."""
    return [row for row in rows if row.tolerance is not None]


def with_mean(rows: Sequence[Row], limit: float) -> list[Row]:
    """The rows, and one more that holds their mean absolute error to `limit`."""
    judged = counted(rows)
    error = fmean(abs(row.error) for row in judged)
    quantity = f"{rows[0].quantity}, mean error"
    return [*rows, Row(f"{len(judged)} rows", quantity, 0.0, error, limit, absolute=True)]


def share_within(rows: Sequence[Row], bound: float, share: float) -> list[Row]:
    """The rows without tolerances, and one more: at least `share` of them within `bound`."""
    found = sum(abs(row.error) <= bound for row in rows) / len(rows)
    quantity = f"{rows[0].quantity}, share within {bound:g}"
    judge = Row(f"{len(rows)} rows", quantity, 1.0, found, 1.0 - share, absolute=True)
    return [*(replace(row, tolerance=None) for row in rows), judge]
