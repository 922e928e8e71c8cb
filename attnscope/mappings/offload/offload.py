"""Does moving decode attention to another pool pay? One call, with the homogeneous baseline at equal cost beside it."""

from typing import Any

from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.deploy import deploy, resolve_context
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.result import OffloadEstimate, ServingEstimate
from attnscope.simulator.cluster import PoolSpec
from attnscope.workloads.models import Model
from attnscope.workloads.traces import Trace

SLOWDOWN = 0.2  # the paper's: moving data may add a fifth to a step


def offload(
    model: str | Model,
    *,
    trace: str | Trace | None = None,
    context: int | None = None,
    batch: int | None = None,
    reference: str | None = None,
    slowdown: float = SLOWDOWN,
    baseline: int | None = None,
    **options: Any,
) -> OffloadEstimate:
    """Return what serving `model` with attention on a memory pool costs, beside a homogeneous pool of equal cost.

    Args:
        model: a model's name, the path of a Hugging Face ``config.json``, or a `Model`.
        trace: requests that give the mean context: a public trace's name, the path of a CSV, or a `Trace`.
        context: tokens per request instead of a trace.
        batch: requests in flight, all batches together; as many as fit where it is left out.
        reference: folder with the files of the public traces.
        slowdown: share of a step that moving data may add, for the minimum bandwidth.
        baseline: devices of the homogeneous pool; those nearest in cost where it is left out.
        **options: pools, link, schedule, policy, prices: see `deploy`.

    Raises:
        UsageError: a name or number that cannot be used, or pools that do not fit; says which, why and what would do.
    """
    chosen = deploy(model, **options)
    if chosen.memory is None:
        raise UsageError("offload needs a memory pool, such as memory='h20:4'.")
    if not slowdown > 0.0:
        raise UsageError(f"slowdown: {slowdown:g} must be above 0, such as 0.2 for a fifth.")
    mean, found, notes = resolve_context(chosen.model, context, trace, reference)
    ours = serve(chosen, mean, batch)
    rival, remark = _baseline(chosen, mean, batch, baseline)
    moved = formulas.step_bytes(chosen.numbers, ours.batch / chosen.batches)
    layers = chosen.numbers.layers
    least = formulas.minimum_bytes_per_s(moved, layers * ours.terms.model_s, layers * ours.terms.attention_s, slowdown)
    return OffloadEstimate(
        workload=_label(chosen.model, found, mean),
        offload=ours,
        baseline=rival,
        slowdown=slowdown,
        step_bytes=moved,
        minimum_bytes_per_s=least,
        warnings=(*notes, *remark, *_remarks(chosen, ours)),
        inputs={**chosen.to_dict(), "trace": found.to_dict() if found else None, "context": mean, "batch": batch},
    )


def serve(deployment: Deployment, context: float, batch: int | None = None) -> ServingEstimate:
    """Return the steady state of a deployment with `batch` requests in flight, or as many as fit.

    Raises:
        UsageError: less than one request, or more than fit.
    """
    room = deployment.requests_that_fit(context)
    least = deployment.batches
    if room < least:
        raise IllegalMappingError(
            f"{deployment.label}: {room} requests of {context:,.0f} tokens fit, and {least} are needed for "
            f"{deployment.batches} batches in flight. Use more memory devices, fewer batches or a shorter context."
        )
    if batch is not None and not least <= batch <= room:
        raise UsageError(
            f"batch: {batch} requests of {context:,.0f} tokens on {deployment.label}; between {least} and {room} are "
            f"possible. Nearest: {min(room, max(least, batch))}."
        )
    size = batch or room
    return ServingEstimate(deployment, size, room, context, deployment.terms(size, context))


def equal_cost_count(deployment: Deployment) -> int:
    """Return how many devices of the compute pool cost most nearly as much as the whole deployment."""
    return max(1, round(deployment.price_per_hour / deployment.prices[0]))


def _baseline(
    chosen: Deployment, context: float, batch: int | None, count: int | None
) -> tuple[ServingEstimate | None, tuple[str, ...]]:
    """The homogeneous pool and its batch, or why there is none."""
    number = equal_cost_count(chosen) if count is None else PoolSpec(chosen.compute.device, count).count
    try:
        rival = chosen.homogeneous(number)
        fits = rival.requests_that_fit(context)
        return serve(rival, context, min(batch, fits) if batch and fits else None), ()
    except IllegalMappingError as reason:
        return None, (f"no homogeneous baseline: {reason}",)


def _remarks(chosen: Deployment, ours: ServingEstimate) -> tuple[str, ...]:
    out = ["embedding and output head are in no layer and are left out; prefill runs elsewhere"]
    if ours.batch == ours.room and chosen.by == "request":
        out.append("by request, the mean context is used for every device; replay the trace to see the imbalance")
    return tuple(out)


def _label(model: Model, trace: Trace | None, context: float) -> str:
    return f"{model.name} {trace.name}" if trace else f"{model.name} context {context:,.0f}"
