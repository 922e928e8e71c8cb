"""`attnscope mask`."""

from pathlib import Path
from typing import Any

import click

from attnscope.cli.group import LazyGroup, Verb
from attnscope.cli.options import FILE, in_section, text_options
from attnscope.cli.output import Output, figure_path
from attnscope.cli.params import ASSIGNMENT, MASK, Word

_AXES = "AxBxC"

of_mask = in_section("Mask")
to_look = in_section("What to look at")


@click.group(cls=LazyGroup, sections={"Verbs": {"show": "attnscope.cli.verbs.mask:show"}})
def mask() -> None:
    """Look at masks: which keys each query sees, and what that means for tiles."""


@click.command(cls=Verb)
@of_mask("--layout", metavar=_AXES, help="Tokens per axis, such as 16x24.")
@of_mask("--window", metavar=_AXES, help="Keys per axis.")
@of_mask("--stride", metavar=_AXES, help="Queries per axis that share a window (GNA).")
@of_mask("--dilation", metavar=_AXES, help="Distance between neighbours per axis.")
@of_mask("--causal", metavar="0,1,...", help="Per axis, whether later coordinates are hidden.")
@of_mask(
    "--mask", "name", type=MASK, default="gna", metavar="NAME", help="Another family of masks; `attnscope list masks`."
)
@of_mask("--param", "params", type=ASSIGNMENT, multiple=True, metavar="NAME=VALUE", help="A parameter of the mask.")
@to_look(
    "--query", "queries", multiple=True, metavar="R,C", help="A query to draw, by coordinates or index; repeatable."
)
@to_look("--q-tile", metavar=_AXES, help="Queries per tile and axis.")
@to_look("--kv-tile", metavar=_AXES, help="Keys per tile and axis; the Q tile's by default.")
@to_look("--tiling", type=Word(("static", "dynamic", "flat")), default="static", help="How KV tiles are laid.")
@to_look("-o", "--output", "figure", type=FILE, metavar="FILE", help="Draw to .png or .svg.")
@text_options
def show(
    name: str,
    params: tuple[tuple[str, Any], ...],
    queries: tuple[str, ...],
    figure: Path | None,
    out: Output,
    **rest: Any,
) -> None:
    """Draw the keys that queries see, and count keys per query, density and tiles.

    Examples:
      attnscope mask show --layout 16x24 --window 5x7 --stride 1x2 --dilation 2x1 --causal 0,1
      attnscope mask show --layout 16x24 --window 5x7 --q-tile 4x4 --kv-tile 4x4 -o mask.png
      attnscope mask show --mask disc --layout 24x24 --param radius=6 --query 12,12 --query 0,3
      attnscope mask show --mask streaming --param n_queries=64 --param n_keys=64 --param window=8
    """
    from attnscope.cli.mask_answer import look
    from attnscope.cli.views.mask import mask_view

    if figure:
        figure_path(figure, (".png", ".svg"))
    tiling = {key: rest.pop(key) for key in ("q_tile", "kv_tile", "tiling")}
    given = {key: value for key, value in rest.items() if value is not None}
    given |= {key: str(value) for key, value in params}
    found = look(name, given, queries, **tiling)
    if figure:
        found.save(figure)
    out.emit(found, mask_view)
    if figure:
        out.saved(figure)
