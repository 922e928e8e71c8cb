"""What comes with the package, one flat row for each."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.output import Plain, Record


def catalogue(kind: str) -> Plain:
    """Return all models, devices, mappings, cascades or masks."""
    rows = list(_ROWS[kind]())
    return Plain(rows, rows)


def _models() -> Iterator[Record]:
    from attnscope.workloads.models import list_models, load_model
    from attnscope.workloads.vision import list_vision_models, load_vision_model

    for name in list_models():
        model = load_model(name)
        sizes = {n: getattr(model, n) for n in ("heads", "kv_heads", "hidden", "layers", "batch", "seq_len")}
        yield {"name": name, "kind": "transformer", **sizes, "summary": model.summary}
    for name in list_vision_models():
        found = load_vision_model(name)
        yield {"name": name, "kind": found.kind, "summary": found.summary}


def _devices() -> Iterator[Record]:
    from attnscope.simulator.device import list_devices, load_device
    from attnscope.simulator.gpu_device import GpuDevice

    for name in list_devices():
        device = load_device(name)
        gpu = isinstance(device, GpuDevice)
        peak = device.tensor_flops_per_s("fp16") if isinstance(device, GpuDevice) else 2 * device.peak_macs_per_s
        on_chip = device.l2.capacity_bytes if isinstance(device, GpuDevice) else device.buffer.capacity_bytes
        yield {
            "name": name,
            "family": "gpu" if gpu else "spatial",
            "peak_flops_per_s": peak,
            "dram_bytes_per_s": device.dram.bandwidth_bytes_per_s,
            "on_chip_bytes": on_chip,
            "summary": device.summary,
        }


def _mappings() -> Iterator[Record]:
    from attnscope.mappings.spatial import list_spatial_mappings, load_mapping

    for name in list_spatial_mappings():
        mapping = load_mapping(name)
        row = {"name": name, "family": "spatial", "cascade": mapping.cascade}
        yield {**row, "summary": mapping.summary, "source": mapping.source}


def _cascades() -> Iterator[Record]:
    from attnscope.einsum_cascade import catalogue as library

    return (entry.to_dict() for entry in library())


def _masks() -> Iterator[Record]:
    from attnscope.workloads.visibility import list_masks

    for entry in list_masks():
        needed = [name for name, default in entry.parameters.items() if default is ...]
        optional = [name for name in entry.parameters if name not in needed]
        row: dict[str, Any] = {"name": entry.name, "summary": entry.summary, "needs": needed, "takes": optional}
        yield {**row, "source": entry.source}


_ROWS = {"models": _models, "devices": _devices, "mappings": _mappings, "cascades": _cascades, "masks": _masks}
