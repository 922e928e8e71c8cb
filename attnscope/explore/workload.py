"""The shape and the name of a workload that a caller gives as a model's name, a file, a model or a shape."""

from collections.abc import Mapping

from attnscope.units import format_length
from attnscope.workloads.models import Model, load_model, model_from_config
from attnscope.workloads.shape import AttentionShape

Workload = str | Model | AttentionShape


def shape_of(workload: Workload, seq_len: int | None, sizes: Mapping[str, int | None]) -> tuple[AttentionShape, str]:
    """Return the shape of one attention layer of a workload, with `sizes` replaced, and its name."""
    if isinstance(workload, AttentionShape):
        shape = workload.with_sizes(queries=seq_len, keys=seq_len).with_sizes(**sizes)
        return shape, shape.label
    if isinstance(workload, str):
        workload = model_from_config(workload) if workload.endswith(".json") else load_model(workload)
    shape = workload.attention(seq_len, **sizes)
    return shape, f"{workload.name} {format_length(shape.queries)}"
