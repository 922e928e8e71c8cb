"""Options of neighbourhood attention on GPUs, and the one call that they lead to."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.options import Ask, Callback, gathered, in_section
from attnscope.errors import UsageError

if TYPE_CHECKING:
    from attnscope.mappings.gpu import ModelEstimate

# Mapping names on the command line, and how each carries attention out.
GPU_MAPPINGS = {"neighborhood": "fused", "neighborhood-gemm": "gemm", "neighborhood-naive": "naive"}
_AXES = "AxBxC"
_ONLY_MODELS = ("seq_len", "heads", "kv_heads", "queries", "keys", "score_width", "value_width", "bytes_per_element")


@dataclass(frozen=True)
class GpuAsk:
    """What was asked of a GPU; only options that were given are there."""

    given: dict[str, Any]

    def is_wanted(self, name: str | None, device: str | None, mapping: str | None) -> bool:
        """Whether the estimate is of a GPU: by the name of the mapping or the model, or the device's family.

        Raises:
            UsageError: an option of GPUs is given without either.
        """
        if mapping in GPU_MAPPINGS or _is_gpu(device) or _is_vision_model(name):
            return True
        if self.given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in self.given)
            raise UsageError(f"{flags}: only for neighbourhood attention on a GPU; add --mapping neighborhood.")
        return False

    def estimate(self, ask: Ask, device: str | None, mapping: str | None, fields: dict[str, Any]) -> "ModelEstimate":
        """Return the cost of a vision or video model.

        Raises:
            UsageError: an option that only spatial arrays have, no model, or no device.
            UnknownNameError: a mapping that GPUs do not have.
        """
        from attnscope.errors import UnknownNameError
        from attnscope.mappings.gpu import How, estimate_neighborhood
        from attnscope.simulator.device import list_devices
        from attnscope.workloads.visibility import parse_flags, parse_layout

        if mapping is not None and mapping not in GPU_MAPPINGS:
            raise UnknownNameError("mapping for GPUs", mapping, GPU_MAPPINGS)
        if device is None:
            raise UsageError(f"{mapping or ask.name} needs a GPU. Give --device: {', '.join(list_devices('gpu'))}.")
        _refuse_others(ask, device, fields)
        options = dict(self.given)
        parts = {name: options.pop(name) for name in ("pair", "backend", "mask_policy") if name in options}
        for name in ("window", "stride", "dilation"):
            if name in options:
                options[name] = parse_layout(options[name])
        if "causal" in options:
            options["causal"] = parse_flags(options["causal"])
        how = How(GPU_MAPPINGS[mapping or "neighborhood"], **parts)
        return estimate_neighborhood(str(ask.name), device, batch=ask.sizes.get("batch"), how=how, **options)


def _is_vision_model(name: str | None) -> bool:
    from attnscope.workloads.models import list_models

    if name is None or name in list_models():
        return False  # the usual case, decided without loading masks
    from attnscope.workloads.vision import list_vision_models

    return name in list_vision_models()


def _is_gpu(device: str | None) -> bool:
    from attnscope.simulator.device import load_device

    return device is not None and load_device(device).family == "gpu"


def _refuse_others(ask: Ask, device: str, fields: dict[str, Any]) -> None:
    """Refuse workloads and options that only spatial arrays have."""
    from attnscope.simulator.device import list_devices
    from attnscope.workloads.models import list_models
    from attnscope.workloads.vision import list_vision_models

    if not ask.name or ask.name in list_models():
        models, arrays = ", ".join(list_vision_models()), ", ".join(list_devices("spatial"))
        raise UsageError(
            f"{ask.name or 'this shape'} on {device}: GPUs run the neighbourhood attention of {models}. "
            f"For a decode step add --phase decode; for other workloads take a spatial array: {arrays}."
        )
    sizes = [name for name in _ONLY_MODELS if ask.options.get(name)]
    flags = [f"--{name.replace('_', '-')}" for name in sizes] + (["--set"] if fields else [])
    if flags:
        raise UsageError(f"{', '.join(flags)}: only for spatial arrays; a vision or video model has sizes of its own.")


of_gpu = in_section("Neighbourhood attention on a GPU")


def gpu_options(function: Callback) -> Callback:
    """Give a verb the options of neighbourhood attention; it gets them as `gpu`."""
    names = ("window", "stride", "dilation", "causal", "dtype", "dense_steps", "pair", "backend", "mask_policy")

    @functools.wraps(function)
    def call(*args: Any, **rest: Any) -> Any:
        options = {name: rest.pop(name) for name in names}
        return function(*args, gpu=GpuAsk({n: v for n, v in options.items() if v is not None}), **rest)

    return gathered(
        of_gpu("--window", metavar=_AXES, help="Keys per axis, such as 18x24x24; the model's own by default."),
        of_gpu("--stride", metavar=_AXES, help="Queries per axis that share a window."),
        of_gpu("--dilation", metavar=_AXES, help="Distance between neighbours per axis."),
        of_gpu("--causal", metavar="0,1,...", help="Per axis, whether later coordinates are hidden."),
        of_gpu("--dtype", metavar="TYPE", help="fp16 (default), bf16, fp32, e4m3 or e5m2."),
        of_gpu("--dense-steps", type=click.IntRange(min=0), metavar="N", help="Diffusion steps that stay dense."),
        of_gpu("--tiles", "pair", metavar="Q/KV", help="A tile pair, such as 2x8x8/2x8x8; the fastest by default."),
        of_gpu("--backend", metavar="NAME", help="Only kernels of this backend."),
        of_gpu("--mask-policy", metavar="POLICY", help="Where the mask is decided: launch or per-tile."),
    )(call)
