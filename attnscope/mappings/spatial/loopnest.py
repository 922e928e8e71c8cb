"""Any mapping of a cascade as a loop nest: what is fused, where each Einsum runs, what stays on chip, in which order.

FuseMax's mapping and FLAT's are points of this space. A nest has one phase for each set of fused Einsums; phases follow
one another and pass tensors through DRAM. Within a phase all Einsums share two loops over blocks of queries or of keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from typing import Literal

from attnscope.einsum_cascade import Cascade, Einsum
from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial.description import Bind, Rank
from attnscope.mappings.spatial.legality import key_passes
from attnscope.mappings.spatial.plan import Work, _fused, _reads_final, _symbols, _work
from attnscope.mappings.spatial.tiling import Place
from attnscope.simulator.spatial_device import SpatialDevice

Order = Literal["queries", "keys"]
SPATIAL_RANKS: tuple[Rank, ...] = ("E", "F", "M", "P")
INPUTS, OUTPUT = ("Q", "K", "V"), "AV"


@dataclass(frozen=True, slots=True, order=True)
class Choice:
    """Where an Einsum runs, and the ranks spread over the rows and the columns of that array.

    `chained`: its operators run on different units that feed each other, so that only the slowest counts.
    """

    array: Literal["array_1d", "array_2d"]
    rows: Rank
    columns: Rank
    chained: bool = False

    def __str__(self) -> str:
        spread = f"{self.rows} x {self.columns}" if self.rows else self.columns
        return f"{self.array.removeprefix('array_').upper()}[{spread}]{' chained' if self.chained else ''}"

    @property
    def layout(self) -> tuple[str, str, str]:
        """Which PE holds which element."""
        return self.array, self.rows, self.columns


@dataclass(frozen=True, slots=True)
class Phase:
    """Einsums fused together.

    Attributes:
        einsums: their names, in the order of the cascade.
        order: which blocks the outer loop walks: of `queries`, with all keys inside, or of `keys`, with all queries.
        blocks: how many of them.
        places: where each input and output of the cascade waits that the phase touches.
        rows_spill: rows of scores outgrow the buffer, so that every pass reads them from DRAM.
        occupancy_bytes: what the buffer has to hold.
        spill: share of the scores kept in the buffer that lies in DRAM after all (FLAT's rule).
    """

    einsums: tuple[str, ...]
    order: Order
    blocks: int
    places: tuple[tuple[str, Place], ...]
    rows_spill: bool
    occupancy_bytes: int
    spill: float = 0.0


@dataclass(frozen=True, eq=False)
class LoopNest:
    """A mapping of the whole cascade.

    Attributes:
        cascade: its name. choices: of every Einsum. phases: in order.
        interleaved: several tiles are in flight, so that the arrays overlap freely; else one tile runs at a time.
    """

    cascade: str
    choices: Mapping[str, Choice]
    phases: tuple[Phase, ...]
    interleaved: bool

    @property
    def text(self) -> str:
        """The loop tree, one line for each loop, tensor and Einsum."""
        lines = [f"{self.cascade}, {'tiles interleaved' if self.interleaved else 'one tile at a time'}"]
        for number, phase in enumerate(self.phases):
            lines += _tree(phase, self.choices, number, last=number == len(self.phases) - 1)
        return "\n".join(lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoopNest) and self.signature == other.signature

    def __hash__(self) -> int:
        return hash(self.signature)

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """What breaks ties between mappings of equal cost: fewer phases first, then in the order of names."""
        return (
            len(self.phases),
            self.cascade,
            tuple(phase.einsums for phase in self.phases),
            tuple(self.choices[name] for phase in self.phases for name in phase.einsums),
            tuple((phase.order, phase.blocks, phase.places) for phase in self.phases),
            not self.interleaved,
        )


def _tree(phase: Phase, choices: Mapping[str, Choice], number: int, last: bool) -> list[str]:
    bar, branch = ("   ", "`- ") if last else ("|  ", "|- ")
    outer, inner = ("queries", "keys") if phase.order == "queries" else ("keys", "queries")
    held = [name for name, place in phase.places if place == "buffer"]
    streamed = [name for name, place in phase.places if place == "stream"]
    lines = [f"{branch}phase {number + 1}: for each head"]
    lines.append(f"{bar}`- for each of {phase.blocks} block{'s' * (phase.blocks > 1)} of {outer}")
    if held:
        lines.append(f"{bar}   |- in the buffer: {', '.join(held)}")
    if streamed:
        lines.append(f"{bar}   |- streamed: {', '.join(streamed)}")
    if phase.rows_spill:
        lines.append(f"{bar}   |- rows of scores: in DRAM between passes")
    if phase.spill:
        lines.append(f"{bar}   |- rows of scores: {phase.spill:.1%} of them in DRAM")
    lines.append(f"{bar}   `- for each tile of {inner}, of {outer}")
    for i, name in enumerate(phase.einsums):
        mark = "`- " if i == len(phase.einsums) - 1 else "|- "
        lines.append(f"{bar}      {mark}{name:<5} {choices[name]}")
    return lines


@dataclass(frozen=True)
class Edge:
    """A tensor between two Einsums: `final` where only its last value along the keys is read, `carried` where the
    reader wants the value of the tile before.
    """

    tensor: str
    reader: str
    final: bool
    carried: bool


@dataclass(frozen=True)
class Options:
    """A cascade on a device: the Einsums, the tensors between them, and every way each Einsum can run.

    `only` leaves an Einsum just the choices named there.
    """

    cascade: Cascade
    device: SpatialDevice
    only: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Einsums in order."""
        return tuple(einsum.name for einsum in self.cascade.einsums)

    @cached_property
    def works(self) -> Mapping[str, Mapping[Choice, Work]]:
        """For each Einsum its choices, and what it is there.

        Raises:
            IllegalMappingError: an Einsum that no array of the device can run.
        """
        found = {einsum.name: self._works(einsum) for einsum in self.cascade.einsums}
        for name, kept in self.only.items():
            found[name] = {choice: found[name][choice] for choice in kept}
        for name, works in found.items():
            if not works:
                raise IllegalMappingError(
                    f"no array of {self.device.name} has the units for {name} of {self.cascade.name}. "
                    "Choose a device with them, such as fusemax."
                )
        return found

    def _works(self, einsum: Einsum) -> dict[Choice, Work]:
        out = {}
        for choice in self._choices(einsum):
            bind = Bind.model_construct(
                einsums=(einsum.name,), array=choice.array, rows=choice.rows, columns=choice.columns,
                chained=choice.chained,
            )  # fmt: skip
            try:
                out[choice] = _work(einsum, bind, self.device, self.cascade, 0)
            except IllegalMappingError:
                continue
            if choice.array == "array_1d" and not choice.chained and self._can_chain(einsum):
                chained = replace(choice, chained=True)
                out[chained] = _work(einsum, bind.model_copy(update={"chained": True}), self.device, self.cascade, 0)
        return out

    def _can_chain(self, einsum: Einsum) -> bool:
        """Whether the operators of an Einsum run on different units of a lane, none of them in several steps."""
        steps = [self.device.array_1d.steps(operator) for operator in _fused(einsum.operators)]
        units = [step[0] for step in steps if step]
        return len(units) > 1 and len(set(units)) == len(units) and all(step and step[1] == 1 for step in steps)

    def _choices(self, einsum: Einsum) -> list[Choice]:
        here = self.symbols_of_points(einsum)
        ranks: list[Rank] = sorted(rank for rank in SPATIAL_RANKS if rank in here)
        flat = [Choice("array_1d", "", rank) for rank in ranks]
        square = [Choice("array_2d", rows, columns) for rows, columns in permutations(ranks, 2)]
        return [*flat, *(Choice("array_2d", "", rank) for rank in ranks), *square]

    def symbols_of_points(self, einsum: Einsum) -> tuple[str, ...]:
        """Ranks that an Einsum iterates over."""
        return _symbols(self.cascade, einsum.ranks)

    @cached_property
    def symbols(self) -> Mapping[str, tuple[str, ...]]:
        """Ranks of every tensor."""
        names = (*self.cascade.inputs, *self.names)
        return {name: _symbols(self.cascade, self.cascade.tensor_ranks(name)) for name in names}

    @cached_property
    def scores(self) -> frozenset[str]:
        """Tensors with both a key and a query rank."""
        return frozenset(name for name in self.names if {"M", "P"} <= set(self.symbols[name]))

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Tensors between Einsums, once for each reader, readers in order."""
        out: dict[tuple[str, str], Edge] = {}
        position = {name: i for i, name in enumerate(self.names)}
        for einsum in self.cascade.einsums:
            for access in einsum.reads:
                if access.tensor in position and access.tensor != einsum.name:
                    final = _reads_final(einsum, access.tensor)
                    carried = position[access.tensor] > position[einsum.name]
                    out[access.tensor, einsum.name] = Edge(access.tensor, einsum.name, final, carried)
        return tuple(out.values())

    @cached_property
    def readers(self) -> Mapping[str, tuple[Edge, ...]]:
        """Edges from each tensor."""
        return {name: tuple(edge for edge in self.edges if edge.tensor == name) for name in self.names}

    @cached_property
    def inputs_of(self) -> Mapping[str, tuple[str, ...]]:
        """Inputs of the cascade that each Einsum reads."""
        reads = {einsum.name: {access.tensor for access in einsum.reads} for einsum in self.cascade.einsums}
        return {name: tuple(tensor for tensor in INPUTS if tensor in reads[name]) for name in self.names}

    @cached_property
    def passes(self) -> Mapping[str, int]:
        """The pass over the keys in which each Einsum runs."""
        return key_passes(self.cascade)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Positions where a phase may end: between Einsums, but not inside a recurrence."""
        position = {name: i for i, name in enumerate(self.names)}
        loops = [(position[e.reader], position[e.tensor]) for e in self.edges if e.carried]
        inside = {cut for first, last in loops for cut in range(first + 1, last + 1)}
        return tuple(cut for cut in range(len(self.names) + 1) if cut not in inside)

    def rest(self, tensor: str) -> tuple[str, ...]:
        """Ranks of the last value of a tensor that is carried along the keys."""
        einsum = self.cascade.by_name[tensor]
        carried = einsum.iterative.rank if einsum.iterative else ""
        return _symbols(self.cascade, tuple(r for r in self.cascade.tensor_ranks(tensor) if r != carried))
