"""Energy of a mapping in parts, in two accountings.

`corrected` charges every action of every PE. `published` repeats how the FuseMax artefact sums its tables: registers as
if the array had one PE (Timeloop reports accesses per instance and the artefact does not multiply them), and without
the units that the mapping lists as uncounted.
"""

from collections import defaultdict
from collections.abc import Iterable
from math import prod
from typing import Literal

from attnscope.mappings.spatial.counts import ceil_div, first_read_elided, pj
from attnscope.mappings.spatial.plan import Plan, Sizes, Work
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import Move

Accounting = Literal["corrected", "published"]
ACCOUNTINGS: tuple[Accounting, ...] = ("corrected", "published")


def energy_parts(
    plan: Plan, s: Sizes, tiling: Tiling, moved: Iterable[Move], accounting: Accounting
) -> dict[str, float]:
    """Return the energy of each component [J]; the total is their sum."""
    parts = defaultdict(float, _memory(plan, s, moved))
    skipped = plan.mapping.published.uncounted_units if accounting == "published" else ()
    for work in plan.works:
        n, registers = s.points(work.symbols), work.registers
        for action in work.actions:
            if action.unit not in skipped:
                parts[action.part] += pj(n * action.count, action.energy_pj)
        reads, writes = register_words(plan, work, s, tiling)
        shared = _pes(work) if accounting == "published" else 1
        joules = pj(reads, registers.read_energy_pj_per_word) + pj(writes, registers.write_energy_pj_per_word)
        parts[f"{work.array}.registers"] += joules / shared
    vector = plan.device.array_1d
    arriving = sum(s.points(f.symbols) * f.vector_reads * f.broadcast for f in plan.flows)
    shared = vector.pes if accounting == "published" else 1
    parts["array_1d.registers"] += pj(arriving, vector.registers.write_energy_pj_per_word) / shared
    crossing = sum(s.points(flow.symbols) for flow in plan.link)
    parts["link"] = pj(crossing, vector.registers.read_energy_pj_per_word + vector.registers.write_energy_pj_per_word)
    return dict(parts)


def _memory(plan: Plan, s: Sizes, moved: Iterable[Move]) -> dict[str, float]:
    dram, buffer = plan.device.dram, plan.device.buffer
    bits = 8 * s.word_bytes
    rows = bits / buffer.row_bits
    parts = {"dram": 0.0, "buffer": 0.0}
    for m in moved:
        if m.level == "dram":
            parts["dram"] += pj((m.read_words + m.write_words) * bits, dram.energy_pj_per_bit)
        else:
            parts["buffer"] += pj(m.read_words * rows, buffer.read_energy_pj_per_row)
            parts["buffer"] += pj(m.write_words * rows, buffer.write_energy_pj_per_row)
    return parts


def register_words(plan: Plan, work: Work, s: Sizes, tiling: Tiling) -> tuple[float, float]:
    """Return the words that `work` reads from and writes to the registers of all its PEs.

    2D array: every operand passes through the register of each PE that uses it, and so does the sum it is added to.
    1D array: operands are read and results written; words that arrive from the buffer are charged where they arrive.
    """
    n = s.points(work.symbols)
    operands = n * len(work.operands)
    sums = n * first_read_elided(_steps(work, s)) if work.reduces else 0.0
    if work.array == "array_1d":
        return operands + sums, n
    if not work.mac:
        return operands, operands
    written = n if work.reduces == "time" else sums
    return operands + sums, operands + written + _stationary_fill(plan, work, s, tiling)


def _steps(work: Work, s: Sizes) -> int:
    """Accumulations into one sum: steps in time of the reduced rank, or tiles of it where it is spread in space."""
    extent = getattr(s, work.reduced)
    if work.within_tile and work.reduces == "time":
        return ceil_div(extent, s.M1)
    return ceil_div(extent, work.reduced_parallel)


def _stationary_fill(plan: Plan, work: Work, s: Sizes, tiling: Tiling) -> float:
    """Words written into the PEs for the operand that stays there, where it was not made there."""
    if not work.stationary:
        return 0.0
    flow = next((f for f in plan.flows if f.tensor == work.stationary), None)
    if flow:
        return s.points(flow.symbols)
    operand = next((o for o in plan.inputs if o.tensor == work.stationary), None)
    if operand is None:
        return 0.0
    return s.points(operand.symbols) * tiling.refetch.get(operand.tensor, 1)


def _pes(work: Work) -> int:
    return prod(work.parallel)
