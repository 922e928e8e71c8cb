"""A design space: every combination of workloads, mappings, devices and the values of their fields.

Points are numbered. The named parts (workload, mapping, device, accounting) change slowest, one group of points for
each combination; the last axis changes fastest. Axes come in the order of `_speed`, then as they were given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from attnscope.errors import SpecError
from attnscope.explore.axes import Axis, Value
from attnscope.explore.expressions import Expression
from attnscope.explore.figures import FIGURES
from attnscope.mappings.spatial.batch_operations import INT
from attnscope.mappings.spatial.batch_symbols import Number
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.energy import Accounting
from attnscope.mappings.spatial.evaluate import evaluate
from attnscope.simulator.estimate import Estimate
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.specs import dotted, with_fields
from attnscope.units import format_length
from attnscope.workloads.models import Model
from attnscope.workloads.shape import AttentionShape

SIZES = tuple(f.name for f in fields(AttentionShape))
MAPPING_FIELDS = {"block": int, "row_cap": int, "buffer_share": float}
# One name for several fields: the edge of a square array with as many vector lanes.
SHORTHANDS = {
    "workload.seq_len": ("workload.queries", "workload.keys"),
    "device.pe_dim": ("device.array_2d.rows", "device.array_2d.columns", "device.array_1d.columns"),
}
NAMED = ("workload", "mapping", "device", "accounting")


@dataclass(frozen=True)
class Group:
    """The points of a space that share workload, mapping, device and accounting; `first` is the number of the first."""

    number: int
    workload: str
    shape: AttentionShape
    mapping: SpatialMapping
    device: SpatialDevice
    accounting: Accounting
    first: int

    @property
    def names(self) -> dict[str, str]:
        """The named parts."""
        return {
            "workload": self.workload,
            "mapping": self.mapping.name,
            "device": self.device.name,
            "accounting": self.accounting,
        }

    @cached_property
    def base(self) -> dict[str, Any]:
        """Every field by dotted path, as the files have it."""
        table = {f"workload.{name}": getattr(self.shape, name) for name in SIZES}
        table |= {f"mapping.{name}": getattr(self.mapping, name, None) for name in MAPPING_FIELDS}
        table |= {f"device.{k}": v for k, v in dotted(self.device.model_dump()).items() if _is_number(v)}
        return {**table, **self.names}


@dataclass(frozen=True)
class Point:
    """One design point: its number, the named parts, and the fields that differ from the files."""

    index: int
    group: Group
    values: Mapping[str, Value]
    fields: Mapping[str, Value]

    @property
    def shape(self) -> AttentionShape:
        """Sizes of the layer."""
        return self.group.shape.with_sizes(**self._below("workload."))

    @property
    def device(self) -> SpatialDevice:
        """The device with the fields of this point."""
        return with_fields(self.group.device, self._below("device."), f"device {self.group.device.name}")

    @property
    def mapping(self) -> SpatialMapping:
        """The mapping with the parameters of this point."""
        given = {k: v for k, v in self._below("mapping.").items() if k != "block"}
        return with_fields(self.group.mapping, given, f"mapping {self.group.mapping.name}")

    def estimate(self) -> Estimate:
        """Return the single estimate of this point.

        Raises:
            IllegalMappingError: the mapping does not fit.
        """
        shape = self.shape
        name = f"{self.group.workload} {format_length(shape.queries)}"
        block: Any = self.fields.get("mapping.block")
        return evaluate(shape, self.mapping, self.device, accounting=self.group.accounting, block=block, workload=name)

    def _below(self, prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in self.fields.items() if k.startswith(prefix)}


@dataclass(frozen=True)
class Space:
    """A design space.

    Attributes:
        title: one line; `question` the reader's question, where the file has one.
        groups: combinations of the named parts. axes: free parameters.
        derived: fields that follow from others, in order.
        constraints: what a point must satisfy. minimize: the objectives, up to three.
        where: the file the space was read from, for messages.
    """

    title: str
    question: str
    groups: tuple[Group, ...]
    axes: tuple[Axis, ...]
    derived: Mapping[str, Expression]
    constraints: tuple[Expression, ...]
    minimize: tuple[Expression, ...]
    where: str = "space"

    @property
    def points_per_group(self) -> int:
        """Points of each group."""
        return prod(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.groups) * self.points_per_group

    def __len__(self) -> int:
        return self.size

    @property
    def names(self) -> tuple[str, ...]:
        """Names that expressions may use."""
        common = [set(group.base) for group in self.groups]
        shared = [name for name in self.groups[0].base if all(name in table for table in common)]
        return tuple(dict.fromkeys([*(axis.path for axis in self.axes), *SHORTHANDS, *shared, *FIGURES]))

    def digits(self, index: int) -> tuple[int, ...]:
        """Return which value of each axis the point `index` has."""
        rest, out = index % self.points_per_group, []
        for axis in reversed(self.axes):
            rest, digit = divmod(rest, len(axis))
            out.append(digit)
        return tuple(reversed(out))

    def point(self, index: int) -> Point:
        """Return the point `index`.

        Raises:
            SpecError: a derived field comes out as something the field refuses.
        """
        group = self.groups[index // self.points_per_group]
        chosen = {axis.path: axis.values[d] for axis, d in zip(self.axes, self.digits(index), strict=True)}
        return Point(index, group, chosen, self.fields(group, chosen))

    def fields(self, group: Group, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the files that `chosen` values of the axes replace; works on traced numbers alike."""
        out: dict[str, Any] = {}
        for path, value in chosen.items():
            targets = SHORTHANDS.get(path, (path,) if "." in path else ())
            out |= dict.fromkeys(targets, value)
        if "workload.heads" in out and group.shape.heads == group.shape.kv_heads:
            out.setdefault("workload.kv_heads", out["workload.heads"])  # as `AttentionShape.with_sizes` has it
        for path, expression in self.derived.items():
            value = expression.value(self.visible(group, chosen, out))
            for target in SHORTHANDS.get(path, (path,)):
                out[target] = self._fitted(group, target, value)
        return out

    def visible(self, group: Group, chosen: Mapping[str, Any], replaced: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every name at a point, figures left out."""
        table = {**group.base, **chosen, **replaced}
        shorthand = {name: table[targets[-1]] for name, targets in SHORTHANDS.items()}
        return {**shorthand, **table}

    def _fitted(self, group: Group, path: str, value: Any) -> Any:
        """A derived value as the kind of number its field holds."""
        if isinstance(value, np.ndarray):
            return value.astype(np.int64 if is_whole(path, group) else np.float64)
        if is_whole(path, group):
            kind = value.node.kind if isinstance(value, Number) else type(value).__name__
            if kind != INT:
                raise SpecError(
                    f"{self.where}: derived {path} = {self.derived[path].text!r} is not a whole number. "
                    "Put floor(...) or ceil(...) around it."
                )
            return value
        return value.real() if isinstance(value, Number) else float(value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that name the space completely: names, axes, files in full, constraints, objectives."""
        groups = [
            {
                **group.names,
                "shape": group.shape.to_dict(),
                "device": group.device.model_dump(mode="json"),
                "mapping": group.mapping.model_dump(mode="json"),
            }
            for group in self.groups
        ]
        return {
            "title": self.title,
            "question": self.question,
            "groups": groups,
            "axes": {axis.path: list(axis.values) for axis in self.axes},
            "derived": {path: expression.text for path, expression in self.derived.items()},
            "constraints": [expression.text for expression in self.constraints],
            "minimize": [expression.text for expression in self.minimize],
            "size": self.size,
        }


def is_whole(path: str, group: Group) -> bool:
    """Return whether the field at `path` holds whole numbers."""
    if path.startswith("mapping."):
        return MAPPING_FIELDS[path.removeprefix("mapping.")] is int
    return isinstance(group.base[path], int)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def speed(path: str) -> int:
    """Return how fast an axis should change: what decides the tiling slowly, what only scales the result fast."""
    if path.startswith("workload."):
        return 0
    if path.startswith(("device.dram.", "device.clock.")):
        return 3
    shapes = ("mapping.", "device.pe_dim", "device.array_2d.rows", "device.array_2d.columns", "device.array_1d.columns")
    return 1 if path.startswith(shapes) or path == "device.buffer.capacity_bytes" or "." not in path else 2


def grouped(
    workloads: Sequence[tuple[str, Model | AttentionShape]],
    mappings: Sequence[SpatialMapping],
    devices: Sequence[SpatialDevice],
    accountings: Sequence[Accounting],
    points: int,
) -> Iterator[Group]:
    """Yield one group for each combination of the named parts."""
    for i, (work, mapping, device, accounting) in enumerate(product(workloads, mappings, devices, accountings)):
        name, sizes = work
        shape = sizes if isinstance(sizes, AttentionShape) else sizes.attention()
        yield Group(i, name, shape, mapping, device, accounting, i * points)
