"""FLAT's rule over symbolic sizes. The other rules of `choose.py` are followed as they stand.

`choose.py` finds the highest block of rows by trying; over symbolic sizes the same block is found by division. All
tilings it chooses from are made and priced by the functions of `choose.py`.
"""

from typing import Any

from attnscope.mappings.spatial import choose as rules
from attnscope.mappings.spatial.batch_rebind import over_symbols
from attnscope.mappings.spatial.batch_symbols import Number
from attnscope.mappings.spatial.plan import Plan, Sizes, compile_plan
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import dram_words


def _least(a: Any, b: Any) -> Any:
    symbol = next((x for x in (a, b) if isinstance(x, Number)), None)
    return symbol.graph.apply("min", a, b) if symbol is not None else min(a, b)


def flat_tiling(plan: Plan, s: Sizes, block: int | None, known: dict[Any, Any]) -> Tiling:
    """Return the tiling of FLAT's rule (`choose._flat`) for symbolic sizes.

    Raises:
        IllegalMappingError: the given block does not fit.
    """
    on_chip, off_chip = over_symbols(rules._on_chip, known), over_symbols(rules._off_chip, known)
    words = over_symbols(dram_words, known)
    array, capacity = plan.device.array_2d, plan.device.buffer.capacity_bytes
    row_bytes = s.word_bytes * s.M
    if block is not None:
        given = over_symbols(rules._given, known)(plan, block, s.P_tiles)
        return on_chip(plan, s, _least(given * array.columns, s.P), "row")
    if row_bytes * s.P <= capacity:
        return on_chip(plan, s, s.P, "head")
    cap = _least(plan.mapping.row_cap or s.P, s.P)
    steps = _least(cap, capacity // row_bytes) // array.columns
    if steps >= 1:
        return on_chip(plan, s, steps * array.columns, "row")
    spilling = on_chip(plan, s, _least(array.columns, s.P), "row")
    streaming = off_chip(s, cap, 2 * row_bytes > capacity, array.columns, plan)
    weight = compile_plan(plan.mapping, plan.device, "weight")
    return spilling if words(plan, s, spilling) <= words(weight, s, streaming) else streaming
