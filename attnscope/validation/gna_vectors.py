"""Masks and tile counts against reference vectors in a folder that the caller names."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np

from attnscope.validation.gna_rows import describe
from attnscope.validation.report import Row
from attnscope.workloads.visibility import Gna, Mode, parse_layout, tile_statistics

MASKS, TILES = "gna_masks.json", "nattensim_reconstructed.csv"
_MODES: dict[str, Mode] = {"multi-static": "static", "multi-dynamic": "dynamic", "single-static": "flat"}
_COUNTS = {
    "n_q_tiles": "n_q_tiles",
    "max_kv_tiles": "visits_max",
    "min_kv_tiles": "visits_min",
    "total_tile_visits": "visits_total",
}


def missing(reference: Path | None, file: str) -> str:
    """Why a reference file cannot be used; empty where it can."""
    if reference is None:
        return f"{file}: skipped, no reference folder was given"
    return "" if (reference / file).is_file() else f"{file}: skipped, {reference / file} does not exist"


def masks(reference: Path) -> list[Row]:
    """Every mask bit for bit, by the hash of its packed rows (1: equal), and its number of visible pairs."""
    rows = []
    for config in json.loads((reference / MASKS).read_text(encoding="utf-8"))["configs"]:
        keys = ("layout", "window", "stride", "dilation", "causal")
        mask = Gna(*(tuple(config[k]) for k in keys))
        full = np.stack([mask.row(q) for q in range(mask.n_queries)])
        digest = hashlib.sha256(np.packbits(full, axis=1).tobytes()).hexdigest()
        rows.append(Row(config["id"], "mask equal", 1.0, float(digest == config["sha256"]), 0.0, absolute=True))
        rows.append(Row(config["id"], "visible pairs", config["total_pairs"], mask.total_pairs, 0.0, absolute=True))
    return rows


def tile_counts(reference: Path) -> list[Row]:
    """Q tiles, and most, fewest and total visits of every listed tiling."""
    rows = []
    with (reference / TILES).open(encoding="utf-8", newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            layout, window, stride, dilation = (
                parse_layout(row[k]) for k in ("layout", "window", "stride", "dilation")
            )
            mask = Gna(layout, window, stride, dilation, tuple(flag == "1" for flag in row["causal"].split("x")))
            q_tile, kv_tile = parse_layout(row["q_tile"]), parse_layout(row["kv_tile"])
            tiles = tile_statistics(mask, q_tile, kv_tile, _MODES[row["tiling"]])
            case = describe([i, row["case"], row["window"], row["stride"], f"{row['q_tile']}/{row['kv_tile']}"])
            for theirs, ours in _COUNTS.items():
                rows.append(Row(case, theirs, float(row[theirs]), getattr(tiles, ours), 0.0, absolute=True))
    return rows
