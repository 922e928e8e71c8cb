"""A vision or video model on a GPU."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, table
from attnscope.cli.views.estimate import estimate_sections, section, warnings_view
from attnscope.mappings.gpu import ModelEstimate
from attnscope.units import format_si


def model_view(found: ModelEstimate) -> Iterator[Any]:
    """Yield the whole, the kinds of layers, and the largest of them in detail."""
    inputs = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.inputs.items())
    yield heading(f"{found.model} on {found.device}", inputs)
    yield facts(_headline(found))
    yield from section("Attention by kind of layer", _layers(found), "against the vendor's dense kernel")
    yield from section("Kernels", _kernels(found), "the fastest legal tiles of each")
    largest = max(found.layers, key=lambda layer: layer.count * layer.estimate.latency_s)
    yield ""
    yield heading(f"One layer in detail: {largest.name}")
    yield facts([("workload", largest.estimate.workload), ("because", largest.estimate.because)])
    yield from estimate_sections(largest.estimate)
    yield from warnings_view(found.warnings)


def _headline(found: ModelEstimate) -> Iterator[tuple[str, Any]]:
    if found.latency_s:
        yield "end to end", _against(found.latency_s, found.dense_latency_s)
    yield "attention", _against(found.attention_s, found.dense_attention_s)
    if found.other_s:
        yield "everything else", format_si(found.other_s, "s")
    yield "because", found.because


def _against(ours_s: float, dense_s: float) -> Any:
    ratio = f"{dense_s / ours_s:.4g}x faster than the {format_si(dense_s, 's')} of dense attention"
    return f"{format_si(ours_s, 's')}, {ratio}"


def _layers(found: ModelEstimate) -> Any:
    top = max(layer.speedup for layer in found.layers)
    rows = (
        (
            layer.name,
            str(layer.count),
            format_si(layer.estimate.latency_s, "s"),
            format_si(layer.dense.latency_s, "s"),
            f"{layer.speedup:.2f}x",
            bar(layer.speedup / top, 20),
        )
        for layer in found.layers
    )
    return table([left("layer"), "count", "each", "dense", "speed-up", BARS], rows)


def _kernels(found: ModelEstimate) -> Any:
    rows = ((layer.name, layer.estimate.mapping, layer.estimate.limiter) for layer in found.layers)
    return table([left("layer"), left("kernel"), left("limited by")], rows)
