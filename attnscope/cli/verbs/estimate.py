"""`attnscope estimate`."""

from typing import Any

import click

from attnscope.cli.gpu_options import GpuAsk, gpu_options
from attnscope.cli.group import Verb
from attnscope.cli.options import Ask, kind_options, machine_options, output_options, workload_options
from attnscope.cli.output import Output


@click.command(cls=Verb)
@workload_options
@machine_options()
@kind_options
@gpu_options
@output_options
def estimate(
    ask: Ask, gpu: GpuAsk, device: str | None, mapping: str | None, fields: dict[str, Any], out: Output, **options: Any
) -> None:
    """Say what one layer costs on a device: latency, energy, traffic, utilisation, and what limits it.

    WORKLOAD is a model's name; leave it out and give --config or a whole shape instead. Vision and video models run
    neighbourhood attention on a GPU, layer by layer and end to end, against dense attention.

    Examples:
      attnscope estimate bert --seq-len 64K --device fusemax --mapping fusemax
      attnscope estimate llama3-8b --seq-len 8K --layers block --set dram.bandwidth_bytes_per_s=1e12
      attnscope estimate --heads 32 --kv-heads 8 --seq-len 4K --score-width 128 --format json
      attnscope estimate hunyuan-video --device h100 --window 18x24x24 --stride 16x8x8
    """
    if gpu.is_wanted(ask.name, device, mapping):
        from attnscope.cli.views.model import model_view

        model = gpu.estimate(ask, device, mapping, fields)
        out.emit(model, model_view)
        out.warn(model.warnings)
        return
    from attnscope.api import estimate as compute
    from attnscope.cli.views.estimate import estimate_view

    found = compute(ask.workload, device=device or "fusemax", mapping=mapping, fields=fields, **ask.options, **options)
    out.emit(found, estimate_view)
    out.warn(found.warnings)
