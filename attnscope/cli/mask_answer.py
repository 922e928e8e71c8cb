"""What `attnscope mask show` answers: a mask, some of its queries, its counts and its tiles."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from attnscope.cli.figures import save_figure
from attnscope.cli.output import Record
from attnscope.errors import UsageError
from attnscope.workloads.visibility import (
    KeyStatistics,
    Mask,
    Mixture,
    TilePicture,
    TileStatistics,
    find_mask,
    key_picture,
    mask_from_spec,
    parse_layout,
    tile_picture,
    tile_statistics,
)
from attnscope.workloads.visibility.registry import check_parameters

_MOST_TILES_DRAWN = 96


@dataclass(frozen=True)
class MaskAnswer:
    """A mask as it was asked for.

    Attributes:
        name: family of the mask. `params`: how it was made.
        mask: the mask, or the mixture of heads or layers.
        queries: indices of the queries to draw.
        keys: keys per query.
        tiles: counts for one tiling, where one was asked for.
        tile_picture: states of the tiles, of all Q tiles or of one in the middle.
    """

    name: str
    params: dict[str, str]
    mask: Mask | Mixture
    queries: tuple[int, ...]
    keys: KeyStatistics
    tiles: TileStatistics | None
    tile_picture: TilePicture | None

    @property
    def parts(self) -> tuple[tuple[str, Mask], ...]:
        """The masks to draw, with a heading each; several where heads or layers differ."""
        return tuple(_parts(self.mask, ""))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; the keys that each query sees as indices."""
        seen = [
            {"part": title, "query": query, "keys": [int(k) for k in mask.visible(query)]}
            for title, mask in self.parts
            for query in self.queries
        ]
        tiles = {"tiles": self.tiles.to_dict()} if self.tiles else {}
        return {"mask": self.name, "params": self.params, "keys_per_query": vars(self.keys), "queries": seen, **tiles}

    def to_records(self) -> list[Record]:
        """Return the counts as one row."""
        row: Record = {"mask": self.name, **self.params, **{f"keys_{n}": v for n, v in vars(self.keys).items()}}
        return [row | ({f"tiles_{n}": v for n, v in self.tiles.to_dict().items()} if self.tiles else {})]

    def save(self, path: Path) -> None:
        """Draw the queries and the tiles of the first part to a file."""
        from attnscope.workloads.visibility.plot import plot_mask

        mask = self.parts[0][1]
        save_figure(plot_mask([key_picture(mask, query) for query in self.queries], self.tile_picture), path)


def look(
    name: str,
    params: dict[str, str],
    queries: Sequence[str] = (),
    *,
    q_tile: str | None = None,
    kv_tile: str | None = None,
    tiling: Any = "static",
) -> MaskAnswer:
    """Return a mask by name with what is asked of it.

    Args:
        name: family of the mask.
        params: its parameters, as text.
        queries: coordinates or indices; the query in the middle where there are none.
        q_tile: queries per tile and axis; tiles are counted where it or `kv_tile` is given.
        kv_tile: keys per tile and axis.
        tiling: static, dynamic or flat.

    Raises:
        UsageError: an illegal mask, query or tile; says which rule is broken and what would do.
    """
    check_parameters(find_mask(name), params)
    made = mask_from_spec(name, **params)
    layout = made.layout
    chosen = tuple(_index(text, layout) for text in queries) or (_middle(layout),)
    pair = q_tile or kv_tile
    counts = picture = None
    if pair:
        shapes = parse_layout(q_tile or pair), parse_layout(kv_tile or pair)
        counts = tile_statistics(made, *shapes, tiling)
        picture = _tile_picture(next(_parts(made, ""))[1], shapes, tiling)
    return MaskAnswer(name, params, made, chosen, made.keys_per_query(), counts, picture)


def _parts(mask: Mask | Mixture, title: str) -> Any:
    if isinstance(mask, Mask):
        yield title, mask
        return
    for number, part in mask.parts:
        name = f"{number} of {mask.n_units}: {_describe(part)}"
        yield from _parts(part, f"{title}, {name}" if title else name)


def _describe(part: Mask | Mixture) -> str:
    """A part's kind with what tells it from its neighbours: ``ShiftedWindows, window 4x4, shift 2x2``."""
    names = [f.name for f in fields(part) if f.name not in ("layout", "n_queries", "n_keys")]  # type: ignore[arg-type]
    shown = {n: getattr(part, n) for n in names}
    plain = {
        n: _shape(v) if isinstance(v, tuple) else v for n, v in shown.items() if isinstance(v, int | float | tuple)
    }
    return ", ".join([type(part).__name__, *(f"{n.replace('_', ' ')} {v}" for n, v in plain.items())])


def _tile_picture(mask: Mask, shapes: tuple[tuple[int, ...], tuple[int, ...]], tiling: Any) -> TilePicture | None:
    """All tiles where they are few, else those of the Q tile in the middle."""
    one = tile_statistics(mask, *shapes, tiling)
    few = max(one.n_q_tiles, one.n_kv_tiles) <= _MOST_TILES_DRAWN and tiling != "dynamic"
    return tile_picture(mask, *shapes, tiling, index=None if few else one.n_q_tiles // 2)


def _middle(layout: Sequence[int]) -> int:
    return int(np.ravel_multi_index(tuple(n // 2 for n in layout), tuple(layout)))


def _index(text: str, layout: tuple[int, ...]) -> int:
    """The number of a query from its coordinates, or from the number itself."""
    place = parse_layout(text)
    if len(place) == 1:
        return place[0]
    if len(place) != len(layout):
        raise UsageError(
            f"query {text!r} has {len(place)} coordinates, the layout {len(layout)} axes: {_shape(layout)}."
        )
    for axis, (value, length) in enumerate(zip(place, layout, strict=True)):
        if not 0 <= value < length:
            near = min(max(value, 0), length - 1)
            raise UsageError(
                f"query {text!r}: coordinate {value} of axis {axis} is not in [0, {length}); nearest: {near}."
            )
    return int(np.ravel_multi_index(place, layout))


def _shape(layout: Sequence[int]) -> str:
    return "x".join(map(str, layout))
