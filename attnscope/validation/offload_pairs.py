"""Lamina's twelve pairs of model and trace at equal cost, as the model sees them: batch, throughput, gain."""

from dataclasses import dataclass
from functools import cache
from statistics import fmean

from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.offload import serve
from attnscope.mappings.offload.pools import Accelerator, Fidelity, PoolDevice
from attnscope.mappings.offload.result import ServingEstimate
from attnscope.simulator.device import load_device
from attnscope.specs import with_fields
from attnscope.validation.report import facts


@dataclass(frozen=True)
class Pair:
    """One model and trace: offloaded and homogeneous, each with as many requests as fit."""

    model: str
    trace: str
    offload: ServingEstimate
    baseline: ServingEstimate

    @property
    def gain(self) -> float:
        """Throughput over the baseline's, minus one."""
        return self.offload.tokens_per_s / self.baseline.tokens_per_s - 1.0

    @property
    def batch_ratio(self) -> float:
        """Requests in flight over the baseline's."""
        return self.offload.batch / self.baseline.batch


@cache
def published_device(name: str, fidelity: Fidelity = "roofline") -> PoolDevice:
    """Return a device with the peaks and the capacity of the paper's table 1; as a GPU, where kernels are modelled."""
    row = next(fact for fact in facts("lamina_devices.csv") if fact["device"] == name)
    if fidelity == "kernels":
        fields = {
            "dram.capacity_bytes": int(float(row["capacity_bytes"])),
            "dram.bandwidth_bytes_per_s": float(row["bandwidth_bytes_per_s"]),
        }
        device = with_fields(load_device(name), fields, f"device {name}")
        assert not isinstance(device, Accelerator)
        return device  # type: ignore[return-value]
    return Accelerator(
        name=name,
        summary=f"{name} as published",
        flops_per_s=float(row["flops_per_s"]),
        bandwidth_bytes_per_s=float(row["bandwidth_bytes_per_s"]),
        capacity_bytes=float(row["capacity_bytes"]),
        sources={"all": "Lamina (arXiv 2405.01814 v2), table 1"},
    )


def published_deployment(model: str, fidelity: Fidelity = "roofline") -> Deployment:
    """Return the paper's set-up of a model (tables 3 and 5): pools, link and size of the weights."""
    row = next(fact for fact in facts("lamina_models.csv") if fact["model"] == model)
    return deploy(
        model,
        compute=f"h100:{row['compute_devices']}",
        memory=f"h20:{row['memory_devices']}",
        weight_bytes=float(row["weight_bytes"]),
        fidelity=fidelity,
        devices={name: published_device(name, fidelity) for name in ("h100", "h20")},
    )


@cache
def pairs(fidelity: Fidelity = "kernels") -> tuple[Pair, ...]:
    """Return all twelve pairs; the mean context of a trace is its mean prompt and half of its mean answer."""
    found = []
    for model in facts("lamina_models.csv"):
        chosen = published_deployment(model["model"], fidelity)
        rival = chosen.homogeneous(int(model["baseline_devices"]))
        for trace in facts("lamina_traces.csv"):
            context = float(trace["mean_prompt"]) + float(trace["mean_generated"]) / 2.0
            found.append(Pair(model["model"], trace["trace"], serve(chosen, context), serve(rival, context)))
    return tuple(found)


def mean_batch_ratio(fidelity: Fidelity = "kernels") -> float:
    """Requests in flight over the baseline's, mean of the twelve pairs."""
    return fmean(pair.batch_ratio for pair in pairs(fidelity))
