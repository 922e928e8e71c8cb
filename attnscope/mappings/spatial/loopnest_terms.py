"""What each decision of a loop nest adds to its cost, so that a search can price partial mappings.

`price` (loopnest_price.py) prices whole nests through the formulas of every other mapping; here the same cost is taken
apart. The terms of all decisions sum to the price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from attnscope.mappings.spatial.counts import array_cycles, pj, points
from attnscope.mappings.spatial.energy import register_words
from attnscope.mappings.spatial.evaluate import drain_cycles
from attnscope.mappings.spatial.loopnest import OUTPUT, Choice, Edge, Options
from attnscope.mappings.spatial.loopnest_price import _lanes, _plan, query_spread, stays_in_array
from attnscope.mappings.spatial.loopnest_tiling import Blocks, PhaseFacts, operand_moves, tilings
from attnscope.mappings.spatial.plan import Sizes, Work, _carried
from attnscope.mappings.spatial.tiling import Tiling

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """An Einsum with one of its choices: cycles on the 2D and the 1D array, and energy [J] whatever the others do."""

    choice: Choice
    work: Work
    cycles_2d: int
    cycles_1d: int
    energy_j: float


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor within a phase: the places that read it, its readers that keep it in their PEs unpaid, its layout."""

    tensor: str
    layout: tuple[str, str, str] | None
    places: tuple[Place, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class State:
    """All about the Einsums of an open phase that later decisions depend on, hashable."""

    held: tuple[Held, ...] = ()
    readers: tuple[tuple[str, Place], ...] = ()
    stationary: tuple[str, ...] = ()
    in_array: bool = False
    row_unit: int = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """One tiling of a closed phase: DRAM words, and energy [J] beyond that of its steps."""

    blocks: Blocks
    dram_words: float
    energy_j: float


@dataclass(frozen=True)
class Terms:
    """The terms of all decisions for one cascade, device and problem."""

    options: Options
    s: Sizes
    interleaved: bool

    @cached_property
    def _rates(self) -> Any:
        device, bits = self.options.device, 8 * self.s.word_bytes
        rows, vector = bits / device.buffer.row_bits, device.array_1d.registers
        return SimpleNamespace(
            dram=pj(bits, device.dram.energy_pj_per_bit),
            read=pj(rows, device.buffer.read_energy_pj_per_row),
            write=pj(rows, device.buffer.write_energy_pj_per_row),
            arrive=pj(1, vector.write_energy_pj_per_word),
            link=pj(1, vector.read_energy_pj_per_word + vector.write_energy_pj_per_word),
            keep=pj(1, device.array_2d.registers.write_energy_pj_per_word),
            cycles=self.s.word_bytes * device.clock.frequency_hz / device.dram.bandwidth_bytes_per_s,
        )

    @property
    def cycles_per_word(self) -> float:
        """Cycles in which DRAM moves one word."""
        return float(self._rates.cycles)

    @property
    def dram_j_per_word(self) -> float:
        """Energy of one word through DRAM."""
        return float(self._rates.dram)

    @cached_property
    def steps(self) -> tuple[tuple[Step, ...], ...]:
        """For each Einsum in order its steps, cheapest energy first."""
        return tuple(
            tuple(sorted((self._step(name, c, w) for c, w in works.items()), key=lambda step: step.energy_j))
            for name, works in self.options.works.items()
        )

    def _step(self, name: str, choice: Choice, work: Work) -> Step:
        s, device = self.s, self.options.device
        bare: Any = SimpleNamespace(flows=(), inputs=())
        cycles = array_cycles(s.instances, s.extents(work.symbols), work.parallel, work.op_cycles)
        if not self.interleaved and work.array == "array_2d" and work.reduces == "space":
            cycles += drain_cycles(_plan(self.options, {}), s)
        n = points(s.instances, s.extents(work.symbols))
        joules = sum(pj(n * action.count, action.energy_pj) for action in work.actions)
        reads, writes = register_words(bare, work, s, Tiling("output", 1, 1, {}))
        registers = getattr(device, work.array).registers
        joules += pj(reads, registers.read_energy_pj_per_word) + pj(writes, registers.write_energy_pj_per_word)
        on_2d = work.array == "array_2d" or not self.interleaved  # in turn, all share one clock
        return Step(choice, work, cycles * on_2d, cycles * (not on_2d), joules + self._carried_j(name))

    def _carried_j(self, name: str) -> float:
        einsum, rates, total = self.options.cascade.by_name[name], self._rates, 0.0
        if einsum.iterative:
            for flow in _carried(self.options.cascade, einsum, {name: next(iter(self.options.works[name].values()))}):
                words = points(self.s.instances, self.s.extents(flow.symbols))
                total += words * (flow.reads * rates.read + flow.writes * rates.write)
                total += words * flow.vector_reads * flow.broadcast * rates.arrive
        return total

    @cached_property
    def words(self) -> dict[str, int]:
        """Words of every tensor."""
        return {t: points(self.s.instances, self.s.extents(sym)) for t, sym in self.options.symbols.items()}

    def add(self, state: State, first: int, index: int, step: Step) -> tuple[State, float] | None:
        """Return the state after an Einsum of a phase that starts at `first`, and the energy that joins it there.

        None where the Einsum would need a score tile in another layout than it was made in.
        """
        options, name = self.options, self.options.names[index]
        held = {h.tensor: h for h in state.held}
        readers = dict(state.readers)
        place: Place = (step.choice.array, options.passes[name])
        held[name] = Held(name, step.choice.layout, (), 0)
        total, position = 0.0, self._position
        for edge in self._edges_at(index):
            if edge.final:
                continue
            mine = edge.reader == name
            work = step.work if mine else options.works[edge.reader][self._any_choice(edge.reader, readers)]
            outside = position[edge.tensor] < first
            old = held.get(edge.tensor) or Held(edge.tensor, None, (), 0)
            made = None if outside else (place if edge.tensor == name else self._place_of(edge.tensor, held))
            found = self._read(old, edge, made, place if mine else readers[edge.reader], work, step.choice.layout)
            if found is None:
                return None
            held[edge.tensor], joules = found
            total += joules
        readers[name] = place
        stationary = state.stationary
        if step.work.mac and step.work.stationary in options.inputs_of[name]:
            stationary = tuple(sorted({*stationary, step.work.stationary}))
        in_array = state.in_array or (name == OUTPUT and stays_in_array(step.choice))
        unit = max(state.row_unit, query_spread(step.work))
        return State(self._kept(held, index), self._pending(readers, index), stationary, in_array, unit), total

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.options.names)}

    @cached_property
    def _by_later_end(self) -> tuple[tuple[Edge, ...], ...]:
        """For each Einsum the edges whose later end it is."""
        position = self._position
        out: list[list[Edge]] = [[] for _ in self.options.names]
        for edge in self.options.edges:
            out[max(position[edge.tensor], position[edge.reader])].append(edge)
        return tuple(tuple(edges) for edges in out)

    def _edges_at(self, index: int) -> tuple[Edge, ...]:
        return self._by_later_end[index]

    def _any_choice(self, name: str, readers: dict[str, Place]) -> Choice:
        """Some choice of an earlier reader on its array: its lanes do not matter, as carried tensors have all ranks."""
        return next(c for c in self.options.works[name] if c.array == readers[name][0])

    def _place_of(self, tensor: str, held: dict[str, Held]) -> Place:
        layout = held[tensor].layout
        assert layout is not None
        return layout[0], self.options.passes[tensor]

    def _read(
        self, old: Held, edge: Edge, made: Place | None, place: Place, work: Work, layout: tuple[str, str, str]
    ) -> tuple[Held, float] | None:
        """A reader joins: what it adds, None where it wants a score tile in another layout."""
        tensor, words, rates = edge.tensor, self.words[edge.tensor], self._rates
        score = tensor in self.options.scores
        keeps = work.mac and work.stationary == tensor
        if place == made:
            if score and old.layout != layout:
                return None
            waits = any(self._waits(tensor, made, p) for p in old.places)
            paid = words * rates.keep if keeps and waits else 0.0
            return Held(tensor, old.layout, old.places, old.kept + (keeps and not waits)), paid
        waits = made is None or self._waits(tensor, made, place)
        joules = words * rates.keep if keeps and waits else 0.0
        if place in old.places:
            return old, joules
        before = [p for p in old.places if made is None or self._waits(tensor, made, p) == waits]
        if not waits:
            joules += 0.0 if before else words * rates.link
            return Held(tensor, old.layout, (*old.places, place), old.kept), joules
        if place[0] == "array_1d":
            joules += words * _lanes(work, self.options.symbols[tensor]) * rates.arrive
        joules += self._buffer_j(words, len(before), made is None)
        joules += old.kept * words * rates.keep
        return Held(tensor, old.layout, (*old.places, place), 0), joules

    def _waits(self, tensor: str, made: Place, place: Place) -> bool:
        carried = self.options.cascade.by_name[tensor].iterative is not None
        return tensor in self.options.scores or (place[1] != made[1] and not carried)

    def _buffer_j(self, words: int, before: int, outside: bool) -> float:
        """Buffer accesses of one more place that reads a tensor; one read from DRAM by a single place needs none."""
        rates = self._rates
        if outside:
            rate = 0.0 if before == 0 else 2 * rates.read + rates.write if before == 1 else rates.read
        else:
            rate = rates.read + (rates.write if before == 0 else 0.0)
        return words * float(rate)

    def _kept(self, held: dict[str, Held], index: int) -> tuple[Held, ...]:
        """Tensors that later decisions depend on: all scores, those with readers to come, and unpaid ones."""
        position, readers, scores = self._position, self.options.readers, self.options.scores
        out = []
        for tensor, one in held.items():
            later = any(position[e.reader] > index for e in readers[tensor])
            if not (later or one.kept or tensor in scores or self._carried_reader(tensor, index)):
                continue
            layout = one.layout if tensor in scores and later else (one.layout and (one.layout[0], "", ""))
            out.append(Held(tensor, layout if later else None, one.places, one.kept))
        return tuple(out)

    def _carried_reader(self, tensor: str, index: int) -> bool:
        return any(e.carried and self._position[e.tensor] > index for e in self.options.readers[tensor])

    def _pending(self, readers: dict[str, Place], index: int) -> tuple[tuple[str, Place], ...]:
        """Readers of carried tensors that are made later."""
        names = {e.reader for e in self.options.edges if e.carried and self._position[e.tensor] > index}
        return tuple((name, place) for name, place in readers.items() if name in names)

    def facts(self, first: int, last: int, state: State) -> PhaseFacts:
        """Return what the tiling has to know of the phase of Einsums `first` to `last` (excluded)."""
        options, names = self.options, self.options.names[first:last]
        inputs = {t for name in names for t in options.inputs_of[name]}
        output = OUTPUT in names
        reduces = output and bool(options.cascade.by_name[OUTPUT].reduced)
        states = [name for name in names if options.cascade.by_name[name].iterative]
        waiting = self._waiting(first, state)
        return PhaseFacts(
            inputs=tuple(t for t in ("Q", "K", "V") if t in inputs),
            output=output,
            accumulates=reduces and not state.in_array,
            reduces=reduces,
            states=sum("F" not in options.rest(name) for name in states),
            wide_states=sum("F" in options.rest(name) for name in states),
            n_scores=len(waiting),
            passes=any(self._n_passes(first, h) > 1 for h in waiting),
            stationary=state.stationary,
            row_unit=state.row_unit,
        )

    def _waiting(self, first: int, state: State) -> list[Held]:
        out = []
        for one in state.held:
            outside = self._position[one.tensor] < first
            if one.tensor in self.options.scores and len(one.places) > outside:
                out.append(one)
        return out

    def _n_passes(self, first: int, one: Held) -> int:
        numbers = {number for _, number in one.places}
        return len(numbers | (set() if self._position[one.tensor] < first else {self.options.passes[one.tensor]}))

    def comes_back(self, first: int, last: int) -> bool:
        """Return whether the Einsums of a phase touch some scores in more than one pass."""
        inside = set(self.options.names[first:last])
        for tensor in self.options.scores:
            readers = {self.options.passes[e.reader] for e in self.options.readers[tensor] if e.reader in inside}
            if len(readers | ({self.options.passes[tensor]} if tensor in inside else set())) > 1:
                return True
        return False

    def endings(self, first: int, last: int, state: State) -> list[Ending]:
        """Return every tiling that a phase can close with."""
        facts, rates, s = self.facts(first, last, state), self._rates, self.s
        waiting = self._waiting(first, state)
        cut = self.cut_words(first, last)
        base = sum(h.kept * self.words[h.tensor] * rates.keep for h in state.held if self._read_after(h.tensor, last))
        out = []
        for blocks in tilings(facts, s, self.options.device):
            dram = float(cut)
            joules = base
            for move in operand_moves(facts, blocks, s, 0):
                if move.level == "dram":
                    dram += move.read_words + move.write_words
                else:
                    joules += move.read_words * rates.read + move.write_words * rates.write
            refetch = dict(blocks.refetch)
            joules += sum(self.words[t] * refetch[t] * rates.keep for t in facts.stationary)
            for one in waiting:
                more, less = self._score_words(one, first, last, blocks)
                dram += more
                joules -= less
            out.append(Ending(blocks, dram, joules + dram * rates.dram))
        return out

    def _score_words(self, one: Held, first: int, last: int, blocks: Blocks) -> tuple[float, float]:
        """DRAM words of waiting scores that spill, and the buffer energy that then falls away."""
        words, rates, n = self.words[one.tensor], self._rates, len(one.places)
        outside = self._position[one.tensor] < first
        if blocks.rows_spill:
            buffer_j = words * (n * rates.read + rates.write)
            again = (n - 1) * words if outside else n * words + (0 if self._read_after(one.tensor, last) else words)
            return again, buffer_j
        return blocks.spill * words * (n + 1), 0.0

    def saving_j(self, first: int, state: State) -> float:
        """Return the most energy that an open phase can save by keeping its rows of scores in DRAM between passes.

        Those that wait in the buffer have their accesses to it in the energy of the phase already.
        """
        rates, total = self._rates, 0.0
        for one in self._waiting(first, state):
            n, outside = len(one.places), self._position[one.tensor] < first
            saved = n * rates.read + rates.write - (n - outside) * rates.dram
            total += max(0.0, saved * self.words[one.tensor])
        return total

    def _read_after(self, tensor: str, last: int) -> bool:
        return tensor in self._position and any(self._position[e.reader] >= last for e in self.options.readers[tensor])

    def cut_words(self, first: int, last: int) -> int:
        """DRAM words of the tensors that enter and leave a phase."""
        total = 0
        for tensor in self.options.names[:last]:
            inside = self._position[tensor] >= first
            edges = self.options.readers[tensor]
            later = [e for e in edges if self._position[e.reader] >= (last if inside else first)]
            here = [e for e in later if inside or self._position[e.reader] < last]
            if here:
                home_last = last if inside else first
                outer = [e for e in edges if self._position[e.reader] >= home_last]
                total += self._cut_size(tensor, outer)
        return total

    def _cut_size(self, tensor: str, outer: Sequence[Edge]) -> int:
        final = all(edge.final for edge in outer)
        symbols = self.options.rest(tensor) if final else self.options.symbols[tensor]
        return points(self.s.instances, self.s.extents(symbols))
