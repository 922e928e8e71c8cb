"""Model-attention disaggregation in closed form (Lamina, arXiv 2405.01814 v2): pure functions of numbers.

Sizes are per decode step and device as named; nothing here knows a device or a model. All functions are plain Python on
floats, so that `sweep_core` and `replay_core` compile the very same text.
"""

from attnscope.mappings.gpu.decode_time import split_parts
from attnscope.mappings.offload.numbers import CollectiveNumbers, LinkNumbers, ModelNumbers, PoolNumbers, Terms


def kv_token_bytes(model: ModelNumbers) -> float:
    """Bytes of one token's keys and values in all layers (section 2.1: ``2 (d / G) e L``)."""
    return model.layers * model.kv_heads * (model.score_width + model.value_width) * model.element_bytes


def query_bytes(model: ModelNumbers, batch: float) -> float:
    """Queries of one layer that go to the memory pool (section 3.1: ``e d B``)."""
    return batch * model.heads * model.score_width * model.element_bytes


def new_kv_bytes(model: ModelNumbers, batch: float) -> float:
    """New keys and values of one layer that go to the memory pool (``2 e d B / G``)."""
    return batch * model.kv_heads * (model.score_width + model.value_width) * model.element_bytes


def output_bytes(model: ModelNumbers, batch: float) -> float:
    """Outputs of one layer that come back (``e d B``)."""
    return batch * model.heads * model.value_width * model.element_bytes


def step_bytes(model: ModelNumbers, batch: float) -> float:
    """Bytes that cross the link in a step of all layers (``(2 + 2 / G) e d B L``)."""
    one = query_bytes(model, batch) + new_kv_bytes(model, batch) + output_bytes(model, batch)
    return model.layers * one


def residual_bytes(model: ModelNumbers, batch: float) -> float:
    """The residual stream: what a batch takes along when its next slice runs on another replica (``e d B``)."""
    return batch * model.hidden * model.element_bytes


def ridge_flops_per_byte(flops_per_s: float, bytes_per_s: float) -> float:
    """Arithmetic intensity from which on a device is bound by its arithmetic (roofline model)."""
    return flops_per_s / bytes_per_s


def compute_bound_batch(model: ModelNumbers, pool: PoolNumbers) -> float:
    """Smallest batch whose linear layers take longer to compute than to load (section 2.2.1).

    Solves ``2 N B / F = (e N + 2 e B d L) / W`` for B; infinite where activations alone outrun the arithmetic.
    """
    weights = model.layers * model.layer_weight_bytes
    flops = 2.0 * weights / model.element_bytes / pool.flops_per_s
    activations = 2.0 * model.element_bytes * model.hidden * model.layers / pool.linear_bytes_per_s
    return weights / pool.linear_bytes_per_s / (flops - activations) if flops > activations else float("inf")


def product_s(pool: PoolNumbers, flops: float, moved_bytes: float) -> float:
    """Matrix products on one device, without their start: arithmetic and memory overlap, perfectly for a roofline."""
    compute, memory = flops / pool.flops_per_s, moved_bytes / pool.linear_bytes_per_s
    p = pool.overlap_exponent
    return (compute**p + memory**p) ** (1.0 / p) if p > 0.0 else max(compute, memory)


def linear_layer_s(model: ModelNumbers, pool: PoolNumbers, batch: float, devices: float) -> float:
    """Linear layers of one block on `devices` that share them evenly (section 2.1, MTIME / L)."""
    flops = 2.0 * batch * model.layer_weight_bytes / model.element_bytes
    moved = model.layer_weight_bytes + 2.0 * residual_bytes(model, batch)
    return product_s(pool, flops / devices, moved / devices) + pool.layer_launches_s


def all_reduce_s(collective: CollectiveNumbers, moved_bytes: float, devices: float) -> float:
    """Ring all-reduce of `moved_bytes` over `devices`."""
    if devices <= 1.0 or collective.bytes_per_s <= 0.0:
        return 0.0
    wire = 2.0 * (devices - 1.0) / devices * moved_bytes / collective.bytes_per_s
    return collective.base_s + collective.per_device_s * devices + wire


def model_slice_s(
    model: ModelNumbers, pool: PoolNumbers, collective: CollectiveNumbers, batch: float, devices: float
) -> float:
    """One slice of the model: the linear layers of a block and the two all-reduces of tensor parallelism."""
    reduce_s = all_reduce_s(collective, residual_bytes(model, batch), devices)
    return linear_layer_s(model, pool, batch, devices) + 2.0 * reduce_s


def attention_layer_s(
    model: ModelNumbers, pool: PoolNumbers, batch: float, devices: float, by_head: bool, context: float
) -> float:
    """Attention of one layer over `context` tokens per request on `devices` (section 2.1, ATIME / L).

    Split by head every device reads its KV heads of all requests, by request all heads of its requests. Bytes over
    bandwidth for a roofline, the decode kernel's waves for a GPU.
    """
    if pool.n_sms <= 0.0:
        moved = batch * context * model.kv_heads * (model.score_width + model.value_width) * model.element_bytes
        return moved / (devices * pool.attention_bytes_per_s)
    mine = batch if by_head else max(1.0, batch / devices)
    heads = max(1.0, model.kv_heads / devices) if by_head else model.kv_heads
    launch, tiles, fixed, tail, operands, merge, _ = split_parts(
        mine,
        heads,
        model.heads / model.kv_heads,
        context,
        context,
        model.score_width,
        model.value_width,
        model.element_bytes,
        0.0,
        pool.is_fa2,
        pool.keys_per_tile,
        pool.n_sms,
        pool.attention_bytes_per_s,
        pool.attention_bytes_per_s,
        0.0,
        pool.launch_s,
        pool.merge_launch_s,
        pool.cta_s,
        pool.tile_s,
    )
    return launch + tiles + fixed + tail + operands + merge


def wire_s(link: LinkNumbers, moved_bytes: float, nics: float) -> float:
    """Time that a message occupies `nics` NICs in one direction."""
    return moved_bytes / (nics * link.bytes_per_s) if link.bytes_per_s > 0.0 else 0.0


def network_layer_s(model: ModelNumbers, link: LinkNumbers, batch: float, nics: float) -> float:
    """Network time of one layer without any overlap: ``RTT + bytes / (NICs bandwidth)``."""
    one = query_bytes(model, batch) + new_kv_bytes(model, batch) + output_bytes(model, batch)
    return link.round_trip_s + wire_s(link, one, nics)


def minimum_bytes_per_s(moved_bytes: float, model_s: float, attention_s: float, slowdown: float) -> float:
    """Bandwidth at which moving `moved_bytes` adds `slowdown` to a step (section 3.1: ``bytes / (alpha (M + A))``)."""
    return moved_bytes / (slowdown * (model_s + attention_s))


def requests_that_fit(room_bytes: float, request_bytes: float) -> float:
    """Requests whose keys and values fit `room_bytes`; 0 where there is no room."""
    return float(max(0.0, room_bytes) // request_bytes)


def serial_chain_s(model_s: float, out_s: float, attention_s: float, back_s: float, round_trip_s: float) -> float:
    """Slice, transfer, attention, transfer, one after another."""
    return model_s + out_s + attention_s + back_s + round_trip_s


def early_chain_s(
    model_s: float,
    kv_projection_s: float,
    query_s: float,
    kv_s: float,
    attention_s: float,
    merge_s: float,
    back_s: float,
    round_trip_s: float,
) -> float:
    """The chain where queries leave before keys and values are projected (section 3.3).

    Attention over the old tokens starts when the queries arrive; the new token's part waits for its key and value and
    is merged in `merge_s`.
    """
    one_way = round_trip_s / 2.0
    query_leaves = model_s - kv_projection_s
    old_ends = query_leaves + query_s + one_way + attention_s
    new_arrives = max(model_s, query_leaves + query_s) + kv_s + one_way
    return max(old_ends, new_arrives) + merge_s + back_s + one_way


def period_s(chain_s: float, batches: float, replicas: float, model_s: float, attention_s: float, wire: float) -> float:
    """Time per layer with `batches` in flight: a batch's own chain, or the busiest resource (section 3.2).

    `replicas` copies of the model take turns; the memory pool and each direction of the link serve all batches.
    """
    return max(chain_s, batches * model_s / replicas, batches * attention_s, batches * wire)


def terms(
    model: ModelNumbers,
    compute: PoolNumbers,
    memory: PoolNumbers,
    link: LinkNumbers,
    collective: CollectiveNumbers,
    compute_devices: float,
    memory_devices: float,
    batches: float,
    by_head: bool,
    early: bool,
    batch: float,
    context: float,
) -> Terms:
    """All terms of a decode step.

    Each of ``max(1, batches - 1)`` replicas has `compute_devices`, the memory pool `memory_devices`. `batches` are in
    flight at once, together `batch` requests that read `context` tokens each. `by_head` says how attention is split
    over the memory pool, `early` whether queries are sent before keys and values are projected.
    """
    replicas = max(1.0, batches - 1.0)
    each = batch / batches
    nics = min(compute_devices, memory_devices)
    model_s = model_slice_s(model, compute, collective, each, compute_devices)
    attention_s = attention_layer_s(model, memory, each, memory_devices, by_head, context)
    query_s = wire_s(link, query_bytes(model, each), nics)
    kv_s = wire_s(link, new_kv_bytes(model, each), nics)
    back_s = wire_s(link, output_bytes(model, each), nics)
    serial_s = serial_chain_s(model_s, query_s + kv_s, attention_s, back_s, link.round_trip_s)
    chain_s = serial_s
    if early:
        kv_projection_s = model.kv_weight_share * linear_layer_s(model, compute, each, compute_devices)
        chain_s = early_chain_s(
            model_s, kv_projection_s, query_s, kv_s, attention_s, memory.merge_launch_s, back_s, link.round_trip_s
        )
    if replicas > 1.0:  # the residual moves to the next replica while attention runs
        moved_s = wire_s(link, residual_bytes(model, each), compute_devices) + link.round_trip_s / 2.0
        chain_s = max(chain_s, model_s + moved_s)
    work_s = attention_s + (memory.merge_launch_s if early else 0.0)
    layer_s = period_s(chain_s, batches, replicas, model_s, work_s, max(query_s + kv_s, back_s))
    return Terms(
        model_s,
        attention_s,
        query_s + kv_s,
        back_s,
        chain_s,
        serial_s - chain_s,
        layer_s,
        model.layers * layer_s,
        batch / (model.layers * layer_s),
        batches * model_s / (replicas * layer_s),
        batches * work_s / layer_s,
        batches * max(query_s + kv_s, back_s) / layer_s,
    )
