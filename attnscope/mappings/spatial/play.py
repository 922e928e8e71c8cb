"""The second engine: the lowered program played in time, beside the closed form it has to agree with."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.evaluate import evaluate
from attnscope.mappings.spatial.lower import lower
from attnscope.simulator.estimate import Estimate
from attnscope.simulator.events import Schedule, play
from attnscope.simulator.program import Program
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape


@dataclass(frozen=True)
class Played:
    """A layer, or the `share` of it that was lowered, as the event engine played it, and its closed form.

    `latency_s` is that of the whole layer: the makespan divided by the share.
    """

    estimate: Estimate
    program: Program
    schedule: Schedule
    share: float

    @cached_property
    def latency_s(self) -> float:
        """Latency of the layer by the event engine [s]."""
        return self.schedule.makespan_s / self.share

    @property
    def against_closed_form(self) -> float:
        """Latency by events over latency by the closed form, minus one."""
        return self.latency_s / self.estimate.latency_s - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return both latencies and the busy shares as plain values."""
        return {
            "workload": self.estimate.workload,
            "mapping": self.estimate.mapping,
            "device": self.estimate.device,
            "latency_events_s": self.latency_s,
            "latency_closed_form_s": self.estimate.latency_s,
            "difference": self.against_closed_form,
            "share_played": self.share,
            "n_tasks": self.program.n_tasks,
            "busy_fraction": dict(self.schedule.busy_fraction),
        }


def play_mapping(
    shape: AttentionShape,
    mapping: SpatialMapping,
    device: SpatialDevice,
    *,
    block: int | None = None,
    max_tasks: int = 2_000_000,
    workload: str = "",
) -> Played:
    """Return the layer played by the event engine; `max_tasks` bounds how much of it is lowered.

    Raises:
        IllegalMappingError: as `evaluate`.
    """
    closed = evaluate(shape, mapping, device, block=block, workload=workload)
    program, share = lower(shape, mapping, device, block=block, max_tasks=max_tasks)
    return Played(closed, program, play(program), share)
