"""`attnscope tiles`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section, text_options
from attnscope.cli.output import Output, figure_path
from attnscope.cli.params import COUNT, DEVICE

if TYPE_CHECKING:
    from attnscope.mappings.gpu.advice import Advice

_AXES = "AxBxC"


@dataclass(frozen=True)
class Tiles:
    """An advice with the first `top` choices to show, and the answer to ``--why-not``."""

    advice: "Advice"
    top: int
    why_not: str

    def to_dict(self) -> dict[str, Any]:
        """Return the advice with the first choices."""
        plain = self.advice.to_dict()
        plain["n_choices"] = len(plain["choices"])
        plain["choices"] = plain["choices"][: self.top]
        return plain | ({"why_not": self.why_not} if self.why_not else {})

    def to_records(self) -> list[dict[str, Any]]:
        """Return one row per choice."""
        return self.advice.to_records()[: self.top]


of_problem = in_section("Problem")
of_machine = in_section("Machine")
to_look = in_section("What to look at")


@click.command(cls=Verb)
@of_problem("--layout", required=True, metavar=_AXES, help="Tokens per axis, such as 30x48x80.")
@of_problem("--window", required=True, metavar=_AXES, help="Keys per axis.")
@of_problem("--heads", type=COUNT, required=True, metavar="N", help="Heads per sequence.")
@of_problem("--head-dim", type=COUNT, required=True, metavar="N", help="Width of a head.")
@of_problem(
    "--stride", default="1", metavar=f"{_AXES}|auto", help="Queries per axis that share a window; auto tries all."
)
@of_problem("--dilation", default="1", metavar=_AXES, help="Distance between neighbours per axis.")
@of_problem("--causal", default="0", metavar="0,1,...", help="Per axis, whether later coordinates are hidden.")
@of_problem("--batch", type=COUNT, default=1, metavar="N", help="Sequences.")
@of_problem("--dtype", default="fp16", metavar="TYPE", help="fp16, bf16, fp32, e4m3 or e5m2.")
@of_machine("--device", type=DEVICE, required=True, metavar="NAME", help="A GPU's name or a TOML file.")
@of_machine("--backend", metavar="NAME", help="Only kernels of this backend.")
@of_machine("--mask-policy", metavar="POLICY", help="Where the mask is decided: launch or per-tile.")
@to_look("--why-not", metavar="Q/KV", help="Explain a tile pair, such as 4x8x8/2x8x8.")
@to_look("--top", type=COUNT, default=10, metavar="N", help="Choices to show (default 10).")
@to_look(
    "-o", "--output", "figure", type=FILE, metavar="FILE", help="Draw scores computed against time to .png or .svg."
)
@text_options
def tiles(
    layout: str,
    causal: str,
    heads: int,
    head_dim: int,
    why_not: str | None,
    top: int,
    figure: Path | None,
    out: Output,
    **options: Any,
) -> None:
    """Rank the legal tile pairs, and strides, of neighbourhood attention on a GPU, and say why the best wins.

    Examples:
      attnscope tiles --layout 30x48x80 --window 18x24x24 --heads 24 --head-dim 128 --device h100
      attnscope tiles --layout 30x48x80 --window 18x24x24 --heads 24 --head-dim 128 --device h100 --stride auto --top 20
      attnscope tiles --layout 256x256 --window 80x80 --heads 24 --head-dim 128 --device b200 -o tiles.png
      attnscope tiles --layout 30x48x80 --window 18x24x24 --heads 24 --head-dim 128 --device h100 --why-not 4x8x8/2x8x8
    """
    from attnscope.cli.views.tiles import tiles_view
    from attnscope.mappings.gpu.advisor import advise
    from attnscope.workloads.visibility import parse_flags, parse_layout

    if figure:
        figure_path(figure, (".png", ".svg"))
    axes = parse_layout(layout)
    flags = parse_flags(causal, len(axes))
    advice = advise(axes, heads=heads, head_dim=head_dim, causal=flags, **options)
    found = Tiles(advice, top, advice.why_not(why_not) if why_not else "")
    if figure:
        _draw(advice, figure)
    out.emit(found, tiles_view)
    out.warn(advice.warnings)
    if figure:
        out.saved(figure)


def _draw(advice: "Advice", path: Path) -> None:
    from attnscope.cli.figures import save_figure
    from attnscope.mappings.gpu.plot import plot_advice

    save_figure(plot_advice(advice).get_figure(), path)
