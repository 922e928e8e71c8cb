"""Request traces: prompt and output lengths with arrivals, read from public files or drawn from their statistics."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.specs import Frozen, read_toml, validate

# Columns of the public files: arrival, prompt tokens, generated tokens, and seconds per unit of arrival.
COLUMNS = (
    ("arrived_at", "num_prefill_tokens", "num_decode_tokens", 1.0),
    ("timestamp_ms", "input_length", "output_length", 1e-3),
    ("timestamp", "input_length", "output_length", 1e-3),
)
_EXPECTED = " or ".join(",".join(names[:3]) for names in COLUMNS[:2])


@dataclass(frozen=True, eq=False)
class Trace:
    """Requests in order of arrival.

    Attributes:
        name: of the trace. `source`: where the requests come from.
        arrived_s: [n_requests] seconds since the first one.
        prompt: [n_requests] tokens of each prompt. `generated`: [n_requests] tokens of each answer.
        stand_in: whether the requests were drawn from published statistics because the file was not at hand.

    Raises:
        UsageError: no request, a prompt or an answer below 1 token, or arrays of unequal length.
    """

    name: str
    source: str
    arrived_s: NDArray[np.float64]
    prompt: NDArray[np.int64]
    generated: NDArray[np.int64]
    stand_in: bool = False

    def __post_init__(self) -> None:
        if not len(self.prompt):
            raise UsageError(f"trace {self.name}: holds no request. Give a file with at least one row.")
        if not len(self.prompt) == len(self.generated) == len(self.arrived_s):
            raise UsageError(f"trace {self.name}: prompts, answers and arrivals differ in number; give one of each.")
        for what, tokens in (("prompt", self.prompt), ("generated", self.generated)):
            bad = np.flatnonzero(tokens < 1)
            if bad.size:
                raise UsageError(
                    f"trace {self.name}: request {bad[0]} has {tokens[bad[0]]} {what} tokens; every request needs at "
                    "least 1. Leave such requests out."
                )

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return len(self.prompt)

    @property
    def mean_prompt(self) -> float:
        """Mean prompt tokens."""
        return float(self.prompt.mean())

    @property
    def mean_generated(self) -> float:
        """Mean generated tokens."""
        return float(self.generated.mean())

    @property
    def mean_context(self) -> float:
        """Prompt and half of the answer, of the mean request (Lamina, arXiv 2405.01814)."""
        return self.mean_prompt + self.mean_generated / 2.0

    @property
    def resident_context(self) -> float:
        """Context of a random request in flight: long answers stay longer, so they count more often."""
        stay = self.generated.astype(np.float64)
        return float(((self.prompt + stay / 2.0) * stay).sum() / stay.sum())

    def contexts(self, count: int) -> tuple[int, ...]:
        """Context lengths, half way through their answers, of `count` requests spread evenly over the trace."""
        at = np.arange(count) * self.n_requests // count
        return tuple(int(p + g // 2) for p, g in zip(self.prompt[at], self.generated[at], strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as plain values."""
        return {
            "name": self.name,
            "source": self.source,
            "stand_in": self.stand_in,
            "n_requests": self.n_requests,
            "mean_prompt_tokens": self.mean_prompt,
            "mean_generated_tokens": self.mean_generated,
            "mean_context_tokens": self.mean_context,
        }


def read_trace(path: str | Path, name: str = "") -> Trace:
    """Return the trace in a CSV file with the columns of the public traces.

    Raises:
        SpecError: no such file, unknown columns, or a value that is no number; names the line.
        UsageError: the trace is empty.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            names = _columns(file, reader.fieldnames or ())
            rows = [_row(file, number, row, names) for number, row in enumerate(reader, start=2)]
    except FileNotFoundError:
        raise SpecError(f"{file}: no such file. Give a CSV with the columns {_EXPECTED}.") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"{file}: not a text file: {error}.") from None
    return make_trace(name or file.stem, f"read from {file.name}", rows)


def make_trace(name: str, source: str, rows: Sequence[tuple[float, int, int]], *, stand_in: bool = False) -> Trace:
    """Return a trace of (arrival in seconds, prompt tokens, generated tokens), sorted by arrival.

    Raises:
        UsageError: no row.
    """
    ordered = sorted(rows, key=lambda row: row[0])
    start = ordered[0][0] if ordered else 0.0
    return Trace(
        name,
        source,
        np.array([row[0] - start for row in ordered], dtype=np.float64),
        np.array([row[1] for row in ordered], dtype=np.int64),
        np.array([row[2] for row in ordered], dtype=np.int64),
        stand_in,
    )


def _columns(file: Path, found: Sequence[str]) -> tuple[str, str, str, float]:
    for names in COLUMNS:
        if all(name in found for name in names[:3]):
            return names
    raise SpecError(f"{file}: the columns are {', '.join(found) or 'missing'}. Expected: {_EXPECTED}.")


def _row(file: Path, number: int, row: dict[str, str], names: tuple[str, str, str, float]) -> tuple[float, int, int]:
    try:
        return float(row[names[0]]) * names[3], int(float(row[names[1]])), int(float(row[names[2]]))
    except (TypeError, ValueError):
        values = ", ".join(f"{name}={row.get(name)!r}" for name in names[:3])
        raise SpecError(f"{file}, line {number}: not three numbers: {values}. Mend or remove the line.") from None


class TraceStatistics(Frozen):
    """Published statistics of a trace, from which a stand-in is drawn.

    `prompt_median` and `generated_median` are left out where none was published; `spread` is the standard deviation of
    the logarithm then.
    """

    files: tuple[str, ...]
    summary: str
    source: str
    n_requests: int = Field(gt=0)
    duration_s: float = Field(gt=0)
    prompt_mean: float = Field(gt=0)
    generated_mean: float = Field(gt=0)
    prompt_median: float | None = Field(default=None, gt=0)
    generated_median: float | None = Field(default=None, gt=0)
    spread: float = Field(default=1.0, gt=0)


@cache
def published_traces() -> dict[str, TraceStatistics]:
    """Statistics of the public traces, by name."""
    with resources.as_file(resources.files("attnscope.workloads") / "traces.toml") as path:
        table = read_toml(Path(path))
    return {name: validate(TraceStatistics, fields, f"trace {name}") for name, fields in table.items()}


def load_trace(name: str | Trace, reference: str | Path | None = None) -> Trace:
    """Return a trace by the path of a CSV file or by the name of a public trace.

    Args:
        name: a path that ends in ``.csv``, or a name such as ``azure-conv``.
        reference: folder that is searched, with its folder ``traces``, for the file of the public trace.

    A public trace whose file is not found is replaced by requests drawn from its published statistics; `Trace.stand_in`
    and `Trace.source` say so.

    Raises:
        UnknownNameError: no such trace; suggests the nearest.
        SpecError, UsageError: as `read_trace`.
    """
    if isinstance(name, Trace):
        return name
    if name.casefold().endswith(".csv"):
        return read_trace(name)
    known = published_traces()
    key = name.casefold().replace("_", "-")
    if key not in known:
        raise UnknownNameError("trace", name, known)
    folders = () if reference is None else (Path(reference), Path(reference) / "traces")
    for folder in folders:
        for file in known[key].files:
            if (folder / file).is_file():
                return read_trace(folder / file, key)
    return generated_trace(key)


def generated_trace(name: str, seed: int = 0) -> Trace:
    """Return requests drawn from the published statistics of a public trace: log-normal lengths, Poisson arrivals.

    The means of prompts and answers are met to within a token; the correlation of the two is not modelled.
    """
    known = published_traces()
    if name not in known:
        raise UnknownNameError("trace", name, known)
    stats = known[name]
    draw = np.random.default_rng(seed)
    prompt = _lengths(stats.n_requests, stats.prompt_mean, stats.prompt_median, stats.spread, draw)
    answer = _lengths(stats.n_requests, stats.generated_mean, stats.generated_median, stats.spread, draw)
    arrived = np.sort(draw.uniform(0.0, stats.duration_s, stats.n_requests))
    source = f"drawn from published statistics (seed {seed}), because no file of {name} was given: {stats.source}"
    return Trace(name, source, arrived - arrived[0], prompt, answer, stand_in=True)


def _lengths(
    count: int, mean: float, median: float | None, spread: float, draw: np.random.Generator
) -> NDArray[np.int64]:
    """Quantiles of a log-normal distribution in random order, scaled to the mean."""
    sigma = math.sqrt(2.0 * math.log(mean / median)) if median else spread
    normal = NormalDist()
    levels = np.array([normal.inv_cdf((i + 0.5) / count) for i in range(count)])
    lengths = np.exp(sigma * levels)
    for _ in range(8):
        lengths = np.maximum(1.0, lengths * (mean / np.maximum(1.0, np.rint(lengths)).mean()))
    return draw.permutation(np.maximum(1, np.rint(lengths)).astype(np.int64))
