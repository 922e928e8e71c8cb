"""`attnscope estimate`."""

from typing import Any

import click

from attnscope.cli.decode_options import DecodeAsk, decode_options
from attnscope.cli.gpu_options import GpuAsk, gpu_options
from attnscope.cli.group import Verb
from attnscope.cli.options import Ask, kind_options, machine_options, output_options, workload_options
from attnscope.cli.output import Output


@click.command(cls=Verb)
@workload_options
@machine_options()
@kind_options
@gpu_options
@decode_options
@output_options
def estimate(
    ask: Ask,
    gpu: GpuAsk,
    decode: DecodeAsk,
    device: str | None,
    mapping: str | None,
    fields: dict[str, Any],
    out: Output,
    **options: Any,
) -> None:
    """Say what one layer costs on a device: latency, energy, traffic, utilisation, and what limits it.

    WORKLOAD is a model's name; leave it out and give --config or a whole shape instead. Vision and video models run
    neighbourhood attention on a GPU, layer by layer and end to end, against dense attention. --phase decode estimates
    one query per sequence on a GPU; mappings: decode-splitkv, flash and stream-k.

    Examples:
      attnscope estimate bert --seq-len 64K --device fusemax --mapping fusemax
      attnscope estimate llama3-8b --seq-len 8K --layers block --set dram.bandwidth_bytes_per_s=1e12
      attnscope estimate llama3-8b --phase decode --batch 64 --context 8K --device h200 --kv-policy duo
      attnscope estimate hunyuan-video --device h100 --window 18x24x24 --stride 16x8x8
    """
    from attnscope.cli.views.estimate import estimate_view

    if decode.is_wanted(mapping):
        others = {"set": fields, "block": options["block"], "layers": options["layers"] == "block", **gpu.given}
        step = decode.estimate(ask, device, mapping, others)
        out.emit(step, estimate_view)
        out.warn(step.warnings)
        return
    if gpu.is_wanted(ask.name, device, mapping):
        from attnscope.cli.views.model import model_view

        model = gpu.estimate(ask, device, mapping, fields)
        out.emit(model, model_view)
        out.warn(model.warnings)
        return
    from attnscope.api import estimate as compute

    found = compute(ask.workload, device=device or "fusemax", mapping=mapping, fields=fields, **ask.options, **options)
    out.emit(found, estimate_view)
    out.warn(found.warnings)
