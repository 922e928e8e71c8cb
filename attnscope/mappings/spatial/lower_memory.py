"""The memory side of a lowered program: loads before the tiles that need them, stores after those that make them.

Reads go before writes at the memory, as in any controller: a write can wait, a read holds an array up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnscope.mappings.spatial.counts import points
from attnscope.mappings.spatial.plan import Flow, Operand, Plan, Sizes
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import moves

if TYPE_CHECKING:
    from attnscope.mappings.spatial.lower import Lowering

Tasks = NDArray[np.int64]
_AHEAD = 2  # units of an operand in the buffer at once: one in use, one on its way


def dram_traffic(plan: Plan, s: Sizes, tiling: Tiling) -> dict[tuple[str, bool], float]:
    """Return the words of each tensor read from DRAM (False) and written to it (True)."""
    words: dict[tuple[str, bool], float] = {}
    for move in moves(plan, s, tiling):
        if move.level == "dram":
            for is_write, n in ((False, move.read_words), (True, move.write_words)):
                words[move.tensor, is_write] = words.get((move.tensor, is_write), 0.0) + n
    return words


def add_transfers(low: Lowering) -> None:
    """Add the DRAM tasks of every tensor; their durations sum to the traffic of the closed form.

    Where only a part of the layer is lowered they sum to that share of it: keys fetched once for a block of query
    tiles are charged in part to each of its tiles, even if the part ends within the block.
    """
    words = low.dram_words
    for operand in low.plan.inputs:
        _load_input(low, operand, words.get((operand.tensor, False), 0.0))
    for flow in low.plan.flows:
        _through_dram(low, flow, words.get((flow.tensor, True), 0.0), words.get((flow.tensor, False), 0.0))
    for operand in low.plan.outputs:
        _store_output(low, operand, words.get((operand.tensor, True), 0.0) + words.get((operand.tensor, False), 0.0))


def _ticks(low: Lowering, words: float, n: int) -> NDArray[np.float64]:
    """Duration of each of `n` equal transfers of `words` in all."""
    device = low.plan.device
    per_tick = device.dram.bandwidth_bytes_per_s / device.clock.frequency_hz / low.s.word_bytes
    return np.full(n, words / n / per_tick)


def _units(low: Lowering, operand: Operand) -> Tasks:
    """For each tile the number of the load that brings its words of `operand`, counted in program order."""
    tiles = np.arange(low.n_tiles)
    if low.tiling.places[operand.tensor] == "stream" or low.tiling.granularity == "phase":
        return tiles
    if "P" in operand.symbols:
        key = low.head * low.s.P_tiles + low.p
    else:
        fetched_per_block = low.tiling.refetch.get(operand.tensor, 1) > 1
        block = low.p // low.tiling.block_tiles if fetched_per_block else np.zeros_like(low.p)
        key = (low.head * (low.s.P_tiles + 1) + block) * low.s.M1 + low.m
    _, first, unit = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty_like(first)
    rank[np.argsort(first)] = np.arange(len(first))
    units: Tasks = rank[unit]
    return units


def _load_input(low: Lowering, operand: Operand, words: float) -> None:
    unit = _units(low, operand)
    n = int(unit.max()) + 1
    users = [w for w in low.plan.works if operand.tensor in w.operands and low.per_tile(w)]
    first_tile, last_tile = np.full(n, low.n_tiles), np.zeros(n, dtype=np.int64)
    np.minimum.at(first_tile, unit, np.arange(low.n_tiles))
    np.maximum.at(last_tile, unit, np.arange(low.n_tiles))
    loads = low.add(f"load {operand.tensor}", "dram", _ticks(low, words, n), first_tile, first_tile)
    low.phase_tasks[operand.phase].append(loads)
    ahead = _AHEAD
    if "P" in operand.symbols and low.tiling.places[operand.tensor] == "buffer":
        ahead = max(_AHEAD, low.tiling.block_tiles + _spare_tiles(low, operand))
    for user in users:
        low.after(low.tasks[user.name], loads[unit])
        if n > ahead:
            low.after(loads[ahead:], low.tasks[user.name][last_tile[:-ahead]])


def _spare_tiles(low: Lowering, operand: Operand) -> int:
    """Query tiles of the next block for which the buffer has room beside the block being worked on."""
    device = low.plan.device
    room = device.buffer.capacity_bytes * low.plan.mapping.buffer_share - low.tiling.occupancy_bytes
    width = points(1, low.s.extents(tuple(rank for rank in operand.symbols if rank != "P")))
    return int(max(0, room) // (device.array_2d.columns * width * low.s.word_bytes))


def _through_dram(low: Lowering, flow: Flow, stored: float, loaded: float) -> None:
    if not stored + loaded:
        return
    tiles = np.arange(low.n_tiles)
    store = low.add(f"store {flow.tensor}", "dram", _ticks(low, stored, low.n_tiles), tiles, low.n_tiles + tiles)
    load = low.add(f"load {flow.tensor}", "dram", _ticks(low, loaded, low.n_tiles), tiles, tiles)
    low.phase_tasks[flow.from_phase].append(store)
    low.phase_tasks[flow.to_phase].append(load)
    low.after(store, low.tasks[flow.tensor])
    low.after(load, store)
    home = low.work(flow.tensor).array
    for work in low.plan.works:
        if flow.tensor in work.operands and (work.array != home or not flow.crosses):
            low.after(low.tasks[work.name], load)


def _store_output(low: Lowering, operand: Operand, words: float) -> None:
    last = low.last_key_tile()
    made = low.tasks[operand.tensor]
    stores = low.add(f"store {operand.tensor}", "dram", _ticks(low, words, len(last)), last, low.n_tiles + last)
    low.phase_tasks[operand.phase].append(stores)
    low.after(stores, made[last] if low.per_tile(low.work(operand.tensor)) else made)
