"""Tile pairs: the shape of a Q tile and of a KV tile, one extent per axis of the token grid."""

import math
from dataclasses import dataclass

from attnscope.errors import UsageError
from attnscope.workloads.visibility import parse_layout


@dataclass(frozen=True, order=True)
class TilePair:
    """A Q tile and a KV tile; reads and prints as ``4x8x8/2x8x8``."""

    q_tile: tuple[int, ...]
    kv_tile: tuple[int, ...]

    @classmethod
    def parse(cls, text: "str | TilePair") -> "TilePair":
        """Return the pair written as ``16x8/16x8``.

        Raises:
            UsageError: not two shapes, a size below 1, or shapes of different rank.
        """
        if isinstance(text, TilePair):
            return text
        parts = text.split("/")
        if len(parts) != 2:
            raise UsageError(f"tile pair {text!r}: write the Q tile, a slash and the KV tile, such as 16x8/16x8.")
        pair = cls(parse_layout(parts[0]), parse_layout(parts[1]))
        if pair.rank != len(pair.kv_tile):
            raise UsageError(f"tile pair {text!r}: the Q tile has {pair.rank} axes, the KV tile {len(pair.kv_tile)}.")
        if min(pair.q_tile + pair.kv_tile) < 1:
            raise UsageError(f"tile pair {text!r}: every extent must be >= 1.")
        return pair

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.q_tile)

    @property
    def q_size(self) -> int:
        """Queries per tile."""
        return math.prod(self.q_tile)

    @property
    def kv_size(self) -> int:
        """Keys per tile."""
        return math.prod(self.kv_tile)

    def distance(self, other: "TilePair") -> float:
        """How far apart two pairs of the same rank are: sum over all extents of the factor between them, in octaves."""
        ours, theirs = self.q_tile + self.kv_tile, other.q_tile + other.kv_tile
        return sum(abs(math.log2(a / b)) for a, b in zip(ours, theirs, strict=True))

    def __str__(self) -> str:
        return f"{format_axes(self.q_tile)}/{format_axes(self.kv_tile)}"


def format_axes(values: tuple[int, ...]) -> str:
    """Return extents as ``30x48x80``."""
    return "x".join(str(v) for v in values)
