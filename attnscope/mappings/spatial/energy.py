"""Energy of a mapping in parts, in two accountings.

`corrected` charges every action of every PE. `published` repeats how the FuseMax artefact sums its tables: registers as
if the array had one PE (Timeloop reports accesses per instance and the artefact does not multiply them), and without
the units that the mapping lists as uncounted.
"""

from collections.abc import Iterable
from math import prod
from typing import Literal

from attnscope.mappings.spatial.counts import ceil_div, first_read_elided, pj, points
from attnscope.mappings.spatial.plan import Plan, Sizes, Work
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import Move
from attnscope.simulator.spatial_device import PeArray

Accounting = Literal["corrected", "published"]
ACCOUNTINGS: tuple[Accounting, ...] = ("corrected", "published")


def energy_parts(
    plan: Plan, s: Sizes, tiling: Tiling, moved: Iterable[Move], accounting: Accounting
) -> dict[str, float]:
    """Return the energy of each component [J]; the total is their sum."""
    parts = _memory(plan, s, moved)
    skipped = plan.mapping.published.uncounted_units if accounting == "published" else ()
    for work in plan.works:
        array: PeArray = getattr(plan.device, work.array)
        n = points(s.instances, s.extents(work.symbols))
        for unit, count in work.actions:
            if unit not in skipped:
                _add(parts, f"{work.array}.{unit}", pj(n * count, array.units[unit].energy_pj))
        reads, writes = register_words(plan, work, s, tiling)
        shared = _pes(work) if accounting == "published" else 1
        registers = array.registers
        joules = pj(reads, registers.read_energy_pj_per_word) + pj(writes, registers.write_energy_pj_per_word)
        _add(parts, f"{work.array}.registers", joules / shared)
    vector = plan.device.array_1d
    arriving = sum(points(s.instances, s.extents(f.symbols)) * f.vector_reads * f.broadcast for f in plan.flows)
    shared = vector.pes if accounting == "published" else 1
    _add(parts, "array_1d.registers", pj(arriving, vector.registers.write_energy_pj_per_word) / shared)
    crossing = sum(points(s.instances, s.extents(flow.symbols)) for flow in plan.link)
    parts["link"] = pj(crossing, vector.registers.read_energy_pj_per_word + vector.registers.write_energy_pj_per_word)
    return parts


def _memory(plan: Plan, s: Sizes, moved: Iterable[Move]) -> dict[str, float]:
    dram, buffer = plan.device.dram, plan.device.buffer
    bits = 8 * s.word_bytes
    parts = {"dram": 0.0, "buffer": 0.0}
    for m in moved:
        if m.level == "dram":
            parts["dram"] += pj((m.read_words + m.write_words) * bits, dram.energy_pj_per_bit)
        else:
            rows = bits / buffer.row_bits
            parts["buffer"] += pj(m.read_words * rows, buffer.read_energy_pj_per_row)
            parts["buffer"] += pj(m.write_words * rows, buffer.write_energy_pj_per_row)
    return parts


def register_words(plan: Plan, work: Work, s: Sizes, tiling: Tiling) -> tuple[float, float]:
    """Return the words that `work` reads from and writes to the registers of all its PEs.

    2D array: every operand passes through the register of each PE that uses it, and so does the sum it is added to.
    1D array: operands are read and results written; words that arrive from the buffer are charged where they arrive.
    """
    n = points(s.instances, s.extents(work.symbols))
    operands = len(work.operands)
    if work.array == "array_1d":
        return n * operands + (n * first_read_elided(_steps(work, s)) if work.reduces else 0.0), n
    if not work.mac:
        return n * operands, n * operands
    kept = first_read_elided(_steps(work, s))
    sums_read, sums_written = (n * kept, n) if work.reduces == "time" else (n * kept, n * kept)
    return n * operands + sums_read, n * operands + sums_written + _stationary_fill(plan, work, s, tiling)


def _steps(work: Work, s: Sizes) -> int:
    """Accumulations into one sum: steps in time of the reduced rank, or tiles of it where it is spread in space."""
    extent = getattr(s, work.reduced)
    if work.within_tile and work.reduces == "time":
        return ceil_div(extent, s.M1)
    spread = dict(zip(work.symbols, work.parallel, strict=True)).get(work.reduced, 1)
    return ceil_div(extent, spread)


def _stationary_fill(plan: Plan, work: Work, s: Sizes, tiling: Tiling) -> float:
    """Words written into the PEs for the operand that stays there, where it was not made there."""
    flow = next((f for f in plan.flows if f.tensor == work.stationary), None)
    if flow:
        return points(s.instances, s.extents(flow.symbols))
    operand = next((o for o in plan.inputs if o.tensor == work.stationary), None)
    if operand is None:
        return 0.0
    return points(s.instances, s.extents(operand.symbols)) * tiling.refetch.get(operand.tensor, 1)


def _pes(work: Work) -> int:
    return prod(work.parallel)


def _add(parts: dict[str, float], key: str, joules: float) -> None:
    parts[key] = parts.get(key, 0.0) + joules
