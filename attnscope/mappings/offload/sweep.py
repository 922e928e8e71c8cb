"""Sweeps over pool sizes, batches in flight, batch and context; Pareto front of throughput, latency and price."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.deploy import check_context, deploy, resolve_context
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.numbers import CollectiveNumbers
from attnscope.units import format_si
from attnscope.workloads.models import Model
from attnscope.workloads.traces import Trace

Floats = NDArray[np.float64]
COUNTS = (1, 2, 4, 8)
_LARGE = 4096
OBJECTIVES = ("tokens_per_s", "time_between_tokens_s", "price_per_hour")


@dataclass(frozen=True, eq=False)
class OffloadSweep:
    """Every legal point of a sweep; all arrays are [n_points].

    Attributes:
        deployment: what all points have in common; the counts of its pools do not matter.
        compute_devices, memory_devices, batches, batch, context: the point.
        tokens_per_s, time_between_tokens_s, price_per_hour: the objectives.
        compute_busy, memory_busy, link_busy: shares of the time in which each works.
        refused: how many points were left out, by reason.
    """

    deployment: Deployment
    compute_devices: Floats
    memory_devices: Floats
    batches: Floats
    batch: Floats
    context: Floats
    tokens_per_s: Floats
    time_between_tokens_s: Floats
    price_per_hour: Floats
    compute_busy: Floats
    memory_busy: Floats
    link_busy: Floats
    refused: dict[str, int]

    @property
    def n_points(self) -> int:
        """Legal points."""
        return len(self.batch)

    @property
    def tokens_per_dollar(self) -> Floats:
        """Tokens for one unit of the price list."""
        return 3600.0 * self.tokens_per_s / self.price_per_hour

    @cached_property
    def front(self) -> NDArray[np.int64]:
        """Points that no other beats in throughput, time between tokens and price at once; by price, then latency."""
        from attnscope.mappings.offload.sweep_core import front_of_sorted

        order = np.lexsort((-self.tokens_per_s, self.time_between_tokens_s, self.price_per_hour))
        keep = front_of_sorted(self.tokens_per_s[order], self.time_between_tokens_s[order])
        return np.asarray(order[keep], dtype=np.int64)

    def row(self, index: int) -> dict[str, Any]:
        """Return one point as a flat row."""
        d, i = self.deployment, int(index)
        memory = d.memory.device if d.memory else ""
        return {
            "workload": d.model.name,
            "compute": f"{d.compute.device}:{self.compute_devices[i]:.0f}",
            "memory": f"{memory}:{self.memory_devices[i]:.0f}",
            "batches": int(self.batches[i]),
            "batch": int(self.batch[i]),
            "context_tokens": float(self.context[i]),
            "tokens_per_s": float(self.tokens_per_s[i]),
            "time_between_tokens_s": float(self.time_between_tokens_s[i]),
            "price_per_hour": float(self.price_per_hour[i]),
            "tokens_per_dollar": float(self.tokens_per_dollar[i]),
            "busy_compute_fraction": float(self.compute_busy[i]),
            "busy_memory_fraction": float(self.memory_busy[i]),
            "busy_link_fraction": float(self.link_busy[i]),
        }

    @property
    def because(self) -> str:
        """What the front says, in one sentence."""
        best = self.row(int(np.argmax(self.tokens_per_dollar)))
        return (
            f"{self.n_points:,} points, {len(self.front):,} on the front of throughput, latency and price; most tokens "
            f"per dollar on {best['compute']} + {best['memory']} with {best['batch']} requests of "
            f"{best['context_tokens']:,.0f} tokens: {best['tokens_per_s']:,.0f} tokens/s, "
            f"{format_si(best['time_between_tokens_s'], 's', 3)} between tokens."
        )

    def to_records(self, *, front: bool = True) -> list[dict[str, Any]]:
        """Return one flat row per point of the front, or of all points."""
        return [self.row(i) for i in (self.front if front else range(self.n_points))]

    def to_dict(self) -> dict[str, Any]:
        """Return the front and the counts as plain values."""
        return {
            "n_points": self.n_points,
            "n_front": len(self.front),
            "refused": self.refused,
            "objectives": list(OBJECTIVES),
            "because": self.because,
            "front": self.to_records(),
            "inputs": self.deployment.to_dict(),
        }


def offload_sweep(
    model: str | Model,
    *,
    compute: str = "h100",
    memory: str = "h20",
    compute_devices: Sequence[int] = COUNTS,
    memory_devices: Sequence[int] = COUNTS,
    batches: Sequence[int] = (2,),
    batch: Sequence[int] = (),
    context: Sequence[int] = (),
    trace: str | Trace | None = None,
    reference: str | None = None,
    **options: Any,
) -> OffloadSweep:
    """Return all legal points of a sweep, evaluated by compiled code.

    Args:
        model: a model's name, the path of a Hugging Face ``config.json``, or a `Model`.
        compute: device of the linear layers. `compute_devices` says how many.
        memory: device of attention. `memory_devices` says how many.
        compute_devices: sizes of the compute pool.
        memory_devices: sizes of the memory pool.
        batches: in flight at once.
        batch: requests in flight, all batches together; as many as fit where it is empty.
        context: tokens per request.
        trace: requests that give the mean context instead.
        reference: folder with the files of the public traces.
        **options: link, split, policy, prices: see `deploy`.

    Raises:
        UsageError: a list is empty or holds a number below 1, or no point is legal; says why.
    """
    axes = {"compute_devices": compute_devices, "memory_devices": memory_devices, "batches": batches}
    for name, values in (*axes.items(), ("batch", batch or (1,)), ("context", context or (1,))):
        if not len(values) or min(values) < 1:
            raise UsageError(
                f"sweep: {name} = {list(values)} must hold whole numbers of at least 1, such as [1, 2, 4]."
            )
    common = _representative(model, compute, memory, options)
    for length in context:
        check_context(common.model, length)
    lengths = tuple(context) or (resolve_context(common.model, None, trace, reference)[0],)
    sizes = (compute_devices, memory_devices, batches, batch or (0,), lengths)
    grid = np.array(np.meshgrid(*(np.asarray(s, dtype=np.float64) for s in sizes), indexing="ij")).reshape(5, -1)
    legal, refused = _legal(common, grid)
    if not legal.any():
        reasons = "; ".join(f"{count:,} points: {reason}" for reason, count in refused.items() if count)
        raise IllegalMappingError(f"sweep of {common.model.name}: no point is legal ({reasons}).")
    return _evaluated(common, grid[:, legal], refused)


def _representative(model: str | Model, compute: str, memory: str, options: dict[str, Any]) -> Deployment:
    """A deployment with pools that are large enough, for what does not depend on their size."""
    return deploy(model, compute=f"{compute}:{_LARGE}", memory=f"{memory}:1", **{**options, "batches": 1})


def _per_context(common: Deployment, context: Floats, kept: bool) -> Floats:
    """Tokens kept, or read, per request."""
    lengths, where = np.unique(context, return_inverse=True)
    tokens = common.policy.kept_tokens if kept else common.policy.read_tokens
    return np.array([tokens(float(length)) for length in lengths])[where]


def _legal(common: Deployment, grid: Floats) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which points can run; a batch of 0 in `grid` is replaced by what fits."""
    front, back, batches, batch, context = grid
    replicas = np.maximum(1.0, batches - 1.0)
    per_device = common.memory_fraction * common.compute_numbers.capacity_bytes
    request_bytes = _per_context(common, context, True) * formulas.kv_token_bytes(common.numbers)
    fits = np.floor(common.memory_fraction * back * common.memory_numbers.capacity_bytes / request_bytes)
    batch[:] = np.where(batch == 0, fits, batch)
    checks = {
        "KV heads do not divide over the memory pool": (common.by == "head") & (common.model.kv_heads % back != 0),
        "replicas do not divide the compute pool": front % replicas != 0,
        "weights do not fit the compute pool": common.weight_bytes > per_device * front / replicas,
        "requests do not fit the memory pool": batch > fits,
        "less than one request per batch in flight": batch < batches,
    }
    legal, refused = np.ones(len(batch), dtype=bool), {}
    for reason, bad in checks.items():
        count = int((legal & bad).sum())
        if count:
            refused[reason] = count
        legal &= ~bad
    return legal, refused


def _evaluated(common: Deployment, grid: Floats, refused: dict[str, int]) -> OffloadSweep:
    from attnscope.mappings.offload.sweep_core import evaluate_points

    front, back, batches, batch, context = (np.ascontiguousarray(axis) for axis in grid)
    read = _per_context(common, context, False)
    collective = common.collective if common.fidelity == "kernels" else CollectiveNumbers(0.0, 0.0, 0.0)
    pools = (common.compute_numbers, common.memory_numbers, common.link_numbers, collective)
    out = evaluate_points(common.numbers, *pools, common.by == "head", common.early, front, back, batches, batch, read)
    price = front * common.prices[0] + back * common.prices[1]
    step, tokens, compute_busy, memory_busy, link_busy = (np.ascontiguousarray(out[:, i]) for i in range(2, 7))
    return OffloadSweep(
        common,
        front,
        back,
        batches,
        batch,
        context,
        tokens,
        step,
        price,
        compute_busy,
        memory_busy,
        link_busy,
        refused,
    )
