"""The figures that the formulas of offloading take: plain tuples of numbers, so that sweeps can compile them."""

from typing import NamedTuple


class ModelNumbers(NamedTuple):
    """One layer of a model, and how many.

    `layer_weight_bytes` are the weights of the linear layers of one block, `kv_weight_share` the part of them that
    projects keys and values; the rest follows the letters of the model's file.
    """

    layers: float
    hidden: float
    heads: float
    kv_heads: float
    score_width: float
    value_width: float
    element_bytes: float
    layer_weight_bytes: float
    kv_weight_share: float


class PoolNumbers(NamedTuple):
    """One device of a pool: rates that kernels reach, capacity and price.

    Attributes:
        flops_per_s: of matrix products. `linear_bytes_per_s`: streaming weights. `attention_bytes_per_s`: streaming KV.
        overlap_exponent: power mean of compute and memory time of a matrix product; 0 for the larger of the two.
        capacity_bytes: memory. `price_per_hour`: in dollars.
        n_sms, launch_s, merge_launch_s, cta_s, tile_s, is_fa2, keys_per_tile: of the decode kernel; `n_sms` 0 leaves
            the kernel out, attention is bytes over bandwidth then.
        layer_launches_s: starts of the kernels of one block beside attention.
    """

    flops_per_s: float
    linear_bytes_per_s: float
    attention_bytes_per_s: float
    overlap_exponent: float
    capacity_bytes: float
    price_per_hour: float
    n_sms: float
    launch_s: float
    merge_launch_s: float
    cta_s: float
    tile_s: float
    is_fa2: bool
    keys_per_tile: float
    layer_launches_s: float


class LinkNumbers(NamedTuple):
    """A network: round trip without payload, bandwidth per device and direction (0 for a link that costs nothing)."""

    round_trip_s: float
    bytes_per_s: float


class CollectiveNumbers(NamedTuple):
    """A ring all-reduce inside a pool; a bandwidth of 0 leaves it out."""

    base_s: float
    per_device_s: float
    bytes_per_s: float


class Terms(NamedTuple):
    """Times of one layer and one batch in flight, and what follows for the whole step.

    Attributes:
        model_s: one slice on one replica. `attention_s`: one layer on the memory pool.
        out_s, back_s: queries, keys and values out and outputs back, without the latency of the link.
        chain_s: from the start of a slice to the start of the next one of the same batch.
        hidden_s: what sending queries early takes off the chain.
        period_s: time per layer in the steady state; `chain_s` or what the busiest resource needs for all batches.
        step_s: time between tokens of a request.
        tokens_per_s: of all requests in flight.
        compute_busy, memory_busy, link_busy: shares of the period in which they work, 0 to 1.
    """

    model_s: float
    attention_s: float
    out_s: float
    back_s: float
    chain_s: float
    hidden_s: float
    period_s: float
    step_s: float
    tokens_per_s: float
    compute_busy: float
    memory_busy: float
    link_busy: float
