"""The public calls: what a verb of the command line does is one of these."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attnscope.errors import IllegalMappingError, SpecError, UnknownNameError, UsageError
from attnscope.mappings.compare import Comparison, Refusal
from attnscope.mappings.spatial import (
    Played,
    evaluate,
    evaluate_gemm,
    list_spatial_mappings,
    load_mapping,
    play_mapping,
)
from attnscope.mappings.spatial.energy import Accounting
from attnscope.mappings.spatial.plan import compile_plan
from attnscope.simulator.device import list_devices, spatial_device
from attnscope.simulator.estimate import Estimate, in_series
from attnscope.units import format_length
from attnscope.workloads.models import Model, list_models, load_model, model_from_config
from attnscope.workloads.shape import AttentionShape

Layers = Literal["attention", "block"]
Workload = str | Model | AttentionShape

# The pairs of the FuseMax study, in its order: each mapping on the hardware it was published for.
STUDY_PAIRS = (
    ("unfused", "flat-cloud"),
    ("flat", "flat-cloud"),
    ("cascade", "flat-cloud"),
    ("fusemax-serial", "fusemax"),
    ("fusemax", "fusemax"),
)


def estimate(
    workload: Workload,
    *,
    device: str = "fusemax",
    mapping: str | None = None,
    seq_len: int | None = None,
    layers: Layers = "attention",
    energy_accounting: Accounting = "corrected",
    fields: Mapping[str, Any] | None = None,
    block: int | None = None,
    **sizes: int | None,
) -> Estimate:
    """Return latency, energy and traffic of one layer.

    Args:
        workload: a model's name, the path of a Hugging Face ``config.json``, a `Model` or an `AttentionShape`.
        device: a device's name or the path of a TOML file.
        mapping: a mapping's name or path; the device's best-known one where it is left out.
        seq_len: queries and keys per sequence; the model's default where it is left out.
        layers: `attention` alone, or the whole `block` with projections and feed-forward.
        energy_accounting: `corrected`, or `published` for the sums of the FuseMax artefact.
        fields: device fields to replace by dotted path, such as ``{"dram.bandwidth_bytes_per_s": 100e9}``.
        block: query tiles per block instead of the mapping's own choice.
        **sizes: single sizes of `AttentionShape` to replace: batch, heads, kv_heads, queries, keys, ...

    Raises:
        UsageError: a name, size or field that cannot be used; says which, why and what would do.
    """
    model, shape, name = resolve_workload(workload, seq_len, sizes)
    hardware = spatial_device(device, fields)
    chosen = load_mapping(mapping or default_mapping(device))
    attention = evaluate(shape, chosen, hardware, accounting=energy_accounting, block=block, workload=name)
    if layers == "attention":
        return attention
    if layers != "block":
        raise UnknownNameError("choice of layers", layers, ("attention", "block"))
    if model is None:
        raise UsageError("layers 'block' needs a model, whose hidden and feed-forward widths are known. Name one.")
    gemms = [evaluate_gemm(gemm, hardware, energy_accounting) for gemm in model.linear_layers(shape)]
    return in_series([attention, *gemms], workload=f"{name}, whole block", mapping=chosen.name)


def compare(
    workload: Workload,
    *,
    devices: Sequence[str] = (),
    mappings: Sequence[str] = (),
    **options: Any,
) -> Comparison:
    """Return mappings and devices side by side; options are those of `estimate`.

    Without devices and mappings the five pairs of the FuseMax study are compared; with either, every combination.

    Raises:
        UsageError: as `estimate`; also where no pair is legal, with the reason of the first.
    """
    pairs: Sequence[tuple[str, str]] = STUDY_PAIRS
    if devices or mappings:
        pairs = tuple((m, d) for d in devices or ("fusemax",) for m in mappings or list_spatial_mappings())
    rows: list[Estimate] = []
    refused: list[Refusal] = []
    for mapping, device in pairs:
        try:
            rows.append(estimate(workload, device=device, mapping=mapping, **options))
        except IllegalMappingError as reason:
            refused.append(Refusal(mapping, device, str(reason)))
    if not rows:
        raise IllegalMappingError(refused[0].reason)
    return Comparison(rows[0].workload, tuple(rows), tuple(refused))


def timeline(
    workload: Workload,
    *,
    device: str = "fusemax",
    mapping: str | None = None,
    seq_len: int | None = None,
    fields: Mapping[str, Any] | None = None,
    block: int | None = None,
    max_tasks: int = 200_000,
    **sizes: int | None,
) -> Played:
    """Return one attention layer as the event engine plays it; arguments are those of `estimate`."""
    _, shape, name = resolve_workload(workload, seq_len, sizes)
    chosen = load_mapping(mapping or default_mapping(device))
    return play_mapping(shape, chosen, spatial_device(device, fields), block=block, max_tasks=max_tasks, workload=name)


def resolve_workload(
    workload: Workload, seq_len: int | None, sizes: Mapping[str, int | None]
) -> tuple[Model | None, AttentionShape, str]:
    """Return the model (where there is one), the shape and the name of a workload."""
    if isinstance(workload, AttentionShape):
        shape = workload.with_sizes(queries=seq_len, keys=seq_len).with_sizes(**sizes)
        return None, shape, shape.label
    if isinstance(workload, str):
        workload = model_from_config(workload) if workload.endswith(".json") else load_model(workload)
    shape = workload.attention(seq_len, **sizes)
    lengths = format_length(shape.queries)
    if shape.queries != shape.keys:
        lengths += f" queries, {format_length(shape.keys)} keys"
    return workload, shape, f"{workload.name} {lengths}"


def default_mapping(device: str) -> str:
    """Return the last mapping of the study that the device can run: FuseMax where it compares in its PEs, else FLAT."""
    hardware = spatial_device(device)
    for name in ("fusemax", "flat", "unfused"):
        try:
            compile_plan(load_mapping(name), hardware)
        except IllegalMappingError:
            continue
        return name
    raise SpecError(f"device {device}: none of the shipped mappings runs on it; name a mapping of your own.")


def list_names(kind: Literal["models", "devices", "mappings"]) -> tuple[str, ...]:
    """Return the names that are shipped with the package.

    Raises:
        UnknownNameError: no such kind; suggests the nearest.
    """
    known = {"models": list_models, "devices": list_devices, "mappings": list_spatial_mappings}
    if kind not in known:
        raise UnknownNameError("kind of name", kind, known)
    return known[kind]()


__all__ = [
    "STUDY_PAIRS",
    "compare",
    "default_mapping",
    "estimate",
    "list_names",
    "resolve_workload",
    "timeline",
]
