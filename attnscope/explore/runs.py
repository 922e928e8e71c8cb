"""Reading a run back: from a store on disk, or from a sweep in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attnscope.explore.axes import Axis
from attnscope.explore.expressions import Expression
from attnscope.explore.outcome import Keep, Sweep
from attnscope.explore.records import Evaluator, Rows, joined_rows
from attnscope.explore.segments import Job
from attnscope.explore.space import Group, Space
from attnscope.explore.store import Store
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape

RunLike = Sweep | str | Path


@dataclass(frozen=True)
class Run:
    """A run that can be asked: its space, how far it is, its front and, where they are kept, its points.

    Attributes:
        name: of the run. space: what was asked. keep: `front` or `all`.
        n_points: points asked for; `share` of them worked out.
        n_legal, n_allowed: of those worked out. front: its points.
        source: the store, or the sweep itself.
    """

    name: str
    space: Space
    keep: Keep
    n_sampled: int
    n_points: int
    share: float
    n_legal: int
    n_allowed: int
    front: Rows
    source: RunLike

    def blocks(self) -> Iterator[Rows]:
        """Yield the points that the run keeps, some at a time: all of them, or the front."""
        if self.keep == "front":
            yield self.front
            return
        job = Job(self.space, self.keep, self.n_sampled)
        if isinstance(self.source, Sweep):
            evaluator = Evaluator(self.space)
            for segment in range(job.n_segments):
                yield evaluator.rows(job.numbers(segment))
            return
        with Store(self.source, must_exist=True) as base:
            for segment, data in base.points(self.name):
                yield Rows.from_bytes(job.numbers(segment), data)

    def kept(self) -> Rows:
        """Return all points that the run keeps."""
        return joined_rows(list(self.blocks()))


def open_run(run: RunLike, name: str | None = None) -> Run:
    """Return a run of a store, or the run behind a `Sweep`.

    Args:
        run: a `Sweep`, or the path of a store.
        name: of the run in the store, or its title; the newest by default.

    Raises:
        StoreError: no such store or run, or one of another model version.
    """
    if isinstance(run, Sweep) and not run.store:
        return _in_memory(run)
    path, name = (run.store, run.run) if isinstance(run, Sweep) else (run, name)
    with Store(path, must_exist=True) as base:
        found = base.find(name)
        table, keep, n_points = base.header(found)
        progress = base.progress(found)
        kept = base.front_rows(found)
    space = space_from_dict(table)
    numbers = progress.found.numbers
    front = Rows.from_bytes(numbers, kept) if kept is not None else Evaluator(space).rows(numbers)
    share = progress.n_done / max(1, progress.n_segments)
    counts = progress.found.n_legal, progress.found.n_allowed
    mode: Keep = "all" if keep == "all" else "front"
    return Run(found, space, mode, table["n_sampled"], n_points, share, *counts, front, path)


def _in_memory(run: Sweep) -> Run:
    rows = Evaluator(run.space).rows(run.front["index"])
    counts = run.n_legal, run.n_allowed
    return Run(run.run, run.space, run.keep, run.n_sampled, run.n_points, 1.0, *counts, rows, run)


def space_from_dict(table: Mapping[str, Any]) -> Space:
    """Return the space that `Space.to_dict` wrote."""
    axes = tuple(Axis(path, tuple(values)) for path, values in table["axes"].items())
    points = int(np.prod([len(axis) for axis in axes], dtype=np.int64))
    groups = tuple(_group(i, group, i * points) for i, group in enumerate(table["groups"]))
    return Space(
        title=table["title"],
        question=table["question"],
        groups=groups,
        axes=axes,
        derived={path: Expression(text, f"derived {path}") for path, text in table["derived"].items()},
        constraints=tuple(Expression(text, "constraint") for text in table["constraints"]),
        minimize=tuple(Expression(text, "minimize") for text in table["minimize"]),
        where=table["title"],
    )


def _group(number: int, table: Mapping[str, Any], first: int) -> Group:
    return Group(
        number=number,
        workload=table["workload"],
        shape=AttentionShape(**table["shape"]),
        mapping=SpatialMapping.model_validate(table["mapping"]),
        device=SpatialDevice.model_validate(table["device"]),
        accounting=table["accounting"],
        first=first,
    )
