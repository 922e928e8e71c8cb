"""Heads or layers with different masks over the same tokens."""

from dataclasses import dataclass

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import KeyStatistics, Mask
from attnscope.workloads.visibility.checks import check_shares
from attnscope.workloads.visibility.tile_values import TileCounts, Tiling
from attnscope.workloads.visibility.tiles import count_tiles


@dataclass(frozen=True)
class Mixture:
    """Counted masks: ``((8, Causal(n)), (24, Streaming(n, n, 256)))`` is 8 heads of one kind and 24 of another.

    Parts may be mixtures themselves (layers of heads), all of the same number of units. Sums run over all units; means
    and densities are per unit.

    Attributes:
        parts: (number of heads or layers, mask) pairs.

    Raises:
        UsageError: no parts, a number below 1, or parts over different tokens or of different numbers of units.
    """

    parts: tuple[tuple[int, "Mask | Mixture"], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple((n, m) for n, m in self.parts))
        check_shares([n for n, _ in self.parts])
        for what in ("n_queries", "n_keys", "n_units", "tile_rank"):
            values = [getattr(m, what) for _, m in self.parts]
            if len(set(values)) > 1:
                raise UsageError(f"parts of a mixture must have the same {what}; got {', '.join(map(str, values))}.")

    @property
    def n_units(self) -> int:
        """Number of heads, layers, or heads of all layers."""
        return sum(n * m.n_units for n, m in self.parts)

    @property
    def layout(self) -> tuple[int, ...]:
        """Grid of the queries of the first part."""
        return self.parts[0][1].layout

    @property
    def n_queries(self) -> int:
        """Queries of one unit."""
        return self.parts[0][1].n_queries

    @property
    def n_keys(self) -> int:
        """Keys of one unit."""
        return self.parts[0][1].n_keys

    @property
    def tile_rank(self) -> int:
        """Number of axes of a tile."""
        return self.parts[0][1].tile_rank

    @property
    def total_pairs(self) -> int:
        """Visible pairs, summed over all units."""
        return sum(n * m.total_pairs for n, m in self.parts)

    @property
    def density(self) -> float:
        """Visible pairs as a share of all pairs, mean over the units."""
        return self.total_pairs / (self.n_units * self.n_queries * self.n_keys)

    def keys_per_query(self) -> KeyStatistics:
        """Least, mean and most keys over all queries of all units; `total_pairs` sums over the units."""
        each = [m.keys_per_query() for _, m in self.parts]
        mean = self.total_pairs / (self.n_units * self.n_queries)
        return KeyStatistics(min(s.min for s in each), mean, max(s.max for s in each), self.total_pairs, self.density)


@count_tiles.register
def _(mask: Mixture, tiling: Tiling) -> TileCounts:
    """Sums over all units; least and most over all of their Q tiles. The dense baseline is that of the first part."""
    each = [(n, count_tiles(m, tiling)) for n, m in mask.parts]
    first = each[0][1]
    return TileCounts(
        n_q_tiles=sum(n * c.n_q_tiles for n, c in each),
        n_kv_tiles=first.n_kv_tiles,
        visits_total=sum(n * c.visits_total for n, c in each),
        visits_min=min(c.visits_min for _, c in each),
        visits_max=max(c.visits_max for _, c in each),
        full=sum(n * c.full for n, c in each),
        ragged=sum(n * c.ragged for n, c in each),
        padded_queries=max(c.padded_queries for _, c in each),
        padded_keys=max(c.padded_keys for _, c in each),
    )
