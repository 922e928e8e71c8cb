"""What `attnscope offload` answers: pools beside a homogeneous one, played and replayed where that was asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnscope.cli.output import Record

if TYPE_CHECKING:
    from attnscope.mappings.offload.play import PlayedStep
    from attnscope.mappings.offload.replay import Replay
    from attnscope.mappings.offload.result import OffloadEstimate


@dataclass(frozen=True)
class OffloadAnswer:
    """The steady state, a decode step by the event engine, and replays on the deployment and its homogeneous pool."""

    estimate: "OffloadEstimate"
    played: "PlayedStep | None" = None
    replays: tuple["Replay", ...] = ()

    @property
    def idle(self) -> tuple[str, ...]:
        """Why each resource of the played step waits."""
        step = self.played
        return tuple(step.schedule.explain_idle(name) for name in step.program.resources) if step else ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        plain = self.estimate.to_dict()
        if self.played:
            plain["played"] = {**self.played.to_dict(), "idle": list(self.idle)}
        if self.replays:
            plain["replays"] = [replay.to_dict() for replay in self.replays]
        return plain

    def to_records(self) -> list[Record]:
        """Return one row per deployment, with the distributions of its replay."""
        rows = self.estimate.to_records()
        for row, replay in zip(rows, self.replays, strict=False):
            for spread in replay.to_records():
                quantity = spread.pop("quantity")
                row.update({f"replay_{quantity}_{name}": value for name, value in spread.items()})
        return rows

    def save_timeline(self, path: Path) -> None:
        """Draw the played step: pools, replicas and both directions of the link."""
        from attnscope.simulator.timeline import save_timeline

        if self.played:
            save_timeline(path, self.played.program, self.played.schedule, item_name="turn", title=self.played.label)
