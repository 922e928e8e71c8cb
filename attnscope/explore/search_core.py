"""Branch and bound over loop nests: phases are built Einsum by Einsum, closed with a tiling, and joined at the cuts.

A partial mapping is dropped when its bound cannot be among the best, or when enough others in the same state are at
most as costly in every part of the cost: whatever completes it completes them. Both keep the optimum, so that a search
that ends has proven it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attnscope.explore.front_core import keep_undominated
from attnscope.mappings.spatial.loopnest import Choice, LoopNest, Phase
from attnscope.mappings.spatial.loopnest_terms import Ending, State, Step, Terms
from attnscope.mappings.spatial.loopnest_tiling import count_blocks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Objective of [n] latencies in cycles, energies and DRAM words: what is minimised, then what breaks ties.
Objective = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
_WEIGHTS = np.linspace(0.0, 1.0, 17)
_SLACK = 1e-9  # sums in another order differ by a few roundings; the finalists are priced exactly


@dataclass
class Counts:
    """What a search did: partial mappings made, and dropped for each reason."""

    made: int = 0
    illegal: int = 0
    bounded: int = 0
    dominated: int = 0
    complete: int = 0


@dataclass
class Best:
    """The least objectives of complete mappings so far; a mapping above the worst of them cannot be among the best."""

    top: int
    found: dict[LoopNest, float] = field(default_factory=dict)

    def add(self, nests: Sequence[LoopNest], values: Sequence[float]) -> None:
        """Note complete mappings with their objectives."""
        self.found |= dict(zip(nests, values, strict=True))
        self.found = dict(sorted(self.found.items(), key=lambda item: item[1])[: 4 * self.top])

    @property
    def limit(self) -> float:
        """Objective above which nothing is among the best."""
        values = sorted(self.found.values())
        return values[self.top - 1] * (1 + _SLACK) if len(values) >= self.top else np.inf


@dataclass(frozen=True)
class Group:
    """Partial mappings in one state: cycles of both arrays and energy [n], and where each came from."""

    cycles_2d: Floats
    cycles_1d: Floats
    energy: Floats
    parents: tuple["Group | None", ...]
    parent_of: Ints
    row_of: Ints
    steps: tuple[Step | None, ...]
    step_of: Ints

    def chosen(self, row: int) -> list[Step]:
        """Return the steps that led to a row, in order."""
        out: list[Step] = []
        group: Group | None = self
        while group is not None and group.parents:
            step = group.steps[group.step_of[row]]
            parent = group.parents[group.parent_of[row]]
            row, group = int(group.row_of[row]), parent
            if step is not None:
                out.append(step)
        return out[::-1]


@dataclass(frozen=True)
class Closed:
    """Closed phases between two cuts: latency [cycles], energy, DRAM words [n], and what they are."""

    latency: Floats
    energy: Floats
    words: Floats
    groups: tuple[Group, ...]
    group_of: Ints
    row_of: Ints
    endings: tuple[Ending, ...]
    ending_of: Ints


class OutOfTimeError(Exception):
    """The search was stopped before its end."""


@dataclass
class Searcher:
    """Searches the loop nests of one cascade in one mode of interleaving.

    Attributes:
        cuts: where phases may end; all of them do where `forced`.
        width: states kept after each Einsum, for a quick search that proves nothing.
    """

    terms: Terms
    objective: Objective
    best: Best
    counts: Counts
    deadline: float
    cuts: tuple[int, ...]
    forced: bool = False
    width: int | None = None

    @cached_property
    def n(self) -> int:
        """Einsums."""
        return len(self.terms.options.names)

    @cached_property
    def _least(self) -> tuple[Floats, Floats]:
        """[n + 1, weights] least weighted cycles and [n + 1] least energy of the Einsums from each position on."""
        cycles, energy = np.zeros((self.n + 1, len(_WEIGHTS))), np.zeros(self.n + 1)
        for i in range(self.n - 1, -1, -1):
            steps = self.terms.steps[i]
            weighted = [_WEIGHTS * step.cycles_2d + (1 - _WEIGHTS) * step.cycles_1d for step in steps]
            cycles[i] = cycles[i + 1] + np.min(weighted, axis=0)
            energy[i] = energy[i + 1] + min(step.energy_j for step in steps)
        return cycles, energy

    @cached_property
    def compulsory_words(self) -> int:
        """DRAM words that every mapping moves: inputs and output once."""
        return sum(self.terms.words[t] for t in ("Q", "K", "V", "AV"))

    def bound(self) -> float:
        """Return a value that no mapping of this cascade is below."""
        cycles, energy = self._least
        words = float(self.compulsory_words)
        latency = max(float(cycles[0].max()), words * self.terms.cycles_per_word)
        total = float(energy[0]) + words * self.terms.dram_j_per_word
        return float(self.objective(np.array([latency]), np.array([total]), np.array([words]))[0][0])

    def run(self) -> list[LoopNest]:
        """Return the best mappings, not in order: all that can be among the `best.top`."""
        cuts = self.cuts
        spans: dict[tuple[int, int], Closed] = {}
        for first in cuts[:-1]:
            self._spans_from(first, spans)
        return self._joined(cuts, spans)

    def _spans_from(self, first: int, spans: dict[tuple[int, int], Closed]) -> None:
        """Build the phases that start at a cut, one Einsum after the other."""
        start = Group(
            np.zeros(1), np.zeros(1), np.zeros(1), (), *(np.zeros(1, np.int64),) * 2, (), np.zeros(1, np.int64)
        )
        groups: dict[State, Group] = {State(): start}
        for index in range(first, self.n):
            groups = self._grown(groups, first, index)
            if not groups:
                return
            if index + 1 in self.cuts:
                closed = self._closed(groups, first, index + 1)
                if closed is not None:
                    spans[first, index + 1] = closed
                if self.forced:
                    return

    def _grown(self, groups: dict[State, Group], first: int, index: int) -> dict[State, Group]:
        """Add one Einsum in every way to every partial phase."""
        parts: dict[State, list[tuple[Group, Step, float]]] = {}
        for state, group in groups.items():
            for step in self.terms.steps[index]:
                joined = self.terms.add(state, first, index, step)
                size = len(group.energy)
                self.counts.made += size
                if joined is None:
                    self.counts.illegal += size
                else:
                    parts.setdefault(joined[0], []).append((group, step, joined[1]))
            self._check_time()
        out = {}
        for state, found in parts.items():
            kept = self._pruned(_stacked(found), first, index + 1, self.terms.saving_j(first, state))
            if len(kept.energy):
                out[state] = kept
        return self._narrowed(out)

    def _narrowed(self, groups: dict[State, Group]) -> dict[State, Group]:
        """Of a search of limited width only the most promising states."""
        if self.width is None or len(groups) <= self.width:
            return groups
        order = sorted(groups, key=lambda s: float((groups[s].cycles_2d + groups[s].cycles_1d).min()))
        return {state: groups[state] for state in order[: self.width]}

    def _pruned(self, group: Group, first: int, index: int, saving_j: float) -> Group:
        least_cycles, least_energy = self._least
        weighted = np.outer(group.cycles_2d, _WEIGHTS) + np.outer(group.cycles_1d, 1 - _WEIGHTS)
        weighted += least_cycles[0] - least_cycles[first] + least_cycles[index]
        words = float(self.compulsory_words + self._entering(first))
        latency = np.maximum(weighted.max(axis=1), words * self.terms.cycles_per_word)
        energy = group.energy + least_energy[0] - least_energy[first] + least_energy[index]
        energy = energy + (words * self.terms.dram_j_per_word - saving_j)
        value = self.objective(latency, energy, np.full(len(energy), words))[0]
        kept = np.flatnonzero(value <= self.best.limit)
        self.counts.bounded += len(value) - len(kept)
        return self._undominated(_taken(group, kept))

    def _undominated(self, group: Group) -> Group:
        kept = undominated(np.stack([group.cycles_2d, group.cycles_1d, group.energy], axis=1), self._depth)
        self.counts.dominated += len(group.energy) - len(kept)
        return _taken(group, kept)

    @property
    def _depth(self) -> int:
        return 1 if self.width is not None else self.best.top

    def _entering(self, cut: int) -> int:
        """DRAM words that any cut at this position costs: each tensor across it is written and read once."""
        return 2 * self.terms.cut_words(0, cut) if cut else 0

    def _closed(self, groups: dict[State, Group], first: int, last: int) -> Closed | None:
        """Close phases with every tiling, and keep those that can be part of one of the best."""
        parts: list[tuple[Group, int, Ending]] = []
        columns: list[tuple[Floats, Floats, Floats]] = []
        for number, (state, group) in enumerate(groups.items()):
            for ending in self.terms.endings(first, last, state):
                compute = np.maximum(group.cycles_2d, group.cycles_1d)
                latency = np.maximum(compute, ending.dram_words * self.terms.cycles_per_word)
                energy = group.energy + ending.energy_j
                columns.append((latency, energy, np.full(len(energy), ending.dram_words)))
                parts.append((group, number, ending))
                self.counts.made += len(energy)
        if not parts:
            return None
        latency, energy, words = (np.concatenate(c) for c in zip(*columns, strict=True))
        sizes = [len(group.energy) for group, _, _ in parts]
        row_of = np.concatenate([np.arange(size) for size in sizes])
        part_of = np.repeat(np.arange(len(parts)), sizes)
        kept = self._worth_keeping(latency, energy, words, first, last)
        return Closed(
            latency[kept], energy[kept], words[kept],
            tuple(group for group, _, _ in parts), part_of[kept], row_of[kept],
            tuple(ending for _, _, ending in parts), part_of[kept],
        )  # fmt: skip

    def _worth_keeping(self, latency: Floats, energy: Floats, words: Floats, first: int, last: int) -> Ints:
        cycles, least = self._least
        around = float((cycles[0] - cycles[first] + cycles[last]).max())
        other = energy + float(least[0] - least[first] + least[last])
        value = self.objective(latency + around, other, words)[0]
        kept = np.flatnonzero(value <= self.best.limit)
        self.counts.bounded += len(value) - len(kept)
        rows = undominated(np.stack([latency[kept], energy[kept], words[kept]], axis=1), self._depth)
        self.counts.dominated += len(kept) - len(rows)
        return kept[rows]

    def _joined(self, cuts: Sequence[int], spans: dict[tuple[int, int], Closed]) -> list[LoopNest]:
        """Join phases at the cuts, keeping at each cut what can be part of one of the best."""
        whole: dict[int, tuple[Floats, list[tuple[tuple[int, int, int], ...]]]] = {0: (np.zeros((1, 3)), [()])}
        for last in cuts[1:]:
            costs: list[Floats] = []
            paths: list[tuple[tuple[int, int, int], ...]] = []
            for first in cuts:
                closed = spans.get((first, last))
                if closed is None or first not in whole:
                    continue
                before, ways = whole[first]
                mine = np.stack([closed.latency, closed.energy, closed.words], axis=1)
                costs.append((before[:, None, :] + mine[None, :, :]).reshape(-1, 3))
                paths += [(*way, (first, last, row)) for way in ways for row in range(len(mine))]
                self.counts.made += len(before) * len(mine)
            if not costs:
                continue
            cost = np.concatenate(costs)
            kept = self._worth_joining(cost, last)
            whole[last] = (cost[kept], [paths[row] for row in kept])
        cost, ways = whole.get(self.n, (np.zeros((0, 3)), []))
        self.counts.complete += len(ways)
        nests = [self._nest(way, spans) for way in ways]
        self.best.add(nests, self.objective(cost[:, 0], cost[:, 1], cost[:, 2])[0].tolist())
        return nests

    def _worth_joining(self, cost: Floats, last: int) -> Ints:
        cycles, least = self._least
        value = self.objective(cost[:, 0] + float(cycles[last].max()), cost[:, 1] + float(least[last]), cost[:, 2])[0]
        kept = np.flatnonzero(value <= self.best.limit)
        self.counts.bounded += len(value) - len(kept)
        rows = undominated(cost[kept], self._depth)
        self.counts.dominated += len(kept) - len(rows)
        return kept[rows]

    def _nest(self, way: Sequence[tuple[int, int, int]], spans: dict[tuple[int, int], Closed]) -> LoopNest:
        options = self.terms.options
        choices: dict[str, Choice] = {}
        phases = []
        for first, last, row in way:
            closed = spans[first, last]
            steps = closed.groups[closed.group_of[row]].chosen(int(closed.row_of[row]))
            names = options.names[first:last]
            choices |= {name: step.choice for name, step in zip(names, steps, strict=True)}
            b = closed.endings[closed.ending_of[row]].blocks
            phases.append(Phase(names, b.order, b.blocks, b.places, b.rows_spill, b.occupancy_bytes, b.spill))
        return LoopNest(options.cascade.name, choices, tuple(phases), self.terms.interleaved)

    def _check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise OutOfTimeError


def undominated(values: Floats, depth: int) -> Ints:
    """Return the rows of [n, d] that fewer than `depth` others dominate; of equal rows the first count as better."""
    order = np.lexsort(values.T[::-1])
    keep = np.zeros(len(order), dtype=np.bool_)
    keep_undominated(np.ascontiguousarray(values[order]), depth, keep)
    return np.sort(order[keep])


def _stacked(parts: Sequence[tuple[Group, Step, float]]) -> Group:
    sizes = [len(group.energy) for group, _, _ in parts]
    return Group(
        np.concatenate([group.cycles_2d + step.cycles_2d for group, step, _ in parts]),
        np.concatenate([group.cycles_1d + step.cycles_1d for group, step, _ in parts]),
        np.concatenate([group.energy + (step.energy_j + joined) for group, step, joined in parts]),
        tuple(group for group, _, _ in parts),
        np.repeat(np.arange(len(parts)), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
        tuple(step for _, step, _ in parts),
        np.repeat(np.arange(len(parts)), sizes),
    )


def _taken(group: Group, rows: Ints) -> Group:
    return Group(
        group.cycles_2d[rows], group.cycles_1d[rows], group.energy[rows],
        group.parents, group.parent_of[rows], group.row_of[rows], group.steps, group.step_of[rows],
    )  # fmt: skip


def space_size(terms: Terms, cuts: Sequence[int], forced: bool) -> int:
    """Return the number of points of the space: every choice of every Einsum, cut and tiling, legal or not."""
    options, whole = terms.options, {0: 1}
    for number, last in enumerate(cuts[1:]):
        total = 0
        for first in cuts[number : number + 1] if forced else cuts[: number + 1]:
            ways = int(np.prod([len(terms.steps[i]) for i in range(first, last)], dtype=object))
            facts = replace(terms.facts(first, last, State()), passes=terms.comes_back(first, last))
            total += whole.get(first, 0) * ways * count_blocks(facts, terms.s)
        whole[last] = total
    return whole[len(options.names)]
