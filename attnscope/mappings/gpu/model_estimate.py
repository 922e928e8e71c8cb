"""Values: how attention is carried out, and what a model costs layer by layer and end to end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from attnscope.errors import UnknownNameError
from attnscope.mappings.gpu.backends import POLICIES, MaskPolicy
from attnscope.simulator.estimate import Estimate, in_series
from attnscope.simulator.gpu_device import PowerState

METHODS = ("fused", "gemm", "naive")


@dataclass(frozen=True)
class How:
    """How attention is carried out: method, tile pair ("auto" for the fastest), backend, mask policy, power state."""

    method: str = "fused"
    pair: str = "auto"
    backend: str | None = None
    mask_policy: MaskPolicy | None = None
    state: PowerState = "sustained"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UnknownNameError("method", self.method, METHODS)
        if self.mask_policy is not None and self.mask_policy not in POLICIES:
            raise UnknownNameError("mask policy", self.mask_policy, POLICIES)


@dataclass(frozen=True)
class LayerEstimate:
    """One kind of attention layer: `count` of them, this mapping and the vendor's dense kernel."""

    name: str
    count: int
    estimate: Estimate
    dense: Estimate

    @property
    def speedup(self) -> float:
        """Dense latency over this mapping's."""
        return self.dense.latency_s / self.estimate.latency_s


@dataclass(frozen=True)
class ModelEstimate:
    """A model on a GPU.

    Attributes:
        layers: kinds of attention layers.
        attention_s, dense_attention_s: all attention of one pass (one image, or one diffusion step), and dense.
        other_s: everything else of one pass; 0 where it is not known.
        latency_s, dense_latency_s: end to end; 0 where it is not known.
        end_to_end_speedup: their ratio; `attention_speedup` that of attention alone.
        because: one sentence. `warnings`: what to know before using the figures.
    """

    model: str
    device: str
    layers: tuple[LayerEstimate, ...]
    attention_s: float
    dense_attention_s: float
    other_s: float
    latency_s: float
    dense_latency_s: float
    because: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @cached_property
    def attention(self) -> Estimate:
        """All attention of one pass as one estimate: energies and traffic summed, the limiter of the longest layer."""
        parts = [layer.estimate for layer in self.layers for _ in range(layer.count)]
        return in_series(parts, workload=f"{self.model}, attention", mapping=self.layers[0].estimate.mapping)

    @property
    def attention_speedup(self) -> float:
        """Dense attention over this mapping's, all layers."""
        return self.dense_attention_s / self.attention_s

    @property
    def end_to_end_speedup(self) -> float:
        """Dense end-to-end time over this mapping's; 0 where it is not known."""
        return self.dense_latency_s / self.latency_s if self.latency_s else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; limiter, energy, bytes and utilisation are those of all attention together."""
        names = ("model", "device", "attention_s", "dense_attention_s", "other_s", "latency_s", "dense_latency_s")
        row: dict[str, Any] = {
            n: getattr(self, n) for n in (*names, "attention_speedup", "end_to_end_speedup", "because")
        }
        attention = self.attention
        row |= {"limiter": attention.limiter, "energy_j": attention.energy_j, "bytes": attention.bytes}
        row |= {"utilization": dict(attention.utilization)}
        row |= {"inputs": dict(self.inputs), "warnings": list(self.warnings)}
        layers = [
            {"name": x.name, "count": x.count, "estimate": x.estimate.to_dict(), "dense": x.dense.to_dict()}
            for x in self.layers
        ]
        return row | {"layers": layers}

    def to_records(self) -> list[dict[str, Any]]:
        """One row per kind of layer, then one for the whole."""
        rows = [
            {
                "part": x.name,
                "count": x.count,
                "latency_s": x.estimate.latency_s,
                "dense_latency_s": x.dense.latency_s,
                "speedup": x.speedup,
                "mapping": x.estimate.mapping,
                "limiter": x.estimate.limiter,
            }
            for x in self.layers
        ]
        whole = {"part": "end to end", "count": 1, "latency_s": self.latency_s, "dense_latency_s": self.dense_latency_s}
        whole |= {"speedup": self.end_to_end_speedup, "mapping": "", "limiter": ""}
        return [*rows, whole] if self.latency_s else rows
