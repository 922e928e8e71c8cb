"""Reading published tables of measured latencies, and the fixed split into rows to fit on and rows to report.

A row belongs to the calibration set if the SHA-256 of its family and its key columns is among the hundred smallest of
the eligible rows of its table. Eligible are all rows but prefill rows of less than 256 tokens.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from attnscope.errors import SpecError
from attnscope.mappings.gpu.library_shapes import AttentionShapes, Family, GemmShapes

FIT_ROWS = 100
LEAST_LENGTH = 256  # shorter prompts than a few tiles are launch time, which the longer ones tell as well
COLUMNS: dict[Family, tuple[str, ...]] = {
    "prefill": ("batch_size", "q_heads", "kv_heads", "head_dim", "isl", "window"),
    "decode": ("batch_size", "q_heads", "kv_heads", "head_dim", "kv_len", "window"),
    "gemm": ("m", "n", "k"),
}
LATENCY = "latency_ms"
_KINDS: dict[str, Family] = {"context_attention": "prefill", "generation_attention": "decode", "gemm": "gemm"}
_NAME = re.compile(
    r"(?P<kind>context_attention|generation_attention|gemm)_bf16_(?P<device>[a-z0-9]+)(_[a-z]+)?_(?P<library>[a-z]+[0-9.]+)"
)


@dataclass(frozen=True)
class Table:
    """A table of measured latencies.

    Attributes:
        name: the file's name without its ending. `family`, `device`, `library`: read off the name.
        shapes: sizes of the calls. `measured_s`: their latencies [n_rows]. `calibration`: rows to fit on [n_rows].
        same_key: rows whose key is that of a calibration row (shapes measured twice) [n_rows].
    """

    name: str
    family: Family
    device: str
    library: str
    shapes: AttentionShapes | GemmShapes
    measured_s: npt.NDArray[np.float64]
    calibration: npt.NDArray[np.bool_]
    same_key: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.bool_]) -> "Table":
        """The table with some rows only."""
        columns = (self.measured_s[rows], self.calibration[rows], self.same_key[rows])
        return Table(self.name, self.family, self.device, self.library, self.shapes.take(rows), *columns)

    @property
    def fit(self) -> "Table":
        """Rows to fit on."""
        return self.take(self.calibration)

    @property
    def reported(self) -> "Table":
        """All rows but those to fit on and their repetitions."""
        return self.take(~self.same_key)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens, or rows of a matrix product."""
        return self.shapes.m if isinstance(self.shapes, GemmShapes) else self.shapes.length


def find_tables(folder: Path) -> tuple[Path, ...]:
    """Tables in `folder` or one level below it whose names say kind, device and library, sorted.

    Raises:
        SpecError: there is no such folder.
    """
    if not folder.is_dir():
        raise SpecError(
            f"{folder}: no such folder. Give a folder with tables named like gemm_bf16_h200_vllm0.14.0.csv."
        )
    return tuple(p for p in sorted([*folder.glob("*.csv"), *folder.glob("*/*.csv")]) if _NAME.fullmatch(p.stem))


def read_table(path: Path) -> Table:
    """Read one table.

    Raises:
        SpecError: the name says no kind, device and library; a column is missing; a value is no positive number.
    """
    named = _NAME.fullmatch(path.stem)
    if named is None:
        raise SpecError(
            f"{path}: the name does not say kind, device and library. Name it like gemm_bf16_h200_vllm0.14.0.csv."
        )
    family = _KINDS[named["kind"]]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(_rows(path, csv.DictReader(file), COLUMNS[family]))
    except FileNotFoundError:
        raise SpecError(
            f"{path}: no such file. Give a CSV with the columns {', '.join(COLUMNS[family])}, {LATENCY}."
        ) from None
    if not rows:
        raise SpecError(f"{path}: no rows. Give at least one measured latency.")
    keys = [key for key, _ in rows]
    kind = GemmShapes if family == "gemm" else AttentionShapes
    chosen = _calibration(family, keys)
    fitted = {keys[i] for i in chosen}
    is_fit = np.zeros(len(rows), dtype=bool)
    is_fit[chosen] = True
    same = np.array([key in fitted for key in keys])
    latencies = np.array([latency for _, latency in rows])
    return Table(path.stem, family, named["device"], named["library"], kind.of(keys), latencies, is_fit, same)


def _rows(
    path: Path, reader: "csv.DictReader[str]", columns: tuple[str, ...]
) -> Iterator[tuple[tuple[int, ...], float]]:
    missing = [name for name in (*columns, LATENCY) if name not in (reader.fieldnames or ())]
    if missing:
        raise SpecError(
            f"{path}: the columns {', '.join(missing)} are missing. Expected: {', '.join((*columns, LATENCY))}."
        )
    for line, row in enumerate(reader, start=2):
        try:
            key, latency = tuple(int(row[name]) for name in columns), float(row[LATENCY]) * 1e-3
        except (TypeError, ValueError):
            raise SpecError(f"{path}: line {line} holds a value that is no number. Mend or remove the line.") from None
        if latency <= 0 or min(value for name, value in zip(columns, key, strict=True) if name != "window") < 1:
            raise SpecError(
                f"{path}: line {line} holds a size or latency below the least possible. Mend or remove the line."
            )
        yield key, latency


def rank(family: Family, key: tuple[int, ...]) -> str:
    """The number that decides on the split: SHA-256 of the family and the key columns, in hexadecimal."""
    return hashlib.sha256(f"{family} {','.join(map(str, key))}".encode()).hexdigest()


def _calibration(family: Family, keys: list[tuple[int, ...]]) -> list[int]:
    eligible = [i for i, key in enumerate(keys) if _eligible(family, key)]
    return sorted(eligible, key=lambda i: rank(family, keys[i]))[:FIT_ROWS]


def _eligible(family: Family, key: tuple[int, ...]) -> bool:
    return family != "prefill" or key[4] >= LEAST_LENGTH
