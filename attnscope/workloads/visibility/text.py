"""Pictures of masks in plain characters."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import Mask
from attnscope.workloads.visibility.pictures import KeyPicture, TilePicture, key_picture, planes_of

UNSEEN, SOME, SEEN, QUERY = ".", "+", "#", "Q"
KEY_LEGEND = f"{SEEN} seen   {UNSEEN} not seen   {QUERY} the query"
TILE_LEGEND = f"{SEEN} full   {SOME} partial   {UNSEEN} empty"
GAP = "   "

Panel = tuple[str, list[str]]
Float64 = npt.NDArray[np.float64]


def render_text(mask: Mask, queries: Iterable[int], width: int = 100) -> str:
    """Draw the keys that some queries see on the grid of keys, one character per key (or per cell of keys).

    Grids wider than `width` are drawn in cells of several keys, where ``+`` means that some of them are seen. Planes of
    3-D grids, and several queries, stand side by side as far as they fit; planes without seen keys are left out and
    equal ones are drawn once.

    Args:
        mask: the mask.
        queries: indices of the queries to draw.
        width: characters per line.

    Raises:
        UsageError: a query that does not exist, or a width below 10.
    """
    if width < 10:
        raise UsageError(f"width {width}: must be >= 10; nearest legal value: 10.")
    pictures = [key_picture(mask, q) for q in queries]
    panels = [panel for picture in pictures for panel in _key_panels(picture, width)]
    step = _cell(pictures[0].seen.shape[-1], width) if pictures else 1
    legend = KEY_LEGEND if step == 1 else f"{KEY_LEGEND}   {SOME} some of {step} keys per axis"
    return "\n\n".join([*_arranged(panels, width), legend])


def render_tiles(picture: TilePicture, width: int = 100) -> str:
    """Draw tile states: rows are Q tiles and columns KV tiles, or the grid of KV tiles of one Q tile.

    Args:
        picture: what to draw.
        width: characters per line.
    """
    letters = np.array([UNSEEN, SOME, SEEN])[picture.states]
    q, kv = ("x".join(map(str, t)) for t in (picture.tiling.q_tile, picture.tiling.kv_tile))
    which = "rows: Q tiles, columns: KV tiles" if picture.q_tile is None else f"KV tiles of Q tile {picture.q_tile}"
    head = f"Q tile {q}, KV tile {kv}, {picture.tiling.mode}; {which}"
    deep = letters.ndim == 3
    panels = [(p.title if deep else "", ["".join(row) for row in p.cells]) for p in planes_of(letters)]
    return "\n\n".join([head, *_arranged(panels, width), TILE_LEGEND])


def _key_panels(picture: KeyPicture, width: int) -> list[Panel]:
    """One panel for each plane of the grid that holds a seen key or the query; equal neighbours are one panel."""
    step = _cell(picture.seen.shape[-1], width)
    shares = picture.seen.astype(np.float64)
    for axis in range(shares.ndim):
        shares = _joined(shares, axis, _step(picture, step, axis))
    name = f"query {picture.query}" + (f" at {picture.place}" if len(picture.place) > 1 else "")
    name += f", {picture.n_extra_seen} extra keys" if picture.n_extra_seen else ""
    z, place = _place(picture, step)
    panels = []
    for planes in planes_of(shares):
        letters = np.where(planes.cells == 0, UNSEEN, np.where(planes.cells == 1, SEEN, SOME))
        if place and planes.first <= z <= planes.last:
            letters[place] = QUERY
        if np.any(letters != UNSEEN):
            title = f"{name}, {planes.title}" if picture.seen.ndim == 3 else name
            panels.append((title, ["".join(row) for row in letters]))
    return panels


def _place(picture: KeyPicture, step: int) -> tuple[int, tuple[int, ...]]:
    """Plane of the query and its cell in it; no cell where the query has no place on the grid of keys."""
    if not picture.place:
        return 0, ()
    cells = [c // _step(picture, step, axis) for axis, c in enumerate(picture.place)]
    z, y, x = [0] * (3 - len(cells)) + cells
    return z, (y, x)


def _step(picture: KeyPicture, step: int, axis: int) -> int:
    return 1 if picture.seen.ndim == 3 and axis == 0 else step


def _joined(seen: Float64, axis: int, step: int) -> Float64:
    """Share of seen keys in cells of `step` keys along one axis; the last cell may be short."""
    first = np.arange(0, seen.shape[axis], step)
    sums = np.add.reduceat(seen, first, axis=axis)
    shape = [-1 if a == axis else 1 for a in range(seen.ndim)]
    shares: Float64 = sums / np.minimum(step, seen.shape[axis] - first).reshape(shape)
    return shares


def _cell(n_columns: int, width: int) -> int:
    """Keys per character so that a row fits."""
    return -(-n_columns // width)


def _arranged(panels: Sequence[Panel], width: int) -> list[str]:
    """Panels side by side, in as many rows of panels as needed."""
    rows: list[list[Panel]] = []
    used = width + 1
    for panel in panels:
        size = max(len(panel[0]), *map(len, panel[1])) + len(GAP)
        if used + size > width + len(GAP):
            rows.append([])
            used = 0
        rows[-1].append(panel)
        used += size
    return [_beside(row) for row in rows]


def _beside(row: Sequence[Panel]) -> str:
    blocks = [[title, *lines] if title else lines for title, lines in row]
    sizes = [max(map(len, block)) for block in blocks]
    height = max(map(len, blocks))
    lines = []
    for i in range(height):
        cells = [(block[i] if i < len(block) else "").ljust(size) for block, size in zip(blocks, sizes, strict=True)]
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines)
