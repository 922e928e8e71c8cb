"""`attnscope cascade passes`."""

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import CASCADE, SIZES

_SIZES = "Lengths of ranks, such as M=64K,P=1K: footprints become numbers."

of_analysis = in_section("Analysis")


@click.command(cls=Verb)
@click.argument("name", type=CASCADE)
@of_analysis("--rank", metavar="RANK", help="The rank to count passes over; M, or else the one traversed most.")
@of_analysis("--sizes", type=SIZES, metavar="RANK=N,...", help=_SIZES)
@output_options
def passes(name: str, rank: str | None, sizes: dict[str, int] | None, out: Output) -> None:
    """Count the passes over a rank: which Einsum opens each and why, and what must stay live between them.

    Examples:
      attnscope cascade passes attention-3pass
      attnscope cascade passes attention-1pass --rank M --sizes M=64K,M0=256,P=64K,E=64,F=64
      attnscope cascade passes channel-attention --rank N --format json
    """
    from attnscope.cli.ranks import main_rank
    from attnscope.cli.views.passes import Passes, passes_view
    from attnscope.einsum_cascade import analyse_passes, load

    cascade = load(name)
    chosen = rank.upper() if rank else main_rank(cascade, sizes)
    out.emit(Passes(cascade, analyse_passes(cascade, chosen, sizes=sizes), sizes or {}), passes_view)
