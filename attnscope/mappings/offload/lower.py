"""Decode steps of several batches in flight as a program for the event engine.

Replicas, the memory pool and both directions of the link are resources. No schedule is built in but the replica that
each slice runs on.
"""

from typing import NamedTuple

from attnscope.mappings.offload.rotation import replica_of
from attnscope.simulator.program import Program, ProgramBuilder

TICK_S = 1e-9


class LayerTimes(NamedTuple):
    """Durations of one layer of one batch [s].

    Attributes:
        model_s: a slice, of which the last `projection_s` project keys and values after the queries have left.
        query_s, kv_s, back_s: time on the link; `one_way_s` its latency.
        attention_s, merge_s: on the memory pool; `merge_s` adds the new token.
        moved_s: until the residual is at the next replica; 0 where it stays.
        early: whether queries are sent before keys and values.
    """

    model_s: float
    projection_s: float
    query_s: float
    kv_s: float
    attention_s: float
    merge_s: float
    back_s: float
    one_way_s: float
    moved_s: float
    early: bool


def resources(batches: int) -> tuple[str, ...]:
    """Names of the resources of a program with `batches` in flight."""
    return (*(f"replica {r}" for r in range(max(1, batches - 1))), "memory pool", "link out", "link back")


def lower_steps(times: LayerTimes, batches: int, n_layers: int, stagger_s: float) -> Program:
    """Return the program of `n_layers` layers in a row for every batch.

    Args:
        times: durations of one layer.
        batches: in flight; slice k of batch j runs on replica ``(j + k) mod (n - 1)``.
        n_layers: layers of all steps together, one after another.
        stagger_s: by which every batch starts later than the one before.

    Items are numbered batch by batch within a layer: ``layer * batches + batch``.
    """
    builder = ProgramBuilder(resources(batches), tick_s=TICK_S)
    ends: list[tuple[int, ...]] = [
        (builder.add("start", None, 0.0, latency=j * stagger_s / TICK_S),) for j in range(batches)
    ]
    for layer in range(n_layers):
        for j in range(batches):
            ends[j] = _layer(builder, times, batches, layer, j, ends[j])
    return builder.build()


def _layer(
    builder: ProgramBuilder, times: LayerTimes, batches: int, layer: int, batch: int, after: tuple[int, ...]
) -> tuple[int, ...]:
    """Add one layer of one batch; returns the tasks that its next slice waits for."""
    item = layer * batches + batch
    replica = f"replica {replica_of(batch, layer, batches) if batches > 1 else 0}"
    wait = times.one_way_s

    def add(kind: str, where: str | None, seconds: float, before: tuple[int, ...], latency_s: float = 0.0) -> int:
        ticks, delay = seconds / TICK_S, latency_s / TICK_S
        return builder.add(kind, where, ticks, after=before, latency=delay, priority=item, item=item)

    if times.early:
        begun = add("slice", replica, times.model_s - times.projection_s, after)
        query = add("send query", "link out", times.query_s, (begun,), wait)
        model = add("project KV", replica, times.projection_s, (begun,))
        sent = add("send KV", "link out", times.kv_s, (model,), wait)
        old = add("attention", "memory pool", times.attention_s, (query,))
        done = add("merge", "memory pool", times.merge_s, (old, sent))
    else:
        model = add("slice", replica, times.model_s, after)
        sent = add("send KV", "link out", times.query_s + times.kv_s, (model,), wait)
        done = add("attention", "memory pool", times.attention_s, (sent,))
    back = add("return output", "link back", times.back_s, (done,), wait)
    if not times.moved_s:
        return (back,)
    return (back, add("move residual", None, times.moved_s, (model,)))
