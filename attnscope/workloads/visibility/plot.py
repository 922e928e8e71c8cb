"""Figures of masks. They draw the values of `pictures` and compute nothing; nothing is shown or saved here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from attnscope.workloads.visibility.pictures import KeyPicture, TilePicture, planes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#f2f2f2", "#f4a259", "#2f6690")  # empty, partial, full; unseen keys look empty, seen ones full
QUERY_COLOUR = "#bc4b51"
PANELS_PER_LINE = 6
WIDTH_IN = 12.0
MOST_HEIGHT_IN = 4.5


class Panel(NamedTuple):
    """One image: its title, the states [rows, columns], and the cell of the query (empty if it has none)."""

    title: str
    states: npt.NDArray[Any]
    place: tuple[int, ...] = ()


class Row(NamedTuple):
    """Panels that belong together, under one heading."""

    heading: str
    panels: list[Panel]

    @property
    def n_columns(self) -> int:
        """Panels on one line."""
        return min(len(self.panels), PANELS_PER_LINE)

    @property
    def n_lines(self) -> int:
        """Lines of panels."""
        return -(-len(self.panels) // PANELS_PER_LINE)

    @property
    def height_in(self) -> float:
        """Height of the row in inches, from the shape of its images."""
        aspect: float = max(p.states.shape[0] / p.states.shape[1] for p in self.panels)
        return 0.5 + self.n_lines * (0.5 + min(MOST_HEIGHT_IN, 0.9 * WIDTH_IN / self.n_columns * aspect))


def plot_mask(keys: Sequence[KeyPicture], tiles: TilePicture | None = None) -> "Figure":
    """Draw the keys that queries see, and below them the tiles.

    Args:
        keys: pictures of queries, all of one mask.
        tiles: picture of tiles, if wanted.

    Returns:
        A figure with an Agg canvas; ``figure.savefig(path)`` writes it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = _key_rows(keys) + ([_tile_row(tiles)] if tiles else [])
    heights = [row.height_in for row in rows]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    for part, row in zip(
        figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights).ravel(), rows, strict=True
    ):
        part.suptitle(row.heading, fontsize=10)
        axes = part.subplots(row.n_lines, row.n_columns, squeeze=False).ravel()
        for axis in axes[len(row.panels) :]:
            axis.set_visible(False)
        for axis, panel in zip(axes, row.panels, strict=False):
            _draw(axis, panel)
    if tiles:
        _legend(figure)
    return figure


def _key_rows(keys: Sequence[KeyPicture]) -> list[Row]:
    """One row per query, or a single row where one image per query is enough."""
    rows = [Row(_name(picture), _key_panels(picture)) for picture in keys]
    if len(rows) > 1 and all(len(row.panels) == 1 for row in rows):
        return [Row("keys seen", [row.panels[0]._replace(title=row.heading) for row in rows])]
    return [row._replace(heading=f"keys seen by {row.heading}") for row in rows]


def _name(picture: KeyPicture) -> str:
    place = f" at {picture.place}" if len(picture.place) > 1 else ""
    extra = f" (and {picture.n_extra_seen} extra keys)" if picture.n_extra_seen else ""
    return f"query {picture.query}{place}{extra}"


def _key_panels(picture: KeyPicture) -> list[Panel]:
    """Planes with a seen key, and the plane of the query."""
    z, *cell = (0,) * (3 - len(picture.place)) + picture.place
    panels = []
    for planes in planes_of(picture.seen):
        here = bool(picture.place) and planes.first <= z <= planes.last
        if here or planes.cells.any():
            title = planes.title if picture.seen.ndim == 3 else ""
            panels.append(Panel(title, np.where(planes.cells, 2, 0), tuple(cell) if here else ()))
    return panels


def _tile_row(picture: TilePicture) -> Row:
    q, kv = ("x".join(map(str, t)) for t in (picture.tiling.q_tile, picture.tiling.kv_tile))
    which = "rows: Q tiles, columns: KV tiles" if picture.q_tile is None else f"KV tiles of Q tile {picture.q_tile}"
    deep = picture.states.ndim == 3
    panels = [Panel(planes.title if deep else "", planes.cells) for planes in planes_of(picture.states)]
    return Row(f"{picture.tiling.mode} tiles, Q {q}, KV {kv}; {which}", panels)


def _draw(axis: "Axes", panel: Panel) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator, NullLocator

    axis.imshow(panel.states, cmap=ListedColormap(COLOURS), vmin=0, vmax=2, interpolation="nearest")
    if panel.place:
        axis.plot(panel.place[1], panel.place[0], "o", color=QUERY_COLOUR, markersize=4)
    axis.set_title(panel.title, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8) if panel.states.shape[0] > 1 else NullLocator())


def _legend(figure: "Figure") -> None:
    from matplotlib.patches import Patch

    names = ("empty", "partial", "full")
    patches = [Patch(facecolor=c, edgecolor="grey", label=n) for c, n in zip(COLOURS, names, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
