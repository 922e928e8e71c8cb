"""A mapping bound to a device: everything about it that does not depend on the sizes, derived from the cascade's text.

Which operators an Einsum applies, which ranks it walks, which tensors cross between the arrays or wait for a later pass
- all of it comes from the cascade. The mapping adds only where each Einsum runs and which ranks are spread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from attnscope.einsum_cascade import Cascade, Einsum, load
from attnscope.einsum_cascade.expressions import Size
from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial.counts import points
from attnscope.mappings.spatial.description import Bind, Dataflow, SpatialMapping
from attnscope.mappings.spatial.legality import bindings, key_passes
from attnscope.simulator.spatial_device import PeArray, Registers, SpatialDevice

ARRAYS = ("array_2d", "array_1d")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the problem on a device: `instances` heads, P, M, E, F, and the tiles the 2D array cuts M and P into."""

    instances: int
    P: int
    M: int
    E: int
    F: int
    M1: int
    P_tiles: int
    word_bytes: int
    _points: dict[tuple[str, ...], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def points(self, symbols: tuple[str, ...]) -> int:
        """Return the points of the space over the given ranks, in all instances; every part of an estimate asks."""
        known = self._points.get(symbols)
        if known is None:
            known = self._points[symbols] = points(self.instances, self.extents(symbols))
        return known

    def extents(self, symbols: tuple[str, ...]) -> tuple[int, ...]:
        """Return the sizes of the given ranks."""
        return tuple([getattr(self, symbol) for symbol in symbols])


@dataclass(frozen=True, slots=True)
class Action:
    """What a point of an Einsum does on one unit: `count` operations of `energy_pj` each, charged to `part`."""

    unit: str
    part: str
    count: int
    energy_pj: float


@dataclass(frozen=True, slots=True)
class Work:
    """One Einsum on its array.

    Attributes:
        symbols: ranks it iterates over (`M1` where it runs once per key tile); `parallel` their spread.
        op_cycles: cycles per point; `actions`: operations per point by unit; `registers` of each PE.
        operands: tensors it reads per point; `reduces`: "", "time" or "space", over the rank `reduced`, of which
            `reduced_parallel` points are added up side by side.
        mac: it multiplies and accumulates. within_tile: its reduction stays inside one key tile.
        stationary: operand that stays in the PEs while the others pass, empty where the result does.
        phase: group of Einsums, separated from the others by DRAM.
    """

    name: str
    array: str
    symbols: tuple[str, ...]
    parallel: tuple[int, ...]
    op_cycles: int
    actions: tuple[Action, ...]
    registers: Registers
    operands: tuple[str, ...]
    mac: bool
    reduces: str
    reduced: str
    reduced_parallel: int
    within_tile: bool
    stationary: str
    phase: int


@dataclass(frozen=True, slots=True)
class Flow:
    """A tensor that waits in the buffer between Einsums, or passes over the link between the arrays.

    `reads` and `writes` count how often each word is read and written; `vector_reads` those by the 1D array.
    `scores`: it has both a key and a query rank; `crosses`: it goes from one array to the other.
    """

    tensor: str
    symbols: tuple[str, ...]
    reads: int
    writes: int
    vector_reads: int
    broadcast: int
    scores: bool
    crosses: bool
    from_phase: int
    to_phase: int


@dataclass(frozen=True, slots=True)
class Operand:
    """An input or output of the cascade: the ranks of its words, and the phase that touches it."""

    tensor: str
    symbols: tuple[str, ...]
    phase: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Einsums of both arrays that overlap; `drains` where the next stage waits for results to leave the 2D array."""

    array_2d: tuple[str, ...]
    array_1d: tuple[str, ...]
    drains: bool


@dataclass(frozen=True)
class Plan:
    """All that one mapping on one device needs to know before it sees sizes; `stages` are those of each phase."""

    mapping: SpatialMapping
    device: SpatialDevice
    cascade: Cascade
    dataflow: Dataflow
    works: tuple[Work, ...]
    flows: tuple[Flow, ...]
    link: tuple[Flow, ...]
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    stages: tuple[tuple[Stage, ...], ...]

    @property
    def n_phases(self) -> int:
        """Groups of Einsums that DRAM separates."""
        return len(self.stages)

    def sizes(self, instances: int, p: int, m: int, e: int, f: int, word_bytes: int) -> Sizes:
        """Return the sizes with M and P cut into tiles of the 2D array."""
        rows, columns = self.device.array_2d.rows, self.device.array_2d.columns
        return Sizes(instances, p, m, e, f, -(-m // rows), -(-p // columns), word_bytes)


_plans: dict[tuple[int, int, Dataflow], Plan] = {}
_MOST_PLANS = 4096


def compile_plan(mapping: SpatialMapping, device: SpatialDevice, dataflow: Dataflow = "output") -> Plan:
    """Return the plan of a mapping on a device; compiled once for each pair of objects.

    Raises:
        IllegalMappingError: the mapping binds an operator to an array that has no unit for it, or does not fit its
            cascade (see `legality.py`).
    """
    key = (id(mapping), id(device), dataflow)  # a plan keeps both alive, so that an id is never used again
    plan = _plans.get(key)
    if plan is None:
        if len(_plans) >= _MOST_PLANS:
            _plans.clear()
        plan = _plans[key] = _compile(mapping, device, dataflow)
    return plan


def _compile(mapping: SpatialMapping, device: SpatialDevice, dataflow: Dataflow) -> Plan:
    cascade = load(mapping.cascade)
    binds = bindings(mapping, cascade, dataflow)
    phases = {name: i for i, group in enumerate(mapping.phases) for name in group}
    works = tuple(_work(e, binds[e.name], device, cascade, phases.get(e.name, 0)) for e in cascade.einsums)
    flows, link = _flows(cascade, {w.name: w for w in works})
    inputs = tuple(_operand(cascade, name, works) for name in cascade.inputs)
    outputs = tuple(
        Operand(name, _symbols(cascade, cascade.tensor_ranks(name)), phases.get(name, 0)) for name in cascade.outputs
    )
    stages = tuple(_stages(mapping, works, phase) for phase in range(max(1, len(mapping.phases))))
    return Plan(mapping, device, cascade, dataflow, works, flows, link, inputs, outputs, stages)


def _stages(mapping: SpatialMapping, works: tuple[Work, ...], phase: int) -> tuple[Stage, ...]:
    """The steps of the mapping; without any, one stage in which all Einsums of the phase overlap."""
    waits = mapping.drains if mapping.in_flight == "one" else ()
    if mapping.steps:
        return tuple(Stage(step.array_2d, step.array_1d, bool({*step.array_2d} & {*waits})) for step in mapping.steps)
    matrix, vector = (tuple(w.name for w in works if w.array == array and w.phase == phase) for array in ARRAYS)
    return (Stage(matrix, vector, drains=False),)


def _symbols(cascade: Cascade, ranks: tuple[str, ...]) -> tuple[str, ...]:
    """Ranks as sizes: a partitioned rank counts whole (M) where all its parts are there, else by the part (M1)."""
    out = tuple(rank.rstrip("'") for rank in ranks)
    for whole, parts in cascade.partitions.items():
        if set(parts) <= set(out):
            out = tuple(whole if rank == parts[0] else rank for rank in out if rank not in parts[1:])
    return out


def _work(einsum: Einsum, bind: Bind, device: SpatialDevice, cascade: Cascade, phase: int) -> Work:
    array: PeArray = getattr(device, bind.array)
    symbols = _symbols(cascade, einsum.ranks)
    spread: dict[str, int] = {bind.rows: array.rows, bind.columns: array.columns}
    operators = _fused(einsum.operators)
    steps = [_steps(op, einsum, bind, array, device) for op in operators]
    cycles = [count * array.units[unit].cycles for unit, count in steps]
    counts: dict[str, int] = {}
    for unit, count in steps:
        counts[unit] = counts.get(unit, 0) + count
    reduced = einsum.reduced[0] if einsum.reduced else ""
    family = next((s for s in symbols if reduced.startswith(s)), "")
    operands = tuple(access.tensor for access in einsum.reads)
    both = {bind.rows, bind.columns} if bind.rows else set()
    return Work(
        name=einsum.name,
        array=bind.array,
        symbols=symbols,
        parallel=tuple(spread.get(s, 1) for s in symbols),
        op_cycles=max(cycles) if bind.chained else sum(cycles),
        actions=tuple(Action(u, f"{bind.array}.{u}", n, array.units[u].energy_pj) for u, n in counts.items()),
        registers=array.registers,
        operands=operands,
        mac="mac" in operators,
        reduces="" if not reduced else "space" if family in spread else "time",
        reduced=family,
        reduced_parallel=spread.get(family, 1),
        within_tile=bool(reduced) and reduced != family,
        stationary=next((t for t in operands if both and both <= set(_symbols(cascade, cascade.tensor_ranks(t)))), ""),
        phase=phase,
    )


def _fused(operators: tuple[str, ...]) -> tuple[str, ...]:
    """Join a multiply and the sum it feeds into one multiply-accumulate."""
    if operators[-2:] == ("mul", "sum"):
        return (*operators[:-2], "mac")
    return operators


def _steps(operator: str, einsum: Einsum, bind: Bind, array: PeArray, device: SpatialDevice) -> tuple[str, int]:
    steps = array.steps(operator)
    if steps is None:
        known = ", ".join(sorted({*array.units, *array.sequences}))
        raise IllegalMappingError(
            f"{einsum.name} is bound to {bind.array} of {device.name}, which has no unit for {operator!r} "
            f"(it has: {known}). "
            f"Choose a device whose {bind.array} has one, or a mapping that binds {einsum.name} elsewhere."
        )
    return steps


def _operand(cascade: Cascade, name: str, works: tuple[Work, ...]) -> Operand:
    reader = next(w for w in works if name in w.operands)
    return Operand(name, _symbols(cascade, cascade.tensor_ranks(name)), reader.phase)


def _flows(cascade: Cascade, works: dict[str, Work]) -> tuple[tuple[Flow, ...], tuple[Flow, ...]]:
    """Split the tensors between Einsums into those that wait in the buffer and those that only cross the link."""
    passes = key_passes(cascade)
    buffered: list[Flow] = []
    link: list[Flow] = []
    for einsum in cascade.einsums:
        readers = [e for e in cascade.einsums if any(a.tensor == einsum.name for a in e.reads) and e is not einsum]
        if einsum.iterative:
            buffered += _carried(cascade, einsum, works)
        here = (works[einsum.name].array, passes[einsum.name])
        places = {(works[e.name].array, passes[e.name]) for e in readers if not _reads_final(e, einsum.name)} - {here}
        later = {place for place in places if place[1] != here[1]}
        symbols = _symbols(cascade, cascade.tensor_ranks(einsum.name))
        scores = {"M", "P"} <= set(symbols)
        waiting = places if scores else set() if einsum.iterative else later
        make = _flow_maker(einsum, works, symbols, scores, readers)
        if waiting:
            buffered.append(make(waiting, here[0]))
        elif places - later:
            link.append(make(places - later, here[0]))
    return tuple(buffered), tuple(link)


def _flow_maker(
    einsum: Einsum, works: dict[str, Work], symbols: tuple[str, ...], scores: bool, readers: list[Einsum]
) -> Callable[[set[tuple[str, int]], str], Flow]:
    def make(places: set[tuple[str, int]], home: str) -> Flow:
        vector = sum(array == "array_1d" for array, _ in places)
        return Flow(
            tensor=einsum.name,
            symbols=symbols,
            reads=len(places),
            writes=1,
            vector_reads=vector,
            broadcast=_broadcast(works, symbols, readers),
            scores=scores,
            crosses=any(array != home for array, _ in places),
            from_phase=works[einsum.name].phase,
            to_phase=max(works[e.name].phase for e in readers),
        )

    return make


def _carried(cascade: Cascade, einsum: Einsum, works: dict[str, Work]) -> list[Flow]:
    """An iterative tensor waits in the buffer from one key tile to the next, and at the end for who reads it last."""
    phase = works[einsum.name].phase
    carried = einsum.iterative.rank if einsum.iterative else ""
    rest = _symbols(cascade, tuple(r for r in cascade.tensor_ranks(einsum.name) if r != carried))
    final = sum(_reads_final(e, einsum.name) for e in cascade.einsums)
    step = Flow(einsum.name, ("M1", *rest), 1, 1, 1, 1, False, False, phase, phase)
    last = Flow(einsum.name, rest, final, 0, final, 1, False, False, phase, phase)
    return [step, last] if final else [step]


def _reads_final(einsum: Einsum, tensor: str) -> bool:
    return any(a.tensor == tensor and any(isinstance(i, Size) for i in a.indices) for a in einsum.reads)


def _broadcast(works: dict[str, Work], symbols: tuple[str, ...], readers: list[Einsum]) -> int:
    """Lanes of the vector array each word is copied to: all, where the tensor lacks the rank that is spread."""
    vector = [works[e.name] for e in readers if works[e.name].array == "array_1d"]
    lanes = [n for w in vector for s, n in zip(w.symbols, w.parallel, strict=True) if n > 1 and s not in symbols]
    return max(lanes, default=1)
