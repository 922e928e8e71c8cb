"""Words that each tensor moves through DRAM and through the buffer, given the plan, the sizes and the tiling."""

from collections.abc import Container
from typing import NamedTuple

from attnscope.mappings.spatial.counts import spilled_words, streamed_words
from attnscope.mappings.spatial.plan import Flow, Operand, Plan, Sizes
from attnscope.mappings.spatial.tiling import Tiling


class Move(NamedTuple):
    """Words of one tensor read from and written to one level, in one phase of the mapping."""

    level: str
    tensor: str
    read_words: float
    write_words: float
    phase: int


def moves(plan: Plan, s: Sizes, tiling: Tiling) -> list[Move]:
    """Return every movement of the mapping; the totals of the levels are their sums."""
    out: list[Move] = []
    for operand in plan.inputs:
        out += _input(operand, s, tiling)
    for flow in plan.flows:
        out += _between(flow, s, tiling)
    for operand in plan.outputs:
        out += _output(operand, s, tiling)
    return out


def dram_words(plan: Plan, s: Sizes, tiling: Tiling) -> float:
    """Return all words that cross the DRAM pins."""
    return sum(m.read_words + m.write_words for m in moves(plan, s, tiling) if m.level == "dram")


def operand_words(plan: Plan, s: Sizes, tiling: Tiling, tensors: Container[str]) -> float:
    """Return the words of the given inputs and outputs that cross the DRAM pins."""
    found = [m for o in plan.inputs if o.tensor in tensors for m in _input(o, s, tiling)]
    found += [m for o in plan.outputs if o.tensor in tensors for m in _output(o, s, tiling)]
    return sum(m.read_words + m.write_words for m in found if m.level == "dram")


def _missing_tiles(operand: Operand, s: Sizes) -> int:
    """Tiles of the score ranks (queries, keys) that the tensor lacks: how often its words meet a new tile."""
    return (1 if "P" in operand.symbols else s.P_tiles) * (1 if "M" in operand.symbols else s.M1)


def _input(operand: Operand, s: Sizes, tiling: Tiling) -> list[Move]:
    words = s.points(operand.symbols)
    place = tiling.places[operand.tensor]
    streamed = streamed_words(words, _missing_tiles(operand, s))
    if place == "stream":
        return [Move("dram", operand.tensor, streamed, 0, operand.phase)]
    fills = words * tiling.refetch.get(operand.tensor, 1)
    if place == "array":
        return [Move("dram", operand.tensor, fills, 0, operand.phase)]
    return [
        Move("dram", operand.tensor, spilled_words(fills, streamed, tiling.spill_fraction), 0, operand.phase),
        Move("buffer", operand.tensor, streamed, fills, operand.phase),
    ]


def _output(operand: Operand, s: Sizes, tiling: Tiling) -> list[Move]:
    words = s.points(operand.symbols)
    if tiling.places[operand.tensor] == "stream":
        return [Move("dram", operand.tensor, 0, words, operand.phase)]
    times = tiling.refetch.get(operand.tensor, 1)
    steps = s.M1 if tiling.accumulate else 1
    write = spilled_words(words * times, words * steps, tiling.spill_fraction)
    return [
        Move("dram", operand.tensor, words * (times - 1), write, operand.phase),
        Move("buffer", operand.tensor, words * (steps - 1), words * steps, operand.phase),
    ]


def _between(flow: Flow, s: Sizes, tiling: Tiling) -> list[Move]:
    words = s.points(flow.symbols)
    in_buffer = Move("buffer", flow.tensor, flow.reads * words, flow.writes * words, flow.to_phase)
    if not flow.scores:
        return [in_buffer]
    if tiling.rows_spill:
        return [
            Move("dram", flow.tensor, 0, words, flow.from_phase),
            Move("dram", flow.tensor, flow.reads * words, 0, flow.to_phase),
        ]
    if tiling.spilled and flow.crosses:
        through = [
            Move("dram", flow.tensor, 0, words, flow.from_phase),
            Move("dram", flow.tensor, words, 0, flow.to_phase),
        ]
        return [*through, in_buffer] if flow.reads > 1 else through
    part = tiling.spill_fraction * words
    if part:
        return [Move("dram", flow.tensor, part * flow.reads, part * flow.writes, flow.to_phase), in_buffer]
    return [in_buffer]
