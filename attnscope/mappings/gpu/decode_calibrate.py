"""Fitting the three constants of decode kernels to a table of measured latencies, and judging the rest of the table."""

import csv
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnscope.errors import SpecError
from attnscope.mappings.gpu.decode_constants import DecodeConstants
from attnscope.mappings.gpu.decode_work import Decode, decode_latency_s
from attnscope.simulator.gpu_device import GpuDevice

COLUMNS = ("batch_size", "q_heads", "kv_heads", "head_dim", "kv_len", "window", "latency_ms")
FIT_ROWS = 100
_ROUNDS = 12
_SOFT = (
    0.03  # errors below three percent count little: at the noise of the tables; beyond, the loss is the absolute error
)


@dataclass(frozen=True)
class Measured:
    """One row: a decode shape and its measured latency [s]."""

    work: Decode
    latency_s: float
    rank: str


def read_decode_table(path: Path, window: int = 0) -> tuple[Measured, ...]:
    """Return the rows of a table in AIConfigurator's columns, those with this `window` (0: full attention).

    Raises:
        SpecError: no such file, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_rows(path, csv.DictReader(file), window))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file. Give a CSV with the columns {', '.join(COLUMNS)}.") from None


def _rows(path: Path, reader: "csv.DictReader[str]", window: int) -> Iterator[Measured]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise SpecError(f"{path}: the columns {', '.join(missing)} are missing. Expected: {', '.join(COLUMNS)}.")
    for row in reader:
        batch, heads, kv_heads, width, keys, seen = (int(row[name]) for name in COLUMNS[:-1])
        if seen != window:
            continue
        text = f"{batch},{heads},{kv_heads},{width},{keys},{seen}"
        rank = hashlib.sha256(f"decode {text}".encode()).hexdigest()
        work = Decode(kv_heads, heads // kv_heads, width, width, 2, batch, keys, keys)
        yield Measured(work, float(row["latency_ms"]) * 1e-3, rank)


def split_rows(rows: Sequence[Measured]) -> tuple[tuple[Measured, ...], tuple[Measured, ...]]:
    """Return the rows to fit on (the first hundred by hash of the shape) and all others."""
    ordered = sorted(rows, key=lambda row: row.rank)
    return tuple(ordered[:FIT_ROWS]), tuple(ordered[FIT_ROWS:])


def fit_decode(rows: Sequence[Measured], device: GpuDevice, origin: str, *, pieces: int = 0) -> DecodeConstants:
    """Return the constants that fit `rows` best (smooth absolute log error), by golden-section search in turn.

    `pieces` is what the table's library grants a whole batch; 0 for the kernel's own split rule.
    """
    values = {"launch_s": 8e-6, "cta_s": 2e-6, "tile_s": 1e-6}

    def loss(trial: dict[str, float]) -> float:
        constants = DecodeConstants(**trial, origin=origin)
        logs = (
            math.log(decode_latency_s(r.work, device, constants, warm=True, pieces=pieces) / r.latency_s) for r in rows
        )
        return sum(math.sqrt(1.0 + (x / _SOFT) ** 2) - 1.0 for x in logs)

    for _ in range(_ROUNDS):
        for name, value in list(values.items()):
            values[name] = _golden(lambda x, name=name: loss({**values, name: x}), value)  # type: ignore[misc]
    return DecodeConstants(**{k: float(f"{v:.3g}") for k, v in values.items()}, origin=origin)


def _golden(loss: Callable[[float], float], start: float) -> float:
    """The minimum between a fifth and five times `start`, on a log scale."""
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = math.log(start / 5.0), math.log(start * 5.0)
    for _ in range(18):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(math.exp(left)) < loss(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2.0)
