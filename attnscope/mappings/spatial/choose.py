"""How the free sizes of a mapping are chosen: the largest block that fits, FLAT's rule, or a search."""

from collections.abc import Callable
from functools import partial
from math import ceil

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial.counts import block_tiles, ceil_div
from attnscope.mappings.spatial.plan import Plan, Sizes, compile_plan
from attnscope.mappings.spatial.tiling import Place, Tiling
from attnscope.mappings.spatial.traffic import dram_words, operand_words
from attnscope.units import format_bytes


def choose(plan: Plan, s: Sizes, block: int | None = None) -> Tiling:
    """Return the tiling of `plan` for the sizes; `block` fixes the number of query tiles in a block.

    Raises:
        IllegalMappingError: nothing fits the buffer, or the given block does not; names the nearest legal value.
    """
    return _RULES[plan.mapping.tiling](plan, s, block)


def _fused(plan: Plan, s: Sizes, block: int | None) -> Tiling:
    """Largest query block whose Q, running maximum, denominator and numerator fit beside one K and one V tile.

    FuseMax (MICRO 2024), section V; with the score tiles, where the mapping leaves them to the vector array.
    """
    device, mapping = plan.device, plan.mapping
    rows, columns = device.array_2d.rows, device.array_2d.columns
    score_words = rows * sum(flow.scores for flow in plan.flows)
    fixed = rows * (s.E + s.F) * s.word_bytes
    per_tile = columns * (s.E + s.F + 2 + score_words) * s.word_bytes
    bound = int((device.buffer.capacity_bytes * mapping.buffer_share - fixed) // per_tile)
    if bound < 1:
        need = ceil((fixed + per_tile) / mapping.buffer_share)
        raise IllegalMappingError(
            f"mapping {mapping.name}: one tile of {columns} queries with E = {s.E}, F = {s.F} needs "
            f"{format_bytes(need)} of buffer; {device.name} has {format_bytes(device.buffer.capacity_bytes)}. "
            f"Nearest legal: buffer.capacity_bytes = {need}, or narrower heads."
        )
    chosen = block_tiles(bound, s.P_tiles) if block is None else _given(plan, block, min(bound, s.P_tiles))
    blocks = ceil_div(s.P_tiles, chosen)
    places: dict[str, Place] = {"Q": "buffer", "K": "buffer", "V": "buffer", "AV": "stream"}
    refetch = {"K": blocks, "V": blocks} if s.M1 > 1 else {}
    return Tiling("output", chosen, blocks, places, refetch, occupancy_bytes=fixed + chosen * per_tile)


def _given(plan: Plan, block: int, most: int) -> int:
    if not 1 <= block <= most:
        raise IllegalMappingError(
            f"mapping {plan.mapping.name}: a block of {block} query tiles does not fit the buffer of "
            f"{plan.device.name}; legal: 1 to {most}. Nearest legal: {max(1, min(block, most))}."
        )
    return block


def _flat(plan: Plan, s: Sizes, block: int | None) -> Tiling:
    """FLAT's rule: whole heads while their scores fit, then the highest row block that fits, then spilling.

    Once not even one tile of rows fits, the cheaper of two ways: spill the part that does not fit, or send all scores
    through DRAM with keys and values held in the array.
    """
    array, capacity = plan.device.array_2d, plan.device.buffer.capacity_bytes
    row_bytes = s.word_bytes * s.M
    if block is not None:
        rows = _given(plan, block, s.P_tiles) * array.columns
        return _on_chip(plan, s, min(rows, s.P), "row")
    if row_bytes * s.P <= capacity:
        return _on_chip(plan, s, s.P, "head")
    cap = min(plan.mapping.row_cap or s.P, s.P)
    rows = min(cap, capacity // row_bytes) // array.columns * array.columns
    if rows > 0:
        return _on_chip(plan, s, rows, "row")
    spilling = _on_chip(plan, s, min(array.columns, s.P), "row")
    off_chip = _off_chip(s, cap, 2 * row_bytes > capacity, array.columns, plan)
    weight = compile_plan(plan.mapping, plan.device, "weight")
    return min(spilling, off_chip, key=lambda t: dram_words(weight if t.dataflow == "weight" else plan, s, t))


def _on_chip(plan: Plan, s: Sizes, rows: int, granularity: str) -> Tiling:
    """Scores of `rows` queries in the buffer, operands streamed; outputs wait in it where that costs no room."""
    array, capacity = plan.device.array_2d, plan.device.buffer.capacity_bytes
    outputs: Place = "buffer" if granularity == "row" and rows <= array.columns else "stream"
    staged = 2 * s.word_bytes * (array.columns * (s.E + s.F) + array.rows * (s.E + s.F))
    occupancy = s.word_bytes * rows * s.M + staged
    return Tiling(
        dataflow="output",
        block_tiles=ceil_div(rows, array.columns),
        blocks=ceil_div(s.P, rows),
        places={"Q": "stream", "K": "stream", "V": "stream", "AV": outputs},
        spill_fraction=max(0.0, 1.0 - capacity / occupancy),
        occupancy_bytes=min(occupancy, capacity),
        granularity=granularity,
    )


def _off_chip(s: Sizes, rows: int, rows_spill: bool, columns: int, plan: Plan) -> Tiling:
    """All scores through DRAM, keys and values held in the array for a block of `rows` queries."""
    blocks = ceil_div(s.P, rows)
    staged = 2 * s.word_bytes * (rows + plan.device.array_2d.rows) * (s.E + s.F)
    return Tiling(
        dataflow="weight",
        block_tiles=ceil_div(rows, columns),
        blocks=blocks,
        places={"Q": "buffer", "K": "array", "V": "array", "AV": "buffer"},
        refetch={"K": blocks, "V": blocks},
        accumulate=True,
        spilled=True,
        rows_spill=rows_spill,
        occupancy_bytes=min(staged, plan.device.buffer.capacity_bytes),
    )


def _unfused(plan: Plan, s: Sizes, block: int | None) -> Tiling:
    """Search each product for the operand to keep in the buffer: the other one is fetched once for each block of it.

    QK keeps queries or keys; AV keeps outputs or values. Of the block heights that fit, the highest moves the
    fewest words and the products share no operand, so the search over these four is exact.
    """
    if block is not None:
        raise IllegalMappingError(
            f"mapping {plan.mapping.name}: has no query blocks to choose; leave --block out, or use a fused mapping."
        )
    array, capacity = plan.device.array_2d, plan.device.buffer.capacity_bytes
    queries = blocks_of(s.P, s.E, array.rows * s.E, capacity, s.word_bytes)
    keys = blocks_of(s.M, s.E, array.columns * s.E, capacity, s.word_bytes)
    outputs = blocks_of(s.P, s.F, array.rows * s.F, capacity, s.word_bytes)
    values = blocks_of(s.M, s.F, array.columns * s.F, capacity, s.word_bytes)
    make = partial(
        Tiling,
        dataflow="output",
        block_tiles=s.P_tiles,
        blocks=1,
        places={"Q": "buffer", "K": "buffer", "V": "buffer", "AV": "buffer"},
        accumulate=True,
        spilled=True,
        rows_spill=2 * s.word_bytes * s.M > capacity,
        occupancy_bytes=capacity,
        granularity="phase",
    )

    def cheaper(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
        return min((one, other), key=lambda again: operand_words(plan, s, make(refetch=again), (*one, *other)))

    return make(refetch=cheaper({"K": queries}, {"Q": keys}) | cheaper({"V": outputs}, {"AV": values}))


def blocks_of(extent: int, width: int, other_words: int, capacity_bytes: int, word_bytes: int) -> int:
    """Return the blocks a tensor of `extent` rows is cut into; one fits beside `other_words` of its partner."""
    height = max(1, (capacity_bytes // word_bytes - other_words) // width)
    return ceil_div(extent, min(extent, height))


_RULES: dict[str, Callable[[Plan, Sizes, int | None], Tiling]] = {"fused": _fused, "flat": _flat, "unfused": _unfused}
