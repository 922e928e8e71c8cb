"""From names to a deployment: models, pools, links and prices looked up and checked."""

from collections.abc import Mapping

from attnscope.errors import UsageError
from attnscope.mappings.offload.deployment import (
    MEMORY_FRACTION,
    By,
    Deployment,
    model_numbers,
    price_of,
    resolve_model,
)
from attnscope.mappings.offload.numbers import CollectiveNumbers
from attnscope.mappings.offload.pools import Fidelity, PoolDevice, load_pool_device
from attnscope.mappings.offload.prices import DEFAULT_LIST, PriceList, load_prices
from attnscope.simulator.cluster import Link, PoolSpec, load_link, parse_pool
from attnscope.units import format_length
from attnscope.workloads.kv_policy import KvPolicy, parse_kv_policy
from attnscope.workloads.models import Model
from attnscope.workloads.traces import Trace, load_trace


def deploy(
    model: str | Model,
    *,
    compute: str | PoolSpec = "h100:2",
    memory: str | PoolSpec | None = "h20:4",
    link: str | Link = "fhbn",
    batches: int = 2,
    by: By = "head",
    kv_policy: str | KvPolicy = "full",
    early: bool = True,
    fidelity: Fidelity = "kernels",
    prices: str | PriceList = DEFAULT_LIST,
    price: Mapping[str, float] | None = None,
    memory_fraction: float = MEMORY_FRACTION,
    weight_bytes: float | None = None,
    interconnect: str | Link = "nvlink",
    devices: Mapping[str, PoolDevice] | None = None,
) -> Deployment:
    """Return a deployment.

    Args:
        model: a model's name, the path of a Hugging Face ``config.json``, or a `Model`.
        compute: pool of the linear layers, written ``device:count``.
        memory: pool of attention; None for one pool that does both.
        link: between the pools.
        batches: in flight at once; n of them take turns on n - 1 replicas of the model.
        by: split of attention over its pool, by `head` or by `request`.
        kv_policy: which tokens are kept and read, such as ``full`` or ``window+sinks:window=4K``.
        early: whether queries are sent before keys and values are projected.
        fidelity: `kernels` for what kernels and collectives reach, `roofline` for the peaks of the devices.
        prices: a price list by name or path.
        price: single prices per device and hour, which go first.
        memory_fraction: share of the memory that weights and KV may fill.
        weight_bytes: of all linear layers, instead of the model's own count.
        interconnect: inside a pool, for tensor parallelism.
        devices: devices by the name used in `compute` and `memory`, instead of those of the package.

    Raises:
        UsageError: a name or number that cannot be used, or pools that do not fit; says which, why and what would do.
    """
    known, listed = resolve_model(model), load_prices(prices)
    front = parse_pool(compute, "compute pool")
    back = None if memory is None else parse_pool(memory, "memory pool")
    own = devices or {}
    inside = link_of(interconnect).all_reduce
    if weight_bytes is not None and weight_bytes <= 0:
        raise UsageError(f"weights: {weight_bytes:g} bytes is refused; a model has more than 0 bytes of weights.")
    front_price = price_of(listed, front.device, price)
    return Deployment(
        model=known,
        numbers=model_numbers(known, weight_bytes),
        compute=front,
        memory=back,
        compute_device=own.get(front.device) or load_pool_device(front.device),
        memory_device=_device(back or front, own),
        link=link_of(link) if back else None,
        collective=CollectiveNumbers(inside.base_s, inside.per_device_s, inside.bandwidth_bytes_per_s)
        if inside
        else CollectiveNumbers(0.0, 0.0, 0.0),
        prices=(front_price, price_of(listed, back.device, price) if back else front_price),
        batches=batches if back else 1,
        by=by if back else "head",
        early=early if back else False,
        policy=parse_kv_policy(kv_policy),
        fidelity=fidelity,
        memory_fraction=memory_fraction,
    )


def _device(pool: PoolSpec, own: Mapping[str, PoolDevice]) -> PoolDevice:
    return own.get(pool.device) or load_pool_device(pool.device)


def link_of(link: str | Link) -> Link:
    """Return a link by name, or as it is."""
    return link if isinstance(link, Link) else load_link(link)


def resolve_context(
    model: Model, context: int | None, trace: str | Trace | None, reference: str | None
) -> tuple[float, Trace | None, tuple[str, ...]]:
    """Return the mean context, the trace it comes from and what the reader has to know about both.

    Raises:
        UsageError: neither or both are given, or the context is longer than the model takes.
    """
    if (context is None) == (trace is None):
        raise UsageError("give a context length or a trace, and not both: context=4096 or trace='azure-conv'.")
    if trace is None:
        assert context is not None
        check_context(model, context)
        return float(context), None, ()
    found = load_trace(trace, reference)
    notes = [f"trace {found.name} is a stand-in: {found.source}"] if found.stand_in else []
    if model.longest:
        beyond = int((found.prompt + found.generated > model.longest).sum())
        if beyond:
            notes.append(
                f"{beyond:,} of {found.n_requests:,} requests are longer than the {format_length(model.longest)} "
                f"tokens of {model.name}; they are counted as if the model took them."
            )
    return found.mean_context, found, tuple(notes)


def check_context(model: Model, context: float) -> None:
    """Refuse a context that is longer than the model takes.

    Raises:
        UsageError: it is, or it is below 1.
    """
    if context < 1:
        raise UsageError(f"context: {context} tokens; it must be at least 1. Nearest: 1.")
    if model.longest and context > model.longest:
        raise UsageError(
            f"context: {context:,.0f} tokens are more than the {model.longest:,} of {model.name}. Nearest legal "
            f"context: {model.longest}; or name a model for longer contexts."
        )
