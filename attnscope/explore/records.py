"""Points as rows: what the model gives for them, as columns by name or as numpy structured records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.explore.compiled import Compiled, compile_group
from attnscope.explore.figures import FIGURES, FOLLOWING_EXPRESSIONS
from attnscope.explore.space import NAMED, Group, Space
from attnscope.mappings.spatial.batch import Batch
from attnscope.mappings.spatial.batch_trace import METRICS

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Records = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Points worked out: `numbers` [n], whether each is `legal` and `allowed` [n], `metrics` [len(METRICS), n].

    Metrics of illegal points are NaN.
    """

    numbers: Ints
    legal: Flags
    allowed: Flags
    metrics: Floats

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, which: Any) -> "Rows":
        return Rows(self.numbers[which], self.legal[which], self.allowed[which], self.metrics[:, which])

    def to_bytes(self) -> bytes:
        """Return flags and metrics; the numbers follow from the place where the bytes are kept."""
        flags = (self.legal + 2 * self.allowed).astype(np.uint8)
        return flags.tobytes() + np.ascontiguousarray(self.metrics).tobytes()

    @classmethod
    def from_bytes(cls, numbers: Ints, data: bytes) -> "Rows":
        """Return the points that `to_bytes` wrote."""
        n = len(numbers)
        flags = np.frombuffer(data, dtype=np.uint8, count=n)
        metrics = np.frombuffer(data, dtype=np.float64, offset=n) if n % 8 == 0 else np.frombuffer(data[n:])
        return cls(numbers, (flags & 1) != 0, (flags & 2) != 0, metrics.reshape(len(METRICS), n))


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Return the points of all parts one after another."""
    if not parts:
        none = np.zeros(0, dtype=np.bool_)
        return Rows(np.zeros(0, dtype=np.int64), none, none, np.zeros((len(METRICS), 0)))
    return Rows(
        np.concatenate([p.numbers for p in parts]),
        np.concatenate([p.legal for p in parts]),
        np.concatenate([p.allowed for p in parts]),
        np.concatenate([p.metrics for p in parts], axis=1),
    )


class Columns(Mapping[str, Any]):
    """Columns of points by name, each worked out when it is asked for: axes, any field of a file, figures, names."""

    def __init__(self, rows: Rows, space: Space) -> None:
        self.rows, self.space = rows, space
        self._which = rows.numbers // space.points_per_group

    def __getitem__(self, name: str) -> Any:
        if name in METRICS:
            return self.rows.metrics[METRICS.index(name)]
        if name in FOLLOWING_EXPRESSIONS:
            return FOLLOWING_EXPRESSIONS[name].value(self)
        if name in NAMED:
            texts = np.array([group.names[name] for group in self.space.groups])
            return texts[self._which]
        if name in self._strides:
            return self._axis(name)
        return self._field(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.space.names)

    def __len__(self) -> int:
        return len(self.space.names)

    @cached_property
    def _strides(self) -> dict[str, int]:
        strides, stride = {}, 1
        for axis in reversed(self.space.axes):
            strides[axis.path] = stride
            stride *= len(axis)
        return strides

    def _axis(self, path: str) -> NDArray[Any]:
        axis = next(axis for axis in self.space.axes if axis.path == path)
        values = np.array(axis.values, dtype=np.int64 if axis.whole else np.float64)
        return np.take(values, self.rows.numbers // self._strides[path] % len(axis))

    def _field(self, name: str) -> NDArray[Any]:
        """A field that is no axis: a constant or a derived value, group by group."""
        out: Any = None
        for group in self.space.groups:
            rows = np.flatnonzero(self._which == group.number)
            chosen = {path: self._axis(path)[rows] for path in self._strides}
            value = np.asarray(self.space.visible(group, chosen, self.space.fields(group, chosen))[name])
            out = np.zeros(len(self.rows), dtype=value.dtype) if out is None else out
            out[rows] = value
        return np.asarray(out)


def record_type(space: Space) -> np.dtype[Any]:
    """Return the type of a record: number, named parts, axes, whether it is legal and allowed, figures."""
    fields: list[tuple[str, Any]] = [("index", np.int64)]
    for name in NAMED:
        longest = max(len(group.names[name]) for group in space.groups)
        fields.append((name, f"U{longest}"))
    fields += [(axis.path, np.int64 if axis.whole else np.float64) for axis in space.axes]
    fields += [("legal", np.bool_), ("allowed", np.bool_)]
    return np.dtype([*fields, *((name, np.float64) for name in FIGURES)])


def records_of(rows: Rows, space: Space) -> Records:
    """Return points as structured records."""
    columns = Columns(rows, space)
    out = np.zeros(len(rows), dtype=record_type(space))
    own = {"index": rows.numbers, "legal": rows.legal, "allowed": rows.allowed}
    for name in out.dtype.names or ():
        out[name] = own[name] if name in own else columns[name]
    return out


def objectives_of(rows: Rows, space: Space) -> Floats:
    """Return [n, 3] what the space minimises, zero where it has fewer objectives."""
    columns, out = Columns(rows, space), np.zeros((len(rows), 3))
    for k, expression in enumerate(space.minimize):
        out[:, k] = expression.value(columns)
    return out


@dataclass(frozen=True)
class Evaluator:
    """Works out any points of a space; a group is traced when it is first asked for."""

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

    def rows(self, numbers: Sequence[int] | NDArray[Any]) -> Rows:
        """Return points by their numbers, in the given order."""
        given = np.asarray(numbers, dtype=np.int64)
        n = len(given)
        out = Rows(given, np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.full((len(METRICS), n), np.nan))
        which = given // self.space.points_per_group
        for number in np.unique(which):
            self._fill(self.space.groups[int(number)], np.flatnonzero(which == number), out)
        return out

    def _fill(self, group: Group, rows: Ints, out: Rows) -> None:
        compiled = self.compiled(group)
        if compiled.refusal:
            return
        if group.number not in self._batches:
            self._batches[group.number] = compiled.batch()
        part = Columns(out[rows], self.space)
        columns = {axis.path: part[axis.path].astype(float) for axis in self.space.axes}
        found = self._batches[group.number](columns or {"": np.zeros(len(rows))})
        legal = found["legal"] != 0.0
        out.legal[rows] = legal
        out.allowed[rows] = legal & (found["allowed"] != 0.0)
        for k, name in enumerate(METRICS):
            out.metrics[k, rows] = np.where(legal, found[name], np.nan)

    def records(self, numbers: Sequence[int] | NDArray[Any]) -> Records:
        """Return points by their numbers as structured records."""
        return records_of(self.rows(numbers), self.space)
