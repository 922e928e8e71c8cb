"""What a loop nest costs, by the same formulas as any other mapping: its plan, its words, its energy, its latency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial.counts import points
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.energy import energy_parts
from attnscope.mappings.spatial.evaluate import problem, steady_state
from attnscope.mappings.spatial.loopnest import OUTPUT, Choice, LoopNest, Options, Phase
from attnscope.mappings.spatial.loopnest_tiling import Blocks, PhaseFacts, operand_moves
from attnscope.mappings.spatial.plan import ARRAYS, Flow, Operand, Plan, Sizes, Stage, Work, _carried
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import Move
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape

# Two score tiles in flight, each with a score and its exponential in a register of its PE (FuseMax, section V).
REGISTERS_TO_INTERLEAVE = 4


@dataclass(frozen=True)
class Price:
    """What a loop nest costs; `limits` are the cycles by what limits them, `einsum_cycles` those of each Einsum."""

    latency_s: float
    energy_j: float
    energy_parts_j: Mapping[str, float]
    dram_bytes: float
    moved: tuple[Move, ...]
    limits: Mapping[str, float]
    einsum_cycles: Mapping[str, int]


def sizes_on(shape: AttentionShape, options: Options) -> Sizes:
    """Return the sizes of `shape` on the device: query heads that share keys are stacked, as in `evaluate`."""
    return problem(shape, _plan(options, {}))


def can_interleave(device: SpatialDevice) -> bool:
    """Return whether the PEs have registers for two tiles in flight."""
    return device.array_2d.registers.words >= REGISTERS_TO_INTERLEAVE


def price(nest: LoopNest, options: Options, s: Sizes) -> Price:
    """Return what a loop nest costs.

    Raises:
        IllegalMappingError: an Einsum would need a score tile that lies in PEs in another order; says which.
    """
    phase_of = {name: i for i, phase in enumerate(nest.phases) for name in phase.einsums}
    works = {name: options.works[name][nest.choices[name]] for name in options.names}
    flows, link, cut_moves = _flows(nest, options, works, phase_of, s)
    moved = list(cut_moves)
    refetch: dict[str, int] = {}
    for number, phase in enumerate(nest.phases):
        facts = facts_of(phase.einsums, nest.choices, options)
        blocks = _blocks(phase, facts, s)
        refetch |= dict(blocks.refetch)
        moved += operand_moves(facts, blocks, s, number)
    plan = _plan(options, works, tuple(flows), tuple(link), _stages(nest, works))
    parts = energy_parts(plan, s, Tiling("output", 1, 1, {}, refetch), moved, "corrected")
    steady = steady_state(plan, s, moved)
    words = sum(m.read_words + m.write_words for m in moved if m.level == "dram")
    return Price(
        latency_s=steady.cycles / options.device.clock.frequency_hz,
        energy_j=sum(parts.values()),
        energy_parts_j=parts,
        dram_bytes=words * s.word_bytes,
        moved=tuple(moved),
        limits=steady.limits,
        einsum_cycles=steady.einsum_cycles,
    )


def facts_of(einsums: Sequence[str], choices: Mapping[str, Choice], options: Options) -> PhaseFacts:
    """Return what the tiling of a phase has to know about its Einsums."""
    inside = set(einsums)
    inputs = tuple(dict.fromkeys(t for name in einsums for t in options.inputs_of[name]))
    output = OUTPUT in inside
    reduces = output and bool(options.cascade.by_name[OUTPUT].reduced)
    waiting = [t for t in options.scores if _waits(t, inside, choices, options)]
    states = [name for name in einsums if options.cascade.by_name[name].iterative]
    works = [options.works[name][choices[name]] for name in einsums]
    return PhaseFacts(
        inputs=tuple(t for t in ("Q", "K", "V") if t in inputs),
        output=output,
        accumulates=reduces and not stays_in_array(choices[OUTPUT]),
        reduces=reduces,
        states=sum("F" not in options.rest(name) for name in states),
        wide_states=sum("F" in options.rest(name) for name in states),
        n_scores=len(waiting),
        passes=any(_passes(t, inside, options) for t in waiting),
        stationary=tuple(sorted({w.stationary for w in works if w.mac and w.stationary in inputs})),
        row_unit=max((query_spread(work) for work in works), default=1),
    )


def query_spread(work: Work) -> int:
    """Return how many queries an Einsum over scores works on side by side; 1 for any other."""
    spread = dict(zip(work.symbols, work.parallel, strict=True))
    return spread["P"] if {"M", "P"} <= set(spread) else 1


def stays_in_array(choice: Choice) -> bool:
    """Return whether sums over keys stay in the PEs, each of which holds one element of the output."""
    return choice.array == "array_2d" and {choice.rows, choice.columns} == {"F", "P"}


def _waits(tensor: str, inside: set[str], choices: Mapping[str, Choice], options: Options) -> bool:
    """Whether a score tensor is kept in the buffer in this phase: for the other array, or for a later pass."""
    places = _places(tensor, inside, choices, options)
    return len(places) > (0 if tensor in inside else 1)


def _places(
    tensor: str, inside: set[str], choices: Mapping[str, Choice], options: Options
) -> list[tuple[str, int, str]]:
    """Array, pass and first reader of each place where the Einsums of a phase read a tensor from outside."""
    passes = options.passes
    here = (choices[tensor].array, passes[tensor]) if tensor in inside else None
    out: dict[tuple[str, int], str] = {}
    for edge in options.readers[tensor]:
        if edge.reader in inside and not edge.final:
            place = (choices[edge.reader].array, passes[edge.reader])
            if place != here:
                out.setdefault(place, edge.reader)
    return [(array, number, reader) for (array, number), reader in out.items()]


def _passes(tensor: str, inside: set[str], options: Options) -> bool:
    """Whether the phase comes back to a score tensor in a later pass."""
    numbers = {options.passes[e.reader] for e in options.readers[tensor] if e.reader in inside}
    return len(numbers | ({options.passes[tensor]} if tensor in inside else set())) > 1


def _blocks(phase: Phase, facts: PhaseFacts, s: Sizes) -> Blocks:
    from attnscope.mappings.spatial.loopnest_tiling import _refetch

    places = dict(phase.places)
    refetch = tuple((name, _refetch(name, facts, s, places, phase.order, phase.blocks)) for name in places)
    return Blocks(
        phase.order, phase.blocks, phase.places, refetch, phase.rows_spill, phase.occupancy_bytes, phase.spill
    )


def _flows(
    nest: LoopNest, options: Options, works: Mapping[str, Work], phase_of: Mapping[str, int], s: Sizes
) -> tuple[list[Flow], list[Flow], list[Move]]:
    """Tensors that wait in the buffer, those that cross the link, and what goes through DRAM between phases."""
    flows: list[Flow] = []
    link: list[Flow] = []
    moved: list[Move] = []
    for einsum in options.cascade.einsums:
        if einsum.iterative:
            carried = _carried(options.cascade, einsum, dict(works))
            flows += carried
            moved += [_buffer_move(f, phase_of[einsum.name], s) for f in carried]
        name, home = einsum.name, phase_of[einsum.name]
        for number, phase in enumerate(nest.phases):
            inside = set(phase.einsums)
            if number == home:
                _within(name, inside, nest.choices, options)
            for flow, on_link in _phase_flows(name, number, home, inside, nest.choices, options, works):
                (link if on_link else flows).append(flow)
                in_buffer = not on_link and (number == home or _waits(name, inside, nest.choices, options))
                if in_buffer and not (name in options.scores and phase.rows_spill):
                    move = _buffer_move(flow, number, s)
                    moved.append(move)
                    if phase.spill and name in options.scores:
                        part = phase.spill
                        moved.append(Move("dram", name, part * move.read_words, part * move.write_words, number))
        moved += _cut_moves(name, nest, options, phase_of, s)
    return flows, link, moved


def _buffer_move(flow: Flow, phase: int, s: Sizes) -> Move:
    words = points(s.instances, s.extents(flow.symbols))
    return Move("buffer", flow.tensor, flow.reads * words, flow.writes * words, phase)


def _within(name: str, inside: set[str], choices: Mapping[str, Choice], options: Options) -> None:
    """Refuse readers on the same array that want a score tile spread in another way than it was made."""
    for edge in options.readers[name] if name in options.scores else ():
        mine, other = choices[name], choices[edge.reader]
        same = (
            edge.reader in inside and mine.array == other.array and options.passes[name] == options.passes[edge.reader]
        )
        if same and mine.layout != other.layout:
            raise IllegalMappingError(
                f"{edge.reader} on {other} needs the scores {name} that lie in the PEs as {mine}. "
                f"Spread both alike: {mine}."
            )


def _phase_flows(
    name: str,
    number: int,
    home: int,
    inside: set[str],
    choices: Mapping[str, Choice],
    options: Options,
    works: Mapping[str, Work],
) -> list[tuple[Flow, bool]]:
    """The places of a phase that read a tensor: one flow each, and whether it goes over the link."""
    einsum = options.cascade.by_name[name]
    out: list[tuple[Flow, bool]] = []
    for array, reading_pass, reader in _places(name, inside, choices, options):
        later = reading_pass != options.passes[name]
        waits = number != home or name in options.scores or (later and not einsum.iterative)
        vector = array == "array_1d"
        symbols = options.symbols[name]
        lanes = _lanes(works[reader], symbols) if vector else 1
        first = not any(on_link != waits for _, on_link in out)
        flow = Flow(name, symbols, 1, int(first), int(vector), lanes, name in options.scores, waits, home, number)
        if waits:
            out.append((flow, False))
        elif first:
            out.append((flow, True))
    return out


def _lanes(work: Work, symbols: tuple[str, ...]) -> int:
    """Lanes of the vector array that each word is copied to."""
    lanes = [n for rank, n in zip(work.symbols, work.parallel, strict=True) if n > 1 and rank not in symbols]
    return max(lanes, default=1)


def _cut_moves(name: str, nest: LoopNest, options: Options, phase_of: Mapping[str, int], s: Sizes) -> list[Move]:
    """Words of a tensor through DRAM: written once for all later phases, read once in each, or in each pass."""
    home, out = phase_of[name], []
    later = sorted({phase_of[e.reader] for e in options.readers[name]} - {home})
    final_only = all(e.final for e in options.readers[name] if phase_of[e.reader] != home)
    symbols = options.rest(name) if final_only else options.symbols[name]
    words = points(s.instances, s.extents(symbols))
    spilled_at_home = (
        nest.phases[home].rows_spill
        and _waits(name, set(nest.phases[home].einsums), nest.choices, options)
        and name in options.scores
    )
    if later or spilled_at_home:
        out.append(Move("dram", name, 0, words, home))
    if spilled_at_home:
        reads = len(_places(name, set(nest.phases[home].einsums), nest.choices, options))
        out.append(Move("dram", name, reads * words, 0, home))
    for number in later:
        phase = nest.phases[number]
        reads = 1
        if phase.rows_spill and name in options.scores:
            reads = len(_places(name, set(phase.einsums), nest.choices, options))
        out.append(Move("dram", name, reads * words, 0, number))
    return out


def _stages(nest: LoopNest, works: Mapping[str, Work]) -> tuple[tuple[Stage, ...], ...]:
    """Stages of each phase: one in which all overlap, or one for each Einsum where a single tile is in flight."""
    return tuple(
        (_stage(phase.einsums, works, waits=False),)
        if nest.interleaved
        else tuple(_stage((name,), works, waits=True) for name in phase.einsums)
        for phase in nest.phases
    )


def _stage(names: Sequence[str], works: Mapping[str, Work], waits: bool) -> Stage:
    matrix, vector = (tuple(n for n in names if works[n].array == array) for array in ARRAYS)
    return Stage(matrix, vector, drains=waits and any(works[n].reduces == "space" for n in matrix))


def _plan(
    options: Options,
    works: Mapping[str, Work],
    flows: tuple[Flow, ...] = (),
    link: tuple[Flow, ...] = (),
    stages: tuple[tuple[Stage, ...], ...] = (),
) -> Plan:
    inputs = tuple(Operand(name, options.symbols[name], 0) for name in options.cascade.inputs)
    outputs = (Operand(OUTPUT, options.symbols[OUTPUT], 0),)
    mapping = SpatialMapping(
        name="loop nest", title="loop nest", summary="a point of the general space", source="search",
        cascade=options.cascade.name, tiling="fused", bind=(),
    )  # fmt: skip
    return Plan(
        mapping, options.device, options.cascade, "output", tuple(works.values()), flows, link, inputs, outputs, stages
    )
