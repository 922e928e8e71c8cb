"""Speed of tile statistics: the compiled sweep beside a plain Python loop, and single answers.

Run it with ``python benchmarks/visibility.py``. The case is attention over a HunyuanVideo latent (30x48x80 tokens,
window 18x24x24; GNA, arXiv 2504.16922): all 10,368 strides times 100 tile pairs.
"""

import functools
import itertools
import math
import time
from collections.abc import Callable
from typing import Any

from attnscope.workloads.visibility import (
    Disc,
    Gna,
    Mask,
    Mode,
    Radial,
    Streaming,
    TileStatistics,
    legal_strides,
    sweep,
    tile_statistics,
)

LAYOUT, WINDOW = (30, 48, 80), (18, 24, 24)
SHAPES = [
    (4, 8, 8),
    (2, 8, 8),
    (8, 4, 8),
    (4, 4, 8),
    (2, 16, 8),
    (2, 8, 16),
    (4, 4, 16),
    (2, 4, 16),
    (4, 4, 4),
    (8, 8, 4),
]
PAIRS: list[tuple[Any, Any]] = list(itertools.product(SHAPES, SHAPES))


@functools.cache
def visits_of_axis(length: int, window: int, stride: int, q_tile: int, kv_tile: int) -> tuple[int, int]:
    """Sum and maximum of visited KV tiles over the Q tiles of one axis, one tile at a time."""
    visits = []
    for first in range(0, length, q_tile):
        ends = []
        for i in (first, min(first + q_tile, length) - 1):
            leader = min(i // stride * stride + stride // 2, length - 1)
            ends.append(max(0, min(leader - window // 2, length - window)))
        visits.append(-(-(ends[1] + window) // kv_tile) - ends[0] // kv_tile)
    return sum(visits), max(visits)


def plain_loop(strides: list[tuple[int, ...]], pairs: list[tuple[Any, Any]]) -> int:
    """Total visits over strides and pairs as a Python loop with a cache per axis; the sum keeps it honest."""
    total = 0
    for stride in strides:
        for q_tile, kv_tile in pairs:
            axes = [visits_of_axis(*row) for row in zip(LAYOUT, WINDOW, stride, q_tile, kv_tile, strict=True)]
            total += math.prod(a[0] for a in axes)
    return total


def best_time_s(call: Callable[[], Any], repeats: int = 5) -> float:
    """Least wall time of a call [s]."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def single(make: Callable[[], Mask], tile: Any, mode: Mode) -> TileStatistics:
    """One answer for a mask made anew."""
    return tile_statistics(make(), tile, tile, mode)


def main() -> None:
    """Print both rates and the time of single answers."""
    strides = legal_strides(WINDOW)
    few = [tuple(map(int, s)) for s in strides[::16]]
    batch = functools.partial(sweep, LAYOUT, WINDOW, (1, 1, 1), (False,) * 3)
    expected = int(batch(strides[::16], PAIRS)["visits_total"].sum())
    assert plain_loop(few, PAIRS) == expected, "both ways must agree"
    loop_s, batch_s = best_time_s(lambda: plain_loop(few, PAIRS), 3), best_time_s(lambda: batch(strides, PAIRS))
    loop_rate, batch_rate = len(few) * len(PAIRS) / loop_s, len(strides) * len(PAIRS) / batch_s
    print(f"{'(stride, tile pair) evaluations':45s} {'per second':>14s}")
    print(f"{'plain Python loop, cached per axis':45s} {loop_rate:14,.0f}")
    print(f"{'sweep()':45s} {batch_rate:14,.0f}   ({batch_rate / loop_rate:.0f}x, one core)")
    print(f"\n{'tile_statistics()':45s} {'ms':>14s}")
    cases: list[tuple[str, Callable[[], Mask], Any, Mode]] = [
        ("GNA, 115,200 tokens in 3-D", lambda: Gna(LAYOUT, WINDOW, (16, 8, 8)), (4, 8, 8), "static"),
        ("GNA, 115,200 tokens in 3-D, dynamic tiles", lambda: Gna(LAYOUT, WINDOW), (4, 8, 8), "dynamic"),
        ("GNA, 115,200 tokens in 3-D, flat tiles", lambda: Gna(LAYOUT, WINDOW), 128, "flat"),
        ("GNA, 1,000,000 tokens in 3-D", lambda: Gna((100, 100, 100), WINDOW), (4, 8, 8), "static"),
        ("GNA, 1,000,000 tokens in 3-D, flat tiles", lambda: Gna((100, 100, 100), WINDOW), 128, "flat"),
        ("sinks and window, 131,072 tokens", lambda: Streaming(131072, 0, 4096), 128, "static"),
        ("disc of radius 16, 65,536 tokens in 2-D", lambda: Disc((256, 256), 16), (16, 8), "static"),
        ("radial bands, 30 frames of 3,840 tokens", lambda: Radial(30, 3840, 0.95), 128, "flat"),
    ]
    for name, make, tile, mode in cases:
        time_s = best_time_s(functools.partial(single, make, tile, mode), 3)
        print(f"{name:45s} {1e3 * time_s:14.2f}")


if __name__ == "__main__":
    main()
