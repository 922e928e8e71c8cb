"""The second engine: decode steps with pools, replicas and link played in time, beside the closed form."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from attnscope.errors import UsageError
from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.deploy import deploy, resolve_context
from attnscope.mappings.offload.lower import LayerTimes, lower_steps
from attnscope.mappings.offload.offload import serve
from attnscope.mappings.offload.result import ServingEstimate
from attnscope.mappings.offload.rotation import ideal_attention_s, ideal_step_s
from attnscope.simulator.events import Schedule, play
from attnscope.simulator.program import Program
from attnscope.units import format_si
from attnscope.workloads.models import Model
from attnscope.workloads.traces import Trace

WARM_UP = 8  # layers per batch before the steady state is measured
MOST_TASKS = 500_000


@dataclass(frozen=True, eq=False)
class PlayedStep:
    """Decode steps as the event engine played them.

    Attributes:
        label: what was played. `batches`: in flight. `n_layers`: of a step.
        program, schedule: input and outcome of the event engine.
        closed_form_s: time between tokens by the closed form.
        estimate: the steady state that the durations come from, where there is one.
    """

    label: str
    batches: int
    n_layers: int
    program: Program
    schedule: Schedule
    closed_form_s: float
    estimate: ServingEstimate | None = None

    @cached_property
    def window(self) -> tuple[float, float, int]:
        """Start and end of the steady state in ticks, and how many layers of the first batch it holds.

        Raises:
            UsageError: too few layers were played to reach it.
        """
        slices = np.flatnonzero(self.program.kind == self.program.kinds.index("slice"))
        first = slices[self.program.item[slices] % self.batches == 0]
        turn = _turn(self.batches)
        count = (len(first) - 1 - WARM_UP) // turn * turn
        if count < turn:
            raise UsageError(
                f"{len(first)} layers were played; a steady state of {self.batches} batches needs {WARM_UP + turn + 1}."
            )
        begin = len(first) - 1 - count
        starts = self.schedule.start[first]
        return float(starts[begin]), float(starts[-1]), count

    @cached_property
    def layer_s(self) -> float:
        """Time per layer in the steady state [s]."""
        start, stop, count = self.window
        return (stop - start) * self.program.tick_s / count

    @property
    def step_s(self) -> float:
        """Time between tokens in the steady state [s]."""
        return self.n_layers * self.layer_s

    @property
    def latency_s(self) -> float:
        """The same, by the name that all played workloads share."""
        return self.step_s

    @property
    def against_closed_form(self) -> float:
        """Time between tokens by events over that by the closed form, minus one."""
        return self.step_s / self.closed_form_s - 1.0

    @cached_property
    def busy_fraction(self) -> dict[str, float]:
        """Share of the steady state in which each resource works."""
        start, stop, _ = self.window
        clipped = np.minimum(self.schedule.finish, stop) - np.maximum(self.schedule.start, start)
        worked = np.maximum(clipped, 0.0)
        return {
            name: float(worked[self.program.resource == r].sum() / (stop - start))
            for r, name in enumerate(self.program.resources)
        }

    @property
    def because(self) -> str:
        """What the events say, in one sentence."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.busy_fraction.items())
        return (
            f"{self.label}: {format_si(self.step_s, 's', 4)} between tokens by events, "
            f"{format_si(self.closed_form_s, 's', 4)} in closed form ({self.against_closed_form:+.2%}); busy: {shares}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return both latencies and the busy shares as plain values."""
        return {
            "label": self.label,
            "batches": self.batches,
            "n_layers": self.n_layers,
            "step_events_s": self.step_s,
            "step_closed_form_s": self.closed_form_s,
            "difference": self.against_closed_form,
            "n_tasks": self.program.n_tasks,
            "busy_fraction": self.busy_fraction,
            "because": self.because,
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return one row per resource with its busy share."""
        return [
            {"resource": name, "busy_fraction": share, "step_events_s": self.step_s}
            for name, share in self.busy_fraction.items()
        ]


def play_decode_step(
    model: str | Model,
    *,
    trace: str | Trace | None = None,
    context: int | None = None,
    batch: int | None = None,
    reference: str | None = None,
    steps: int = 1,
    max_tasks: int = MOST_TASKS,
    **options: Any,
) -> PlayedStep:
    """Return decode steps of a deployment, played by the event engine.

    Args:
        model: a model's name, the path of a Hugging Face ``config.json``, or a `Model`.
        trace: requests that give the mean context: a public trace's name, the path of a CSV, or a `Trace`.
        context: tokens per request instead of a trace.
        batch: requests in flight, all batches together; as many as fit where it is left out.
        reference: folder with the files of the public traces.
        steps: tokens per request that are played at least; more where a steady state needs them.
        max_tasks: refuse larger programs.
        **options: pools, link, schedule, policy, prices: see `deploy`.

    Raises:
        UsageError: as `offload`; also where there is no memory pool, or the program would be too large.
    """
    chosen = deploy(model, **options)
    if chosen.memory is None:
        raise UsageError("a decode step of two pools needs a memory pool, such as memory='h20:4'.")
    mean, _, _ = resolve_context(chosen.model, context, trace, reference)
    estimate = serve(chosen, mean, batch)
    needed = -(-(WARM_UP + _turn(chosen.batches) + 1) // chosen.model.layers)
    layers = (max(steps, needed) if steps > 0 else steps) * chosen.model.layers
    if steps < 1 or 8 * layers * chosen.batches > max_tasks:
        raise UsageError(
            f"steps: {steps} of {chosen.model.layers} layers and {chosen.batches} batches make about "
            f"{8 * max(0, layers) * chosen.batches:,} tasks; between 1 step and {max_tasks:,} tasks are possible."
        )
    times = layer_times(estimate)
    program = lower_steps(times, chosen.batches, layers, estimate.terms.period_s / chosen.batches)
    name = f"{chosen.model.name} on {chosen.label}"
    return PlayedStep(
        name, chosen.batches, chosen.model.layers, program, play(program), estimate.time_between_tokens_s, estimate
    )


def _turn(batches: int) -> int:
    """Layers after which every batch has been on every replica equally often."""
    return batches * max(1, batches - 1)


def layer_times(estimate: ServingEstimate) -> LayerTimes:
    """Return the durations of one layer of one batch."""
    d, t = estimate.deployment, estimate.terms
    each = estimate.batch / d.batches
    nics = float(min(d.replica_devices, d.memory_devices))
    query_s = formulas.wire_s(d.link_numbers, formulas.query_bytes(d.numbers, each), nics)
    linear_s = formulas.linear_layer_s(d.numbers, d.compute_numbers, each, float(d.replica_devices))
    one_way_s = d.link_numbers.round_trip_s / 2.0
    residual = formulas.residual_bytes(d.numbers, each)
    moved_s = formulas.wire_s(d.link_numbers, residual, float(d.replica_devices)) + one_way_s
    return LayerTimes(
        t.model_s,
        d.numbers.kv_weight_share * linear_s,
        query_s,
        t.out_s - query_s,
        t.attention_s,
        d.memory_numbers.merge_launch_s,
        t.back_s,
        one_way_s,
        moved_s if d.replicas > 1 else 0.0,
        d.early,
    )


def play_rotation(batches: int, *, model_s: float = 1e-3, n_layers: int = 96) -> PlayedStep:
    """Return the rotational schedule at its ideal point, without network, played by the event engine.

    Args:
        batches: in flight, at least 2.
        model_s: time of one slice; attention takes ``model_s / (batches - 1)``.
        n_layers: layers that are played.

    Raises:
        UsageError: less than two batches.
    """
    attention_s = ideal_attention_s(model_s, batches)
    times = LayerTimes(model_s, 0.0, 0.0, 0.0, attention_s, 0.0, 0.0, 0.0, 0.0, False)
    program = lower_steps(times, batches, n_layers, attention_s)
    label = f"rotational schedule, {batches} batches"
    return PlayedStep(label, batches, n_layers, program, play(program), ideal_step_s(n_layers, model_s, batches))
