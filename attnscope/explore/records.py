"""Points as rows: numpy structured records with the named parts, the values of the axes and all figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.explore.compiled import Compiled, compile_group
from attnscope.explore.figures import FIGURES
from attnscope.explore.space import NAMED, Group, Space
from attnscope.mappings.spatial.batch import Batch

Ints = NDArray[np.int64]
Records = NDArray[Any]


def record_type(space: Space) -> np.dtype[Any]:
    """Return the type of a record: number, named parts, axes, whether it is legal and allowed, figures."""
    fields: list[tuple[str, Any]] = [("index", np.int64)]
    for name in NAMED:
        longest = max(len(group.names[name]) for group in space.groups)
        fields.append((name, f"U{longest}"))
    fields += [(axis.path, np.int64 if axis.whole else np.float64) for axis in space.axes]
    fields += [("legal", np.bool_), ("allowed", np.bool_)]
    return np.dtype([*fields, *((name, np.float64) for name in FIGURES)])


@dataclass(frozen=True)
class Evaluator:
    """Works out any points of a space: the groups are traced when they are first asked for."""

    space: Space

    @cached_property
    def _compiled(self) -> dict[int, Compiled]:
        return {}

    @cached_property
    def _batches(self) -> dict[int, Batch]:
        return {}

    def compiled(self, group: Group) -> Compiled:
        """Return the traced figures of a group."""
        if group.number not in self._compiled:
            self._compiled[group.number] = compile_group(self.space, group)
        return self._compiled[group.number]

    def records(self, numbers: Ints) -> Records:
        """Return one record for each point number, in the given order. Figures of illegal points are NaN."""
        out = np.zeros(len(numbers), dtype=record_type(self.space))
        numbers = np.asarray(numbers, dtype=np.int64)
        out["index"] = numbers
        which = numbers // self.space.points_per_group
        for number in np.unique(which):
            rows = np.flatnonzero(which == number)
            part = out[rows]
            self._fill(self.space.groups[int(number)], part)
            out[rows] = part
        return out

    def _fill(self, group: Group, part: Records) -> None:
        for name, text in group.names.items():
            part[name] = text
        columns = self._decode(part["index"] % self.space.points_per_group)
        for path, values in columns.items():
            part[path] = values
        compiled = self.compiled(group)
        if compiled.refusal:
            for name in FIGURES:
                part[name] = np.nan
            return
        if group.number not in self._batches:
            self._batches[group.number] = compiled.batch()
        found = self._batches[group.number]({path: v.astype(float) for path, v in columns.items()} or {"": np.zeros(len(part))})
        part["legal"] = found["legal"] != 0.0
        part["allowed"] = part["legal"] & (found["allowed"] != 0.0)
        for name in FIGURES:
            part[name] = np.where(part["legal"], found[name], np.nan)

    def _decode(self, within: Ints) -> Mapping[str, NDArray[Any]]:
        """The value of each axis at the given numbers within a group."""
        columns, stride = {}, 1
        for axis in reversed(self.space.axes):
            values = np.array(axis.values, dtype=np.int64 if axis.whole else np.float64)
            columns[axis.path] = values[within // stride % len(axis)]
            stride *= len(axis)
        return columns

    def objectives(self, records: Records) -> NDArray[np.float64]:
        """Return [n, 3] what the space minimises, zero where it has fewer objectives."""
        out = np.zeros((len(records), 3))
        for k, expression in enumerate(self.space.minimize):
            out[:, k] = expression.value(columns_of(records, self.space))
        return out


class columns_of(Mapping[str, Any]):  # noqa: N801 - reads as a function, is a lazy table
    """Columns of records by name; fields that are the same for all points of a group come from its files."""

    def __init__(self, records: Records, space: Space) -> None:
        self.records, self.space = records, space

    def __getitem__(self, name: str) -> Any:
        if name in (self.records.dtype.names or ()):
            return self.records[name]
        return self._worked_out(name)

    def __iter__(self) -> Any:
        return iter(self.space.names)

    def __len__(self) -> int:
        return len(self.space.names)

    def _worked_out(self, name: str) -> Any:
        """A field that is no axis: the same expression or constant for all points of a group."""
        space, records = self.space, self.records
        which = records["index"] // space.points_per_group
        out: Any = None
        for group in space.groups:
            rows = which == group.number
            chosen = {axis.path: records[axis.path][rows] for axis in space.axes}
            visible = space.visible(group, chosen, space.fields(group, chosen))
            value = visible[name]
            if out is None:
                out = np.zeros(len(records), dtype=np.asarray(value).dtype if not isinstance(value, str) else "U64")
            out[rows] = value
        return out


def concatenated(parts: Sequence[Records], space: Space) -> Records:
    """Return the records one after another."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=record_type(space))
