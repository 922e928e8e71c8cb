"""GPU latency as pure functions of numbers: they take floats or numpy arrays and hold no constant of any device.

The structure follows the pipe models of GPU performance analysis: an SM has parallel pipes (tensor, exponential, ALU,
shared memory); instruction streams overlap imperfectly, which a power mean of the pipe times expresses (exponent 1: one
after the other; infinity: perfect overlap). CTAs fill the SMs in waves; L2 and DRAM bound the kernel from outside.
"""

import numpy as np
import numpy.typing as npt

Number = float | npt.NDArray[np.float64]
MEMORY_EXPONENT = 4.0  # overlap of the SMs with L2 and DRAM: prefetching pipelines hide all but the slowest


def overlapped(p: float, a: Number, b: Number, c: Number, d: Number) -> Number:
    """Time of four streams that overlap with exponent `p` [s]: between the longest and the sum."""
    return (a**p + b**p + c**p + d**p) ** (1.0 / p)


def makespan(
    n_ctas: Number, n_sms: float, residents: Number, total_s: Number, worst_s: Number, tail: float = 1.0
) -> Number:
    """Time until the last CTA ends [s].

    Args:
        n_ctas: CTAs of the launch.
        n_sms: SMs; each works off `residents` CTAs side by side at its full rate.
        residents: CTAs that fit one SM.
        total_s: SM time of all CTAs together.
        worst_s: SM time of the longest CTA.
        tail: share of the longest CTA by which the SMs end apart; 1 where nothing is known, less where long CTAs start
            first.

    Two upper bounds of list scheduling, the lower one counts: whole waves of the longest CTA (exact for equal CTAs),
    and Graham's bound ``total / slots + (1 - 1 / slots) longest`` (tight for many CTAs of unequal length).
    """
    side_by_side = np.minimum(residents, np.ceil(n_ctas / n_sms))
    slots = n_sms * side_by_side
    longest = side_by_side * worst_s
    waves = np.ceil(n_ctas / slots) * longest
    return np.maximum(longest, np.minimum(waves, total_s / n_sms + tail * longest * (1.0 - 1.0 / slots)))


def kernel_time(sm_s: Number, l2_s: Number, dram_s: Number, launch_s: Number) -> Number:
    """Time of one launch [s]: SMs, L2 and DRAM overlap, the launch comes before."""
    m = MEMORY_EXPONENT
    return launch_s + (sm_s**m + l2_s**m + dram_s**m) ** (1.0 / m)


def kv_dram_bytes(
    kv_head_bytes: Number, n_heads: Number, tiles_per_head: Number, slots: Number, window_share: Number, l2_bytes: float
) -> Number:
    """Bytes of K and V that come from DRAM [bytes].

    The heads in flight keep their K and V in L2 when they fit three quarters of it: then everything is read once. When
    they do not, each wave reads anew what its Q tiles see: their share of the tokens plus the window around them.
    """
    in_flight = np.maximum(1.0, slots / tiles_per_head)
    once = kv_head_bytes * n_heads
    waves = np.maximum(1.0, n_heads * tiles_per_head / slots)
    seen = np.minimum(1.0, slots / tiles_per_head + window_share)
    per_wave = waves * in_flight * kv_head_bytes * seen
    return np.where(in_flight * kv_head_bytes <= 0.75 * l2_bytes, once, np.maximum(once, per_wave))
