"""`attnscope cascade run`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section, text_options
from attnscope.cli.output import Output, figure_path
from attnscope.cli.params import CASCADE, SIZES

of_run = in_section("Run")
of_answer = in_section("Answer")


@click.command(cls=Verb)
@click.argument("name", type=CASCADE)
@of_run("--sizes", type=SIZES, metavar="RANK=N,...", help="Lengths of ranks that no input shows, such as M=16,M0=4.")
@of_run("--inputs", type=FILE, metavar="FILE", help="Arrays by tensor in an .npz file; random ones without it.")
@of_run("--seed", type=int, default=0, metavar="N", help="Seed of the random inputs (default 0).")
@of_run("--want", multiple=True, metavar="TENSOR", help="A tensor to return instead of the outputs; repeatable.")
@of_answer("-o", "--output", "saved", type=FILE, metavar="FILE", help="Save the arrays, inputs among them, as .npz.")
@text_options
def run(
    name: str,
    sizes: dict[str, int] | None,
    inputs: Path | None,
    seed: int,
    want: tuple[str, ...],
    saved: Path | None,
    out: Output,
) -> None:
    """Run a cascade on arrays and print what comes out: whole where it is small, in summary where it is not.

    Examples:
      attnscope cascade run attention-1pass --sizes E=4,F=4,P=8,M=16,M0=4
      attnscope cascade run attention-3pass --sizes E=4,F=4,P=8,M=16 --want QK --want AV
      attnscope cascade run attention-1pass --sizes E=4,F=4,P=8,M=10,M0=4 -o out.npz
    """
    from attnscope.cli.cascade_run import run_cascade
    from attnscope.cli.views.run import run_view

    if saved:
        figure_path(saved, (".npz",))
    found = run_cascade(name, sizes or {}, inputs, seed, want)
    if saved:
        found.save(saved)
    out.emit(found, run_view)
    if saved:
        out.saved(saved)
