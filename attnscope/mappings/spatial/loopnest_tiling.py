"""The blocks of a phase: what fits the buffer in each order and residency, and the words that it moves.

Occupancy follows FuseMax (MICRO 2024, section V) where scores are used within a tile, and FLAT (ASPLOS 2023) where
whole rows of them wait: a tensor in the buffer takes its block, a streamed one two tiles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from attnscope.mappings.spatial.counts import ceil_div, points, streamed_words
from attnscope.mappings.spatial.loopnest import INPUTS, OUTPUT, Order
from attnscope.mappings.spatial.plan import Sizes
from attnscope.mappings.spatial.tiling import Place
from attnscope.mappings.spatial.traffic import Move
from attnscope.simulator.spatial_device import SpatialDevice

WIDTH = {"Q": "E", "K": "E", "V": "F", "AV": "F"}
BY_KEYS = ("K", "V")


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """What a phase needs of its tiling.

    Attributes:
        inputs: inputs of the cascade that it reads. output: whether it makes the output.
        accumulates: sums of the output are added up in the buffer, key tile by key tile.
        reduces: the output is a sum over keys.
        states: words per query carried along the keys. wide_states: rows of F words per query carried so.
        n_scores: score tensors that wait in the buffer. passes: scores are read again in a later pass.
        stationary: inputs that stay in PEs.
        row_unit: queries that Einsums over scores work on side by side: the least that a block of rows can hold.
    """

    inputs: tuple[str, ...]
    output: bool
    accumulates: bool
    reduces: bool
    states: int
    wide_states: int
    n_scores: int
    passes: bool
    stationary: tuple[str, ...]
    row_unit: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """One way to cut a phase into blocks: how often each tensor is fetched then, and what fills the buffer."""

    order: Order
    blocks: int
    places: tuple[tuple[str, Place], ...]
    refetch: tuple[tuple[str, int], ...]
    rows_spill: bool
    occupancy_bytes: int
    spill: float = 0.0


def state_words(facts: PhaseFacts, s: Sizes) -> int:
    """Words per query that are carried along the keys."""
    return facts.states + facts.wide_states * s.F


def count_blocks(facts: PhaseFacts, s: Sizes) -> int:
    """Return how many tilings the phase has, legal or not: residencies times numbers of blocks in each order.

    Blocks of queries count three times: with the scores in the buffer, partly in DRAM, or in DRAM between passes.
    """
    tensors = len(facts.inputs) + facts.output
    if not (tensors or facts.passes or state_words(facts, s)):
        return 1
    return int(2**tensors) * (3 * s.P if facts.passes else s.P_tiles + s.M1)


def tilings(facts: PhaseFacts, s: Sizes, device: SpatialDevice, *, every: bool = False) -> Iterator[Blocks]:
    """Yield the legal tilings of a phase; of those that differ in the number of blocks only the one with the fewest.

    More blocks never move fewer words, so that the fewest are the best; `every` yields them all.
    """
    tensors = [*facts.inputs, *([OUTPUT] if facts.output else [])]
    if not (tensors or facts.passes or state_words(facts, s)):
        yield Blocks("queries", 1, (), (), False, 0)
        return
    for kinds in product(("buffer", "stream"), repeat=len(tensors)):
        places: dict[str, Place] = dict(zip(tensors, kinds, strict=True))  # type: ignore[arg-type]
        if places.get(OUTPUT) == "stream" and facts.accumulates:
            continue
        orders: list[tuple[Order, bool]] = [("queries", False)]
        orders += [("queries", True)] if facts.passes else [("keys", False)]
        for order, rows_spill in orders:
            yield from _fitting(facts, s, device, places, order, rows_spill, every)


def _fitting(
    facts: PhaseFacts,
    s: Sizes,
    device: SpatialDevice,
    places: dict[str, Place],
    order: Order,
    rows_spill: bool,
    every: bool,
) -> Iterator[Blocks]:
    if order == "keys" and facts.output and facts.reduces and places[OUTPUT] == "stream":
        return
    capacity = device.buffer.capacity_bytes // s.word_bytes
    fixed, per_tile = _words(facts, s, device, places, order, rows_spill)
    n_tiles = _query_units(facts, s) if order == "queries" else s.M1
    most = n_tiles if per_tile == 0 else min(n_tiles, (capacity - fixed) // per_tile)
    if fixed > capacity:
        return
    if facts.passes and not rows_spill and all(places[name] == "stream" for name in facts.inputs):
        yield from _spilling(facts, s, device, places, max(most, 0), fixed, per_tile, every)
    if most < 1:
        return
    fewest = ceil_div(n_tiles, most)
    for blocks in range(fewest, n_tiles + 1) if every else (fewest,):
        held = (fixed + ceil_div(n_tiles, blocks) * per_tile) * s.word_bytes
        refetch = tuple((name, _refetch(name, facts, s, places, order, blocks)) for name in places)
        yield Blocks(order, blocks, tuple(places.items()), refetch, rows_spill, held)


def _spilling(
    facts: PhaseFacts, s: Sizes, device: SpatialDevice, places: dict[str, Place], most: int, fixed: int, per_tile: int,
    every: bool,
) -> Iterator[Blocks]:  # fmt: skip
    """Blocks of rows higher than fit: FLAT keeps the part that fits and spills the rest.

    Operands are streamed past the rows whatever their number, so that the lowest block spills least and is best.
    """
    units = _query_units(facts, s)
    heights = range(most + 1, units + 1) if every else range(1, 1 if most else 2)
    for height in heights:
        blocks, need = ceil_div(units, height), (fixed + height * per_tile) * s.word_bytes
        refetch = tuple((name, _refetch(name, facts, s, places, "queries", blocks)) for name in places)
        spill = 1.0 - device.buffer.capacity_bytes / need
        held = device.buffer.capacity_bytes
        yield Blocks("queries", blocks, tuple(places.items()), refetch, False, held, spill)


def _query_units(facts: PhaseFacts, s: Sizes) -> int:
    """Query tiles, or groups of rows of scores that are worked on side by side."""
    return ceil_div(s.P, facts.row_unit) if facts.passes else s.P_tiles


def _words(
    facts: PhaseFacts, s: Sizes, device: SpatialDevice, places: dict[str, Place], order: Order, rows_spill: bool
) -> tuple[int, int]:
    """Words in the buffer: those that any number of tiles needs, and those of each tile of the block."""
    rows, columns = device.array_2d.rows, device.array_2d.columns
    fixed, block_side = 0, BY_KEYS if order == "keys" else ("Q", OUTPUT)
    height = facts.row_unit if facts.passes else columns
    per_tile = 0
    for name, place in places.items():
        width, edge = getattr(s, WIDTH[name]), rows if name in BY_KEYS else columns
        if name == OUTPUT and facts.wide_states and place == "stream":
            continue  # the carried numerator is all there is of it
        if place == "buffer" and name in block_side:
            per_tile += (rows if name in BY_KEYS else height) * width
        else:
            fixed += edge * width * (2 if place == "stream" else 1)
    carried = columns * state_words(facts, s)
    scores = rows * columns * facts.n_scores
    if facts.passes:
        scores = 0 if rows_spill else height * s.M
    if order == "queries":
        return fixed, per_tile + carried + scores
    return fixed + carried + scores, per_tile


def _refetch(name: str, facts: PhaseFacts, s: Sizes, places: dict[str, Place], order: Order, blocks: int) -> int:
    """How often a tensor is moved whole between DRAM and the buffer or the arrays."""
    if places[name] == "stream" and name != OUTPUT:
        return s.P_tiles if name in BY_KEYS else s.M1
    if order == "queries":
        return blocks if name in BY_KEYS and s.M1 > 1 else 1
    if name in BY_KEYS or s.P_tiles == 1:
        return 1
    return blocks if name != OUTPUT or facts.reduces else 1


def operand_moves(facts: PhaseFacts, blocks: Blocks, s: Sizes, phase: int) -> list[Move]:
    """Return what the inputs and the output of the cascade move in a phase, and the state between blocks of keys."""
    places, refetch = dict(blocks.places), dict(blocks.refetch)
    out: list[Move] = []
    for name in (name for name in INPUTS if name in places):
        words = points(s.instances, s.extents(("E" if WIDTH[name] == "E" else "F", "M" if name in BY_KEYS else "P")))
        out.append(Move("dram", name, words * refetch[name], 0, phase))
        if places[name] == "buffer":
            streamed = streamed_words(words, s.P_tiles if name in BY_KEYS else s.M1)
            out.append(Move("buffer", name, streamed, words * refetch[name], phase))
    if OUTPUT in places:
        out += _output_moves(places[OUTPUT], refetch[OUTPUT], facts, s, phase)
    if state_words(facts, s) and blocks.order == "keys" and s.P_tiles > 1:
        words = points(s.instances, (s.P, state_words(facts, s))) * (blocks.blocks - 1)
        out.append(Move("dram", "state", words, words, phase))
    return out


def _output_moves(place: Place, times: int, facts: PhaseFacts, s: Sizes, phase: int) -> list[Move]:
    words = points(s.instances, s.extents(("F", "P")))
    out = [Move("dram", OUTPUT, words * (times - 1), words * times, phase)]
    if place == "buffer":
        steps = s.M1 if facts.accumulates else 1
        out.append(Move("buffer", OUTPUT, words * (steps - 1), words * steps, phase))
    return out
