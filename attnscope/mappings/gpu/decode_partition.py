"""Stream-K ("lean") decode attention: all KV tiles of all heads on one line, cut into equal pieces, one per CTA.

The rule is that of the authors' kernel in ONNX Runtime (contrib_ops/cuda/bert/lean_attention) for Lean Attention (arXiv
2405.10480): a piece may span heads; the CTA that owns a head's first tile merges the partial results of the others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attnscope.errors import UsageError
from attnscope.mappings.gpu.decode_splits import TILE_ROWS

CTAS_PER_SM = 2
PIECES_PER_HEAD = 32  # most CTAs per head that the kernel launches
LEAST_TILES = 2


def lean_tile_keys(head_dim: int) -> int:
    """Keys of a tile: 256 up to head dim 64, 128 up to 128, then 64."""
    return 256 if head_dim <= 64 else 128 if head_dim <= 128 else 64


@dataclass(frozen=True)
class Partition:
    """How the line of tiles is cut.

    Attributes:
        unit_tiles: tiles of each unit (sequence x KV head), in the order of the line.
        key_tiles: KV tiles of the longest context.
        grid: CTAs. `max_tiles`: tiles of the first `full_ctas` of them; the others have one less.
        n_splits: partial results reserved per head.
    """

    unit_tiles: tuple[int, ...]
    key_tiles: int
    grid: int
    max_tiles: int
    full_ctas: int
    n_splits: int

    @property
    def total_tiles(self) -> int:
        """Tiles of all units."""
        return sum(self.unit_tiles)

    @property
    def efficiency(self) -> float:
        """Tiles over the tiles that the grid could have worked off in the time of its longest CTA."""
        return self.total_tiles / (self.grid * self.max_tiles)

    @property
    def cuts(self) -> tuple[int, ...]:
        """First tile of each CTA on the line, and the end of the line."""
        first = [min(c, self.full_ctas) + c * (self.max_tiles - 1) for c in range(self.grid)]
        return (*first, self.total_tiles)

    def pieces(self) -> tuple[tuple[int, int, int, int], ...]:
        """Every piece as (CTA, unit, first tile, end) with tiles counted from the start of the unit."""
        cuts, starts = self.cuts, [0]
        for tiles in self.unit_tiles:
            starts.append(starts[-1] + tiles)
        found, unit = [], 0
        for cta in range(self.grid):
            at = cuts[cta]
            while at < cuts[cta + 1]:
                while starts[unit + 1] <= at:
                    unit += 1
                end = min(cuts[cta + 1], starts[unit + 1])
                found.append((cta, unit, at - starts[unit], end - starts[unit]))
                at = end
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of the partition table."""
        return {
            "total_tiles": self.total_tiles,
            "grid": self.grid,
            "max_tiles_per_cta": self.max_tiles,
            "full_ctas": self.full_ctas,
            "n_splits": self.n_splits,
            "efficiency": self.efficiency,
        }


def lean_partition(
    n_sms: int,
    kv_heads: int,
    head_dim: int,
    contexts: Sequence[int],
    *,
    n_queries: int = 1,
    causal: bool = False,
) -> Partition:
    """Return the partition of one layer.

    Args:
        n_sms: SMs of the device.
        kv_heads: KV heads; the query heads that share one are rows of its tiles.
        head_dim: width of a key.
        contexts: keys of each sequence.
        n_queries: queries per sequence: 1 in decode.
        causal: whether query tiles skip the keys after them (prefill).

    Raises:
        UsageError: no sequence, or a context below 1.
    """
    if not contexts or min(contexts) < 1:
        raise UsageError(
            "stream-K partition: every sequence needs a context of at least 1 key; nearest legal value: 1."
        )
    keys, row_tiles = lean_tile_keys(head_dim), math.ceil(n_queries / TILE_ROWS)
    per_sequence = [_tiles(length, keys, row_tiles, causal) for length in contexts]
    units = tuple(tiles for tiles in per_sequence for _ in range(kv_heads))
    total, key_tiles = sum(units), math.ceil(max(contexts) / keys)
    if total <= 2 * CTAS_PER_SM * n_sms:
        grid = min(math.ceil(total / LEAST_TILES), math.ceil(PIECES_PER_HEAD * total / key_tiles))
    else:
        grid = min(CTAS_PER_SM * n_sms, PIECES_PER_HEAD * len(units) * row_tiles)
    most = math.ceil(total / grid)
    full = total - (most - 1) * grid
    shortest = most if total % grid == 0 else most - 1
    return Partition(units, key_tiles, grid, most, full, 1 + math.ceil((key_tiles - 1) / shortest))


def _tiles(keys: int, tile_keys: int, row_tiles: int, causal: bool) -> int:
    if causal:
        return sum(math.ceil((i + 1) * TILE_ROWS / tile_keys) for i in range(row_tiles))
    return row_tiles * math.ceil(keys / tile_keys)
