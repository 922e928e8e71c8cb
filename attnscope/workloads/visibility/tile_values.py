"""Values of the tile model: a tiling, its counts, and the statistics that are reported."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Mode = Literal["static", "dynamic", "flat"]


@dataclass(frozen=True)
class Tiling:
    """A pair of tile shapes and the way KV tiles are laid."""

    q_tile: tuple[int, ...]
    kv_tile: tuple[int, ...]
    mode: Mode = "static"

    @property
    def q_size(self) -> int:
        """Queries per tile, the M of the tile's GEMM."""
        return math.prod(self.q_tile)

    @property
    def kv_size(self) -> int:
        """Keys per tile, the N of the tile's GEMM."""
        return math.prod(self.kv_tile)


@dataclass(frozen=True)
class TileCounts:
    """Exact counts over all Q tiles of one unit; the fields are those of `TileStatistics`."""

    n_q_tiles: int
    n_kv_tiles: int
    visits_total: int
    visits_min: int
    visits_max: int
    full: int
    ragged: int
    padded_queries: int
    padded_keys: int


@dataclass(frozen=True)
class TileStatistics:
    """What a tiled kernel does under a mask, per head; sums over heads or layers where `n_units` > 1.

    Attributes:
        q_tile, kv_tile, mode: the tiling.
        n_queries, n_keys: tokens of one unit.
        n_units: heads or layers summed (1 for a plain mask).
        n_q_tiles: Q tiles of all units.
        n_kv_tiles: KV tiles that dense attention visits per Q tile.
        visits_total, visits_min, visits_max: KV tiles visited: all Q tiles together, best and worst Q tile.
        full: visited tiles whose part inside the grid has no masked pair.
        ragged: full tiles that hang over the end of the keys: they need a padding mask, but no fine mask.
        total_pairs: visible pairs.
        padded_queries, padded_keys: tokens after padding each axis to a multiple of tile x dilation.
        visits_mean, partial, empty, partial_fraction, block_sparse: derived from these.
        flopwise_speedup: all pairs / visible pairs.
        mean_speedup: dense visits / mean visits over Q tiles.
        worst_speedup: dense visits / visits of the worst Q tile (what NATTENSim reports).
        efficiency: visible pairs / pairs computed in visited tiles.
    """

    q_tile: tuple[int, ...]
    kv_tile: tuple[int, ...]
    mode: Mode
    n_queries: int
    n_keys: int
    n_q_tiles: int
    n_kv_tiles: int
    visits_total: int
    visits_min: int
    visits_max: int
    full: int
    ragged: int
    total_pairs: int
    padded_queries: int
    padded_keys: int
    n_units: int = 1
    visits_mean: float = field(init=False)
    partial: int = field(init=False)
    empty: int = field(init=False)
    partial_fraction: float = field(init=False)
    block_sparse: bool = field(init=False)
    flopwise_speedup: float = field(init=False)
    mean_speedup: float = field(init=False)
    worst_speedup: float = field(init=False)
    efficiency: float = field(init=False)

    def __post_init__(self) -> None:
        computed = self.visits_total * math.prod(self.q_tile) * math.prod(self.kv_tile)
        mean = self.visits_total / self.n_q_tiles
        derived = {
            "visits_mean": mean,
            "partial": self.visits_total - self.full,
            "empty": self.n_q_tiles * self.n_kv_tiles - self.visits_total,
            "partial_fraction": (self.visits_total - self.full) / self.visits_total,
            "block_sparse": self.full == self.visits_total,
            "flopwise_speedup": self.n_units * self.n_queries * self.n_keys / self.total_pairs,
            "mean_speedup": self.n_kv_tiles / mean,
            "worst_speedup": self.n_kv_tiles / self.visits_max,
            "efficiency": self.total_pairs / computed,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, ready for JSON."""
        return asdict(self)
