"""`attnscope compare`."""

from typing import Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import Ask, kind_options, machine_options, output_options, workload_options
from attnscope.cli.output import Output


@click.command(cls=Verb)
@workload_options
@machine_options(many=True)
@kind_options
@output_options
def compare(ask: Ask, device: tuple[str, ...], mapping: tuple[str, ...], out: Output, **options: Any) -> None:
    """Put mappings and devices side by side, with speed-ups and energy ratios over the first.

    Without --device and --mapping the five pairs of the FuseMax study are compared; with either, every combination.

    Examples:
      attnscope compare bert --seq-len 64K
      attnscope compare llama3-8b --seq-len 32K --device flat-cloud --device fusemax
      attnscope compare xlm --seq-len 1M --device fusemax --mapping fusemax-serial --mapping fusemax
    """
    from attnscope.api import compare as compute
    from attnscope.cli.views.compare import compare_view

    found = compute(ask.workload, devices=device, mappings=mapping, **ask.options, **options)
    out.emit(found, compare_view)
    for refused in found.refused:
        out.note(f"Not possible: {refused.mapping} on {refused.device}: {refused.reason}")
    for estimate in found.estimates:
        out.warn(f"{estimate.mapping} on {estimate.device}: {text}" for text in estimate.warnings)
