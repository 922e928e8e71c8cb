"""The one answer: what a program costs on a device, in parts that sum to the totals."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from attnscope import __version__

MODEL_VERSION = __version__
SCHEMA = 1


@dataclass(frozen=True)
class Traffic:
    """Bytes that one tensor moves through the ports of one storage level."""

    level: str
    tensor: str
    read_bytes: float
    write_bytes: float

    @property
    def bytes(self) -> float:
        """Read and written together [bytes]."""
        return self.read_bytes + self.write_bytes


@dataclass(frozen=True)
class Estimate:
    """Latency, energy and traffic of one workload under one mapping on one device.

    Attributes:
        workload, mapping, device: names of the inputs; `inputs` holds their values.
        latency_s: time from the first byte read to the last byte written [s].
        busy_s: time that each resource works [s].
        utilization: share of each resource's peak that does useful work over the latency, 0 to 1.
        energy_parts_j: energy by component [J]; `energy_j` is their sum.
        traffic: bytes by level and tensor; `bytes` sums them by level.
        occupancy_bytes: most bytes held at once by each level that has a capacity.
        choices: what the mapping chose for this shape (tile counts, residency, spills).
        limiter: the resource that sets the latency.
        because: one sentence that says why.
        warnings: what the reader has to know before using the figures.
        accounting: which energy accounting the figures follow; empty where the device has only one.
    """

    workload: str
    mapping: str
    device: str
    latency_s: float
    limiter: str
    because: str
    busy_s: Mapping[str, float]
    utilization: Mapping[str, float]
    energy_parts_j: Mapping[str, float] = field(default_factory=dict)
    traffic: tuple[Traffic, ...] = ()
    occupancy_bytes: Mapping[str, float] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    accounting: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def energy_j(self) -> float:
        """Sum of the energy parts [J]."""
        return sum(self.energy_parts_j.values())

    @cached_property
    def bytes(self) -> dict[str, float]:
        """Bytes moved through each level, all tensors, reads and writes together."""
        totals: dict[str, float] = {}
        for row in self.traffic:
            totals[row.level] = totals.get(row.level, 0.0) + row.bytes
        return totals

    @cached_property
    def input_hash(self) -> str:
        """Twelve hexadecimal digits that name the inputs and the model that made this estimate."""
        text = json.dumps([MODEL_VERSION, SCHEMA, _plain(self.inputs)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values; `energy_j`, `bytes` and the provenance are included."""
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        plain["energy_j"] = self.energy_j
        plain["bytes"] = self.bytes
        plain["traffic"] = [
            {"level": t.level, "tensor": t.tensor, "read_bytes": t.read_bytes, "write_bytes": t.write_bytes}
            for t in self.traffic
        ]
        plain["provenance"] = {"model_version": MODEL_VERSION, "schema": SCHEMA, "input_hash": self.input_hash}
        return plain

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row with a unit in every column name."""
        row: dict[str, Any] = {"workload": self.workload, "mapping": self.mapping, "device": self.device}
        row |= {"latency_s": self.latency_s, "energy_j": self.energy_j, "limiter": self.limiter}
        row |= {f"{level}_bytes": total for level, total in self.bytes.items()}
        row |= {f"utilization_{name}": share for name, share in self.utilization.items()}
        row |= {f"busy_{name}_s": busy for name, busy in self.busy_s.items()}
        row |= {f"energy_{name}_j": joules for name, joules in self.energy_parts_j.items()}
        return [row]


def in_series(parts: Sequence[Estimate], *, workload: str, mapping: str) -> Estimate:
    """Return the estimate of `parts` run one after another on one device: times, energies and traffic add up."""
    latency_s = sum(part.latency_s for part in parts)
    longest = max(parts, key=lambda part: part.latency_s)
    resources = dict.fromkeys(name for part in parts for name in part.busy_s)
    traffic: dict[tuple[str, str], Traffic] = {}
    for row in (row for part in parts for row in part.traffic):
        old = traffic.get((row.level, row.tensor), Traffic(row.level, row.tensor, 0.0, 0.0))
        traffic[row.level, row.tensor] = Traffic(
            row.level, row.tensor, old.read_bytes + row.read_bytes, old.write_bytes + row.write_bytes
        )
    return Estimate(
        workload=workload,
        mapping=mapping,
        device=longest.device,
        latency_s=latency_s,
        limiter=longest.limiter,
        because=f"{longest.workload} takes {longest.latency_s / latency_s:.0%} of the time. {longest.because}",
        busy_s={name: sum(part.busy_s.get(name, 0.0) for part in parts) for name in resources},
        utilization={
            name: sum(part.utilization.get(name, 0.0) * part.latency_s for part in parts) / latency_s
            for name in resources
        },
        energy_parts_j=_summed([part.energy_parts_j for part in parts]),
        traffic=tuple(traffic.values()),
        occupancy_bytes=_highest([part.occupancy_bytes for part in parts]),
        choices={"latency_s_by_part": {part.workload: part.latency_s for part in parts}, **longest.choices},
        warnings=tuple(dict.fromkeys(text for part in parts for text in part.warnings)),
        accounting=longest.accounting,
        inputs={"parts": [part.inputs for part in parts]},
    )


def _summed(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for table in tables for key in table)
    return {key: sum(table.get(key, 0.0) for table in tables) for key in keys}


def _highest(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = dict.fromkeys(key for table in tables for key in table)
    return {key: max(table.get(key, 0.0) for table in tables) for key in keys}


def _plain(value: Any) -> Any:
    """Nested values as dictionaries, lists, numbers and text."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
