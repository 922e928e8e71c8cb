"""Mappings and devices side by side, with ratios to the first row that is legal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attnscope.simulator.estimate import Estimate


@dataclass(frozen=True)
class Refusal:
    """A pair that was not evaluated, and why."""

    mapping: str
    device: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """Estimates of one workload; `baseline` is the first. `refused` pairs keep their reasons."""

    workload: str
    estimates: tuple[Estimate, ...]
    refused: tuple[Refusal, ...] = ()

    @property
    def baseline(self) -> Estimate:
        """The row that the ratios refer to."""
        return self.estimates[0]

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per estimate with `speedup` and `energy_ratio` against the baseline."""
        base = self.baseline
        return [
            {
                **estimate.to_records()[0],
                "speedup": base.latency_s / estimate.latency_s,
                "energy_ratio": estimate.energy_j / base.energy_j if base.energy_j else float("nan"),
            }
            for estimate in self.estimates
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "workload": self.workload,
            "baseline": {"mapping": self.baseline.mapping, "device": self.baseline.device},
            "rows": self.to_records(),
            "refused": [{"mapping": r.mapping, "device": r.device, "reason": r.reason} for r in self.refused],
        }


def fastest(estimates: Sequence[Estimate]) -> Estimate:
    """Return the estimate with the lowest latency; the first of equals."""
    return min(estimates, key=lambda estimate: estimate.latency_s)
