"""`attnscope sweep`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import FILE, in_section, text_options
from attnscope.cli.output import Output
from attnscope.cli.params import COUNT, Word

if TYPE_CHECKING:
    from attnscope.explore.outcome import Sweep

of_sweep = in_section("Sweep")
of_answer = in_section("Answer")
_STORE = "The store, one SQLite file; a run that it holds in part goes on. Nothing is stored without it."


@click.command(cls=Verb)
@click.argument("space", type=FILE)
@of_sweep("--keep", type=Word(("front", "all")), default="front", help="Store the front only (default), or all points.")
@of_sweep("--sample", type=COUNT, metavar="N", help="So many points at random, the same every time.")
@of_sweep("--workers", "n_workers", type=COUNT, metavar="N", help="Threads; all cores by default.")
@of_answer("-o", "--output", "store", type=FILE, metavar="FILE", help=_STORE)
@text_options
def sweep(space: Path, store: Path | None, out: Output, **options: Any) -> None:
    """Work out every point of a design space and keep the exact Pareto front.

    SPACE is a TOML file: axes are workloads, mappings, devices and any number in their files, such as

      minimize = ["latency_s", "energy_j", "area_mm2"]
      constraints = ["area_mm2 < 800"]
      [axes]
      workload = ["bert", "llama3-8b"]
      mapping = ["fusemax", "flat"]
      "workload.seq_len" = [4096, 65536]
      "device.pe_dim" = { from = 64, to = 512, step = 64 }

    Interrupted, the same line again goes on where the store ends.

    Examples:
      attnscope sweep space.toml
      attnscope sweep space.toml -o run.db
      attnscope sweep space.toml --keep all --sample 1000 -o run.db
    """
    from attnscope.cli.views.sweep import sweep_view
    from attnscope.explore.sweep import sweep as compute

    show = not out.quiet and sys.stderr.isatty()
    try:
        found = compute(space, store=store, progress=show, **options)
    except KeyboardInterrupt:
        if store:
            out.note(f"What is worked out is in {store}; the same line goes on with it.")
        raise
    out.emit(found, sweep_view)
    _tell(found, out)


def _tell(found: "Sweep", out: Output) -> None:
    for refused in found.refused:
        out.note(f"Not possible: {refused.mapping} on {refused.device}: {refused.reason}")
    if found.store:
        out.saved(Path(found.store))
