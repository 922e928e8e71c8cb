"""One sentence that says why the latency is what it is, and remarks a reader needs before using the figures."""

from collections.abc import Mapping

from attnscope.mappings.spatial.plan import Plan, Sizes
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.units import format_bytes

_NAMES = {"array_2d": "the 2D array", "array_1d": "the 1D array", "dram": "DRAM", "drain": "the drain of the 2D array"}


def explain(
    plan: Plan,
    einsum_cycles: Mapping[str, int],
    limits: Mapping[str, float],
    limiter: str,
    busy_s: Mapping[str, float],
    latency_s: float,
) -> str:
    """Return the reason for the latency in one sentence."""
    share = limits[limiter] / sum(limits.values())
    if limiter == "drain":
        return (
            f"Each tile waits {plan.device.array_2d.rows} cycles for its column maxima to leave the 2D array, "
            f"{share:.0%} of the latency; a mapping that interleaves tiles, such as fusemax, hides the wait."
        )
    others = ", ".join(f"{_NAMES[n]} {busy / latency_s:.0%}" for n, busy in busy_s.items() if n != limiter)
    if limiter == "dram":
        return f"DRAM traffic sets {share:.0%} of the latency at {_bandwidth(plan)}; busy besides: {others}."
    mine = {w.name: einsum_cycles[w.name] for w in plan.works if w.array == limiter}
    top = sorted(mine, key=lambda name: -mine[name])[:3]
    shares = ", ".join(f"{name} {mine[name] / sum(mine.values()):.0%}" for name in top)
    name = _NAMES[limiter]
    return (
        f"{name[0].upper()}{name[1:]} sets {share:.0%} of the latency ({shares} of its work); busy besides: {others}."
    )


def _bandwidth(plan: Plan) -> str:
    return f"{plan.device.dram.bandwidth_bytes_per_s / 1e9:.4g} GB/s"


def remarks(plan: Plan, s: Sizes, tiling: Tiling) -> tuple[str, ...]:
    """Return what the reader should know: spills, partial tiles."""
    out = []
    if tiling.rows_spill:
        out.append(
            f"A row of scores and its numerators ({format_bytes(2 * s.word_bytes * s.M)}) outgrows the buffer: "
            "every pass over the scores reads them from DRAM."
        )
    elif tiling.spill_fraction:
        out.append(
            f"{tiling.spill_fraction:.2%} of the scores kept on chip spill to DRAM: the row block outgrows the buffer."
        )
    array = plan.device.array_2d
    if s.P % array.columns or s.M % array.rows:
        used = s.P * s.M / (s.P_tiles * array.columns * s.M1 * array.rows)
        out.append(
            f"Sizes are not multiples of the {array.rows} x {array.columns} array: its tiles are {used:.1%} full."
        )
    return tuple(out)
