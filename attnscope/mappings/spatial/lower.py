"""Lowering to a program: one task per Einsum and tile, one per tile moved, with the dependencies of the cascade.

The event engine gets no formula. What it needs to derive stalls, overlap and fill is here: which tile of which Einsum
needs which other (from the cascade), how long one tile takes on its array (the same cycle count as the closed form, for
one tile), how many score tiles the array may hold, and when a column result has left it.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.expressions import Access, Expr, Size, shifted
from attnscope.mappings.spatial.counts import array_cycles
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.evaluate import resolve
from attnscope.mappings.spatial.lower_memory import add_transfers, dram_traffic
from attnscope.mappings.spatial.plan import Plan, Sizes, Work
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.simulator.program import Program, dependency_lists
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape

Tasks = NDArray[np.int64]
RESOURCES = ("array_2d", "array_1d", "dram")
_BLOCKS_IN_FLIGHT = 2  # one being finished while the next one starts


def lower(
    shape: AttentionShape,
    mapping: SpatialMapping,
    device: SpatialDevice,
    *,
    block: int | None = None,
    max_tasks: int = 2_000_000,
) -> tuple[Program, float]:
    """Return the program of one attention layer, and the share of the layer's tiles that it plays.

    A layer of more than about `max_tasks` tasks is cut to whole heads, then to whole rows of query tiles: its steady
    state repeats, so that latency is the makespan divided by the share.
    """
    plan, full, tiling = resolve(shape, mapping, device, block)
    s = _cut(plan, full, tiling, max_tasks)
    share = (s.instances * s.P_tiles) / (full.instances * full.P_tiles)
    moved = {key: words * share for key, words in dram_traffic(plan, full, tiling).items()}
    return Lowering(plan, s, tiling, moved).program(), share


def _cut(plan: Plan, s: Sizes, tiling: Tiling, max_tasks: int) -> Sizes:
    per_row = s.M1 * (len(plan.works) + 2)
    rows = max(1, max_tasks // per_row)
    heads = rows // s.P_tiles
    if heads >= 1:
        return replace(s, instances=min(s.instances, heads))
    tiles = max(min(tiling.block_tiles, rows), rows // tiling.block_tiles * tiling.block_tiles)
    return replace(s, instances=1, P_tiles=tiles, P=min(s.P, tiles * plan.device.array_2d.columns))


class Lowering:
    """The arrays of a program while they are filled; tiles are numbered in program order."""

    def __init__(self, plan: Plan, s: Sizes, tiling: Tiling, dram_words: Mapping[tuple[str, bool], float]) -> None:
        self.plan, self.s, self.tiling, self.dram_words = plan, s, tiling, dram_words
        self.head, self.p, self.m = _order(s, tiling)
        self.n_tiles = len(self.head)
        self.tile_at = np.empty((s.instances, s.P_tiles, s.M1), dtype=np.int64)
        self.tile_at[self.head, self.p, self.m] = np.arange(self.n_tiles)
        self.kinds: list[str] = []
        self.columns: list[tuple[Tasks, ...]] = []
        self.durations: list[NDArray[np.float64]] = []
        self.later: list[Tasks] = []
        self.earlier: list[Tasks] = []
        self.n_tasks = 0
        self.tasks: dict[str, Tasks] = {}
        self.phase_tasks: list[list[Tasks]] = [[] for _ in range(plan.n_phases)]

    def program(self) -> Program:
        """Return the finished program."""
        for work in self.plan.works:
            self._add_work(work)
        for work in self.plan.works:
            self._link_work(work)
        self._gate()
        add_transfers(self)
        self._separate_phases()
        resource, latency, priority, kind, item = (np.concatenate(c) for c in zip(*self.columns, strict=True))
        dep_ptr, dep = dependency_lists(self.n_tasks, np.concatenate(self.later), np.concatenate(self.earlier))
        return Program(
            resources=RESOURCES,
            resource=resource.astype(np.int32),
            duration=np.concatenate(self.durations),
            latency=latency.astype(np.float64),
            priority=priority,
            dep_ptr=dep_ptr,
            dep=dep,
            kind=kind.astype(np.int32),
            kinds=tuple(self.kinds),
            item=item,
            tick_s=1.0 / self.plan.device.clock.frequency_hz,
        )

    def add(
        self, kind: str, resource: str, duration: NDArray[np.float64], item: Tasks, priority: Tasks, latency: int = 0
    ) -> Tasks:
        """Add one task per item and return their numbers; an empty resource makes a milestone."""
        n = len(item)
        index = RESOURCES.index(resource) if resource else -1
        constant = [np.full(n, v, dtype=np.int64) for v in (index, latency, len(self.kinds))]
        self.columns.append((constant[0], constant[1], priority, constant[2], item))
        self.durations.append(duration.astype(np.float64))
        self.kinds.append(kind)
        self.n_tasks += n
        return np.arange(self.n_tasks - n, self.n_tasks)

    def after(self, later: Tasks, earlier: Tasks) -> None:
        """Let each task of `later` wait for the one of `earlier` at the same place."""
        self.later.append(later)
        self.earlier.append(earlier)

    def per_tile(self, work: Work) -> bool:
        """Whether the Einsum runs once per score tile; otherwise once per row of query tiles."""
        return "M" in work.symbols or "M1" in work.symbols

    def last_key_tile(self) -> Tasks:
        """Tiles that finish a row of query tiles, in program order."""
        return np.flatnonzero(self.m == self.s.M1 - 1)

    def _add_work(self, work: Work) -> None:
        tiles = np.arange(self.n_tiles) if self.per_tile(work) else self.last_key_tile()
        order = [name for bind in self.plan.mapping.bind for name in bind.einsums].index(work.name)
        interleaved = self.plan.mapping.in_flight == "registers"
        # Ready short work first keeps both arrays fed; with one tile in flight the listed order is the critical path.
        long = int(interleaved and bool({"E", "F"} & {*work.symbols}))
        priority = ((long + work.phase * 2) * self.n_tiles + tiles) * 64 + order
        latency = self.plan.device.array_2d.rows if work.name in self.plan.mapping.drains else 0
        duration = self._tile_cycles(work)[self._edge(tiles)]
        self.tasks[work.name] = self.add(work.name, work.array, duration, tiles, priority, latency)
        self.phase_tasks[work.phase].append(self.tasks[work.name])

    def _edge(self, tiles: Tasks) -> Tasks:
        """0 for a full tile, +1 in the last query tile, +2 in the last key tile: the last ones may be partial."""
        edge: Tasks = (self.p[tiles] == self.s.P_tiles - 1) * 1 + (self.m[tiles] == self.s.M1 - 1) * 2
        return edge

    def _tile_cycles(self, work: Work) -> NDArray[np.float64]:
        s, array = self.s, self.plan.device.array_2d
        last_p = s.P - (s.P_tiles - 1) * array.columns
        last_m = s.M - (s.M1 - 1) * array.rows
        sizes = [
            {"P": p, "M": m, "M1": 1, "E": s.E, "F": s.F}
            for m in (min(s.M, array.rows), last_m)
            for p in (min(s.P, array.columns), last_p)
        ]
        return np.array(
            [array_cycles(1, [size[x] for x in work.symbols], work.parallel, work.op_cycles) for size in sizes],
            dtype=np.float64,
        )

    def _link_work(self, work: Work) -> None:
        einsum = self.plan.cascade.einsum(work.name)
        mine = self.tasks[work.name]
        if self.per_tile(work) and work.reduces and not work.within_tile and work.reduced == "M":
            self._after_previous_key_tile(mine, mine)
        for access in einsum.reads:
            if access.tensor in self.tasks:
                self._link_access(work, mine, access)

    def _link_access(self, work: Work, mine: Tasks, access: Access) -> None:
        made, maker = self.tasks[access.tensor], self.plan.cascade.einsum(access.tensor)
        if not self.per_tile(self.work(access.tensor)):
            self.after(mine, made[self._row_of(work)])
        elif any(isinstance(index, Size) for index in access.indices) or self._reduced_to_rows(access.tensor):
            last = self.last_key_tile()
            self.after(mine, made[last] if not self.per_tile(work) else made[last][self._row_of(work)])
        elif maker.iterative and any((shifted(index) or (None, 0))[1] == 0 for index in self._generation(access)):
            self._after_previous_key_tile(mine, made)
        else:
            self.after(mine, made)

    def _generation(self, access: Access) -> list[Expr]:
        """The index of an iterative tensor that says which generation is read."""
        maker = self.plan.cascade.einsum(access.tensor)
        ranks = self.plan.cascade.tensor_ranks(access.tensor)
        carried = maker.iterative.rank if maker.iterative else ""
        return [index for index, rank in zip(access.indices, ranks, strict=True) if rank == carried]

    def work(self, name: str) -> Work:
        """Return the work of one Einsum."""
        return next(w for w in self.plan.works if w.name == name)

    def _reduced_to_rows(self, tensor: str) -> bool:
        """Whether the tensor has one value per query, complete only after the last key tile."""
        return not {"M", "M1"} & {rank.rstrip("'") for rank in self.plan.cascade.tensor_ranks(tensor)}

    def _row_of(self, work: Work) -> Tasks:
        """For each task of `work` the number of its row of query tiles, in the order of `last_key_tile`."""
        last = self.last_key_tile()
        row = np.empty((self.s.instances, self.s.P_tiles), dtype=np.int64)
        row[self.head[last], self.p[last]] = np.arange(len(last))
        tiles = np.arange(self.n_tiles) if self.per_tile(work) else last
        rows: Tasks = row[self.head[tiles], self.p[tiles]]
        return rows

    def _after_previous_key_tile(self, later: Tasks, earlier: Tasks) -> None:
        tiles = np.flatnonzero(self.m > 0)
        before = self.tile_at[self.head[tiles], self.p[tiles], self.m[tiles] - 1]
        self.after(later[tiles], earlier[before])

    def _gate(self) -> None:
        """A score tile enters the array only when one of those in flight has been worked off."""
        if self.plan.n_phases > 1:
            return
        first = self.tasks[self.plan.works[0].name]
        window = self._window()
        if window < self.n_tiles:
            for name in self._last_of_a_tile():
                self.after(first[window:], self.tasks[name][:-window])

    def _window(self) -> int:
        if self.tiling.spilled:
            return self.n_tiles  # the scores are in DRAM: nothing on chip bounds how far the products run ahead
        if not self.plan.mapping.steps:
            return _BLOCKS_IN_FLIGHT * self.tiling.block_tiles * (self.s.M1 if self._waits_for_rows() else 1)
        if self.plan.mapping.in_flight == "one":
            return 1
        return max(2, self.plan.device.array_2d.registers.words // 2)

    def _waits_for_rows(self) -> bool:
        return any(self._reduced_to_rows(w.name) for w in self.plan.works if self.per_tile(w))

    def _last_of_a_tile(self) -> tuple[str, ...]:
        steps = self.plan.mapping.steps
        if steps:
            return (steps[-1].array_2d[-1], steps[-1].array_1d[-1])
        return (next(w.name for w in reversed(self.plan.works) if self.per_tile(w)),)

    def _separate_phases(self) -> None:
        """Phases of an unfused mapping do not overlap: each starts when all of the one before is in DRAM."""
        for number, (before, then) in enumerate(pairwise(self.phase_tasks), 1):
            none = np.zeros(1, dtype=np.int64)
            gate = self.add(f"end of phase {number}", "", np.zeros(1), none, none)
            done, waiting = np.concatenate(before), np.concatenate(then)
            self.after(np.full(len(done), gate[0]), done)
            self.after(waiting, np.full(len(waiting), gate[0]))


def _order(s: Sizes, tiling: Tiling) -> tuple[Tasks, Tasks, Tasks]:
    """Head, query tile and key tile of each score tile in the order heads, query blocks, key tiles, query tiles."""
    heads: list[Tasks] = []
    for start in range(0, s.P_tiles, tiling.block_tiles):
        block = np.arange(start, min(start + tiling.block_tiles, s.P_tiles))
        m, p = np.meshgrid(np.arange(s.M1), block, indexing="ij")
        heads.append(np.stack([p.ravel(), m.ravel()]))
    one = np.concatenate(heads, axis=1).astype(np.int64)
    head = np.repeat(np.arange(s.instances, dtype=np.int64), one.shape[1])
    return head, np.tile(one[0], s.instances), np.tile(one[1], s.instances)
