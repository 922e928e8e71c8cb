"""Deployments: which pools serve a model, how attention is split over them, and how many requests they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.numbers import CollectiveNumbers, LinkNumbers, ModelNumbers, PoolNumbers, Terms
from attnscope.mappings.offload.pools import Fidelity, PoolDevice, pool_numbers
from attnscope.mappings.offload.prices import PriceList
from attnscope.simulator.cluster import Link, PoolSpec
from attnscope.units import format_bytes
from attnscope.workloads.kv_policy import EVERYTHING, KvPolicy
from attnscope.workloads.models import Model, load_model, model_from_config

By = Literal["head", "request"]
SPLITS: tuple[By, ...] = ("head", "request")
MEMORY_FRACTION = 0.9  # of a device's memory that weights and KV may fill; the rest is for activations and the runtime
NO_LINK = LinkNumbers(0.0, 0.0)


def resolve_model(model: str | Model) -> Model:
    """Return a model by name, by the path of a Hugging Face ``config.json``, or as it is."""
    if isinstance(model, Model):
        return model
    return model_from_config(Path(model)) if model.endswith(".json") else load_model(model)


def model_numbers(model: Model, weight_bytes: float | None = None) -> ModelNumbers:
    """Return the figures of a model; `weight_bytes` of all linear layers where the model's own count is not to be used.

    Embedding and output head are in no layer and are left out.
    """
    gemms = model.linear_layers(model.attention(1, batch=1))
    macs = {gemm.name: gemm.macs for gemm in gemms}
    total = sum(macs.values())
    projections = macs["key projection"] + macs["value projection"]
    layer = total * model.bytes_per_element if weight_bytes is None else weight_bytes / model.layers
    return ModelNumbers(
        float(model.layers),
        float(model.hidden),
        float(model.heads),
        float(model.kv_heads),
        float(model.score_width),
        float(model.value_width),
        float(model.bytes_per_element),
        float(layer),
        projections / total,
    )


@dataclass(frozen=True)
class Deployment:
    """A model on pools of devices.

    Attributes:
        model: what is served. `numbers` its figures for the formulas.
        compute: the pool of the linear layers; `memory` that of attention, None where one pool does both.
        link: between the pools; None where there is one pool.
        collective: all-reduce inside the compute pool.
        batches: in flight at once. `replicas` copies of the model share the compute pool.
        by: how attention is split over its pool. `early`: whether queries are sent before keys and values.
        policy: which tokens are kept and read.
        fidelity: `kernels` or `roofline`. `memory_fraction`: share of memory for weights and KV.

    Raises:
        IllegalMappingError: KV heads or replicas do not divide, or the weights do not fit.
        UsageError: a number out of range.
    """

    model: Model
    numbers: ModelNumbers
    compute: PoolSpec
    memory: PoolSpec | None
    compute_device: PoolDevice
    memory_device: PoolDevice
    link: Link | None
    collective: CollectiveNumbers
    prices: tuple[float, float]
    batches: int = 2
    by: By = "head"
    early: bool = True
    policy: KvPolicy = EVERYTHING
    fidelity: Fidelity = "kernels"
    memory_fraction: float = MEMORY_FRACTION

    def __post_init__(self) -> None:
        if self.batches < 1:
            raise UsageError(f"batches in flight: {self.batches} must be at least 1. Nearest: 1.")
        if not 0.0 < self.memory_fraction <= 1.0:
            raise UsageError(f"memory fraction: {self.memory_fraction:g} must lie above 0 and up to 1, such as 0.9.")
        if self.by not in SPLITS:
            raise UnknownNameError("split of attention", self.by, SPLITS)
        _check_heads(self)
        _check_replicas(self)
        _check_weights(self)

    @property
    def replicas(self) -> int:
        """Copies of the model that take turns: one less than the batches in flight, at least one."""
        return max(1, self.batches - 1)

    @property
    def replica_devices(self) -> int:
        """Devices of one replica."""
        return self.compute.count // self.replicas

    @property
    def memory_devices(self) -> int:
        """Devices that hold KV."""
        return self.memory.count if self.memory else self.compute.count

    @property
    def label(self) -> str:
        """Pools and split, such as ``h100:2 + h20:4 over fhbn, by head, 2 batches``."""
        if self.memory is None or self.link is None:
            return self.compute.label
        batches = "1 batch" if self.batches == 1 else f"{self.batches} batches"
        return f"{self.compute.label} + {self.memory.label} over {self.link.name}, by {self.by}, {batches}"

    @property
    def price_per_hour(self) -> float:
        """Price of all devices."""
        return self.compute.count * self.prices[0] + (self.memory.count * self.prices[1] if self.memory else 0.0)

    @cached_property
    def compute_numbers(self) -> PoolNumbers:
        """Figures of one device of the compute pool."""
        return self._pool(self.compute_device, self.prices[0])

    @cached_property
    def memory_numbers(self) -> PoolNumbers:
        """Figures of one device of the memory pool."""
        return self._pool(self.memory_device, self.prices[1])

    def _pool(self, device: PoolDevice, price: float) -> PoolNumbers:
        return pool_numbers(device, price, self.fidelity, self.model.bytes_per_element, self.model.score_width)

    @cached_property
    def link_numbers(self) -> LinkNumbers:
        """Figures of the link; one that costs nothing where there is one pool."""
        return LinkNumbers(self.link.round_trip_s, self.link.bandwidth_bytes_per_s) if self.link else NO_LINK

    @property
    def weight_bytes(self) -> float:
        """Weights of all linear layers."""
        return self.numbers.layers * self.numbers.layer_weight_bytes

    @property
    def kv_room_bytes(self) -> float:
        """Memory for keys and values."""
        if self.memory is None:
            whole = self.memory_fraction * self.compute.count * self.compute_numbers.capacity_bytes
            return whole - self.weight_bytes
        return self.memory_fraction * self.memory.count * self.memory_numbers.capacity_bytes

    @property
    def kv_room_tokens(self) -> float:
        """Kept tokens that fit."""
        return self.kv_room_bytes / formulas.kv_token_bytes(self.numbers)

    def requests_that_fit(self, context: float) -> int:
        """Return how many requests of `context` tokens fit."""
        kept = self.policy.kept_tokens(context) * formulas.kv_token_bytes(self.numbers)
        return int(formulas.requests_that_fit(self.kv_room_bytes, kept))

    def terms(self, batch: float, context: float) -> Terms:
        """Return the terms of a decode step of `batch` requests in flight with `context` tokens each."""
        homogeneous = self.memory is None
        return formulas.terms(
            self.numbers,
            self.compute_numbers,
            self.memory_numbers,
            self.link_numbers,
            self.collective if self.fidelity == "kernels" else CollectiveNumbers(0.0, 0.0, 0.0),
            float(self.replica_devices),
            float(self.memory_devices),
            float(self.batches),
            self.by == "head",
            self.early and not homogeneous,
            float(batch),
            self.policy.read_tokens(context),
        )

    def homogeneous(self, count: int) -> "Deployment":
        """Return the same model on `count` devices of the compute pool alone."""
        pool = PoolSpec(self.compute.device, count)
        return replace(
            self,
            compute=pool,
            memory=None,
            memory_device=self.compute_device,
            link=None,
            prices=(self.prices[0], self.prices[0]),
            batches=1,
            by="head",
            early=False,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the inputs as plain values."""
        return {
            "model": self.model.name,
            "compute": self.compute.label,
            "memory": self.memory.label if self.memory else None,
            "link": self.link.name if self.link else None,
            "batches": self.batches,
            "by": self.by,
            "early_queries": self.early,
            "kv_policy": self.policy.to_dict(),
            "fidelity": self.fidelity,
            "memory_fraction": self.memory_fraction,
            "weight_bytes": self.weight_bytes,
            "price_per_hour": self.price_per_hour,
        }


def _check_heads(d: Deployment) -> None:
    if d.memory is None or d.by != "head" or d.model.kv_heads % d.memory.count == 0:
        return
    near = max(n for n in range(1, d.memory.count + 1) if d.model.kv_heads % n == 0)
    raise IllegalMappingError(
        f"memory pool {d.memory.label}: {d.model.kv_heads} KV heads of {d.model.name} cannot be split evenly over "
        f"{d.memory.count} devices by head. Nearest legal pool: {d.memory.device}:{near}; or split by request."
    )


def _check_replicas(d: Deployment) -> None:
    if d.compute.count % d.replicas:
        near = max(d.replicas, d.compute.count // d.replicas * d.replicas)
        raise IllegalMappingError(
            f"compute pool {d.compute.label}: {d.batches} batches in flight need {d.replicas} replicas of the model, "
            f"which cannot share {d.compute.count} devices evenly. Nearest legal pool: {d.compute.device}:{near}."
        )


def _check_weights(d: Deployment) -> None:
    room = d.memory_fraction * d.replica_devices * d.compute_numbers.capacity_bytes
    if d.weight_bytes < room or (d.memory is not None and d.weight_bytes <= room):
        return
    per_device = d.memory_fraction * d.compute_numbers.capacity_bytes
    needed = int(d.weight_bytes // per_device) + 1
    raise IllegalMappingError(
        f"compute pool {d.compute.label}: the weights of {d.model.name} ({format_bytes(d.weight_bytes)}) do not fit "
        f"{d.replica_devices} x {d.compute.device} ({format_bytes(room)} at {d.memory_fraction:.0%} of the memory). "
        f"Smallest pool that holds them: {d.compute.device}:{needed * d.replicas}."
    )


def price_of(prices: PriceList, device: str, own: Mapping[str, float] | None) -> float:
    """Return the price of a device of a pool; a user's device file is priced by its stem."""
    return prices.of(Path(device).stem if device.endswith(".toml") else device.casefold(), own)
