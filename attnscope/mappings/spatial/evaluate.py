"""The closed form: work per array and words per level, combined by the steady state that the mapping describes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attnscope.errors import UnknownNameError
from attnscope.mappings.spatial.choose import choose
from attnscope.mappings.spatial.counts import array_cycles
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.energy import ACCOUNTINGS, Accounting, energy_parts
from attnscope.mappings.spatial.explain import explain, remarks
from attnscope.mappings.spatial.plan import ARRAYS, Plan, Sizes, compile_plan
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.mappings.spatial.traffic import Move, moves
from attnscope.simulator.estimate import Estimate, Traffic
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape


@dataclass(frozen=True, slots=True)
class Steady:
    """Cycles of each Einsum in all, of each phase, and of each limiter within them."""

    einsum_cycles: Mapping[str, int]
    cycles: float
    limits: Mapping[str, float]


def problem(shape: AttentionShape, plan: Plan) -> Sizes:
    """Return the sizes of `shape` on the device of `plan`.

    Query heads that share keys and values are stacked: one instance per KV head with heads / kv_heads times the
    queries, which is how a mapping that walks queries inside keys fetches shared keys once.
    """
    group = shape.heads // shape.kv_heads
    return plan.sizes(
        shape.batch * shape.kv_heads,
        shape.queries * group,
        shape.keys,
        shape.score_width,
        shape.value_width,
        shape.bytes_per_element,
    )


def evaluate(
    shape: AttentionShape,
    mapping: SpatialMapping,
    device: SpatialDevice,
    *,
    accounting: Accounting = "corrected",
    block: int | None = None,
    workload: str = "",
) -> Estimate:
    """Return what one attention layer costs under `mapping` on `device`.

    Args:
        shape: sizes of the layer.
        mapping: a spatial mapping.
        device: a spatial array.
        accounting: `corrected`, or `published` for the sums of the FuseMax artefact.
        block: query tiles per block instead of the mapping's own choice.
        workload: name shown in the estimate; the sizes where empty.

    Raises:
        IllegalMappingError: the mapping does not fit the device or the block does not fit the buffer.
    """
    if accounting not in ACCOUNTINGS:
        raise UnknownNameError("energy accounting", accounting, ACCOUNTINGS)
    plan, s, tiling = resolve(shape, mapping, device, block)
    moved = moves(plan, s, tiling)
    steady = steady_state(plan, s, moved)
    latency_s = steady.cycles / device.clock.frequency_hz
    busy_s = _busy(plan, steady, moved, s)
    limiter = max(steady.limits, key=lambda name: (steady.limits[name], busy_s.get(name, 0.0)))
    return Estimate(
        workload=workload or shape.label,
        mapping=mapping.name,
        device=device.name,
        latency_s=latency_s,
        limiter=limiter,
        because=explain(plan, steady.einsum_cycles, steady.limits, limiter, busy_s, latency_s),
        busy_s=busy_s,
        utilization=_utilization(plan, s, steady.cycles, busy_s, latency_s),
        energy_parts_j=energy_parts(plan, s, tiling, moved, accounting),
        traffic=_traffic(moved, s.word_bytes),
        occupancy_bytes={"buffer": tiling.occupancy_bytes},
        choices=choices(plan, s, tiling, steady),
        warnings=remarks(plan, s, tiling),
        accounting=accounting,
        inputs={"shape": shape, "mapping": mapping, "device": device, "accounting": accounting, "block": block},
    )


def resolve(
    shape: AttentionShape, mapping: SpatialMapping, device: SpatialDevice, block: int | None = None
) -> tuple[Plan, Sizes, Tiling]:
    """Return the plan, the sizes and the tiling that `mapping` chooses for `shape` on `device`."""
    plan = compile_plan(mapping, device)
    s = problem(shape, plan)
    tiling = choose(plan, s, block)
    return (compile_plan(mapping, device, tiling.dataflow) if tiling.dataflow != plan.dataflow else plan), s, tiling


def steady_state(plan: Plan, s: Sizes, moved: Iterable[Move]) -> Steady:
    """Return the cycles of the whole run: phases in series, each the slower of its memory and its compute time."""
    totals = {w.name: array_cycles(s.instances, s.extents(w.symbols), w.parallel, w.op_cycles) for w in plan.works}
    cycles_per_byte = plan.device.clock.frequency_hz / plan.device.dram.bandwidth_bytes_per_s
    memory = [0.0] * plan.n_phases
    for m in moved:
        if m.level == "dram":
            memory[m.phase] += (m.read_words + m.write_words) * s.word_bytes * cycles_per_byte
    limits: dict[str, float] = {}
    for phase, memory_cycles in enumerate(memory):
        compute = _phase_limits(plan, s, totals, phase)
        if memory_cycles > sum(compute.values()):
            compute = {"dram": memory_cycles}
        for name, cycles in compute.items():
            limits[name] = limits.get(name, 0.0) + cycles
    return Steady(totals, sum(limits.values()), limits)


def _phase_limits(plan: Plan, s: Sizes, totals: Mapping[str, int], phase: int) -> dict[str, float]:
    """Cycles of one phase by what limits them: in each step the array with more work, and the drain if waited for."""
    limits: dict[str, float] = {}
    for stage in plan.stages[phase]:
        matrix, vector = sum([totals[name] for name in stage.array_2d]), sum([totals[name] for name in stage.array_1d])
        slower, cycles = ("array_2d", matrix) if matrix > vector else ("array_1d", vector)
        limits[slower] = limits.get(slower, 0.0) + cycles
        if stage.drains:
            limits["drain"] = limits.get("drain", 0.0) + drain_cycles(plan, s)
    return limits


def drain_cycles(plan: Plan, s: Sizes) -> int:
    """Cycles in which single tiles wait for results to leave the 2D array: its height, once per tile."""
    return s.instances * s.P_tiles * s.M1 * plan.device.array_2d.rows


def _traffic(moved: Iterable[Move], word_bytes: int) -> tuple[Traffic, ...]:
    """Bytes by level and tensor; a tensor that moves for several reasons has one row."""
    words: dict[tuple[str, str], tuple[float, float]] = {}
    for m in moved:
        read, written = words.get((m.level, m.tensor), (0, 0))
        words[m.level, m.tensor] = (read + m.read_words, written + m.write_words)
    return tuple(Traffic(*key, read * word_bytes, written * word_bytes) for key, (read, written) in words.items())


def _busy(plan: Plan, steady: Steady, moved: Iterable[Move], s: Sizes) -> dict[str, float]:
    hz = plan.device.clock.frequency_hz
    busy = {array: sum(steady.einsum_cycles[w.name] for w in plan.works if w.array == array) / hz for array in ARRAYS}
    words = sum(m.read_words + m.write_words for m in moved if m.level == "dram")
    return {**busy, "dram": words * s.word_bytes / plan.device.dram.bandwidth_bytes_per_s}


def _utilization(
    plan: Plan, s: Sizes, cycles: float, busy_s: Mapping[str, float], latency_s: float
) -> dict[str, float]:
    """Useful PE-cycles over all PE-cycles; idle PEs of a partial tile or a narrow operand count as unused."""
    shares = {}
    for array in ARRAYS:
        pes = getattr(plan.device, array).pes
        useful = sum(s.points(w.symbols) * w.op_cycles for w in plan.works if w.array == array)
        shares[array] = useful / pes / cycles
    return {**shares, "dram": busy_s["dram"] / latency_s}


def choices(plan: Plan, s: Sizes, tiling: Tiling, steady: Steady) -> dict[str, object]:
    """Return what the mapping chose, for the reader and for JSON."""
    return {
        "cascade": plan.mapping.cascade,
        "dataflow": tiling.dataflow,
        "granularity": tiling.granularity,
        "query_tiles_per_block": tiling.block_tiles,
        "query_blocks": tiling.blocks,
        "tiles": s.instances * s.P_tiles * s.M1,
        "spill_fraction": tiling.spill_fraction,
        "einsum_cycles": dict(steady.einsum_cycles),
    }
