"""Speed of tile sweeps and of the advisor: run with ``python benchmarks/tiles.py``.

Prints (stride, tile pair) evaluations per second of the compiled sweep beside a plain-Python loop over the same rule,
and the time of the advisor on the largest published case.
"""

import itertools
import time
from collections.abc import Callable

from attnscope.mappings.gpu.advisor import advise
from attnscope.mappings.gpu.backends import legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.workloads.visibility import Gna, legal_strides, sweep, tile_statistics

LAYOUT, WINDOW = (30, 48, 80), (18, 24, 24)


def main() -> None:
    """Time each and print a table."""
    kernels = legal_kernels(load_gpu("a100"), 3, 128, backend="cutlass-fna")
    pairs = [(k.pair.q_tile, k.pair.kv_tile) for k in kernels]
    strides = legal_strides(WINDOW)
    evaluations = len(strides) * len(pairs)
    sweep_s = best(lambda: sweep(LAYOUT, WINDOW, (1, 1, 1), (False,) * 3, strides, pairs))
    few = [tuple(int(v) for v in s) for s in strides[::40]]
    plain_s = best(lambda: plain_python(few, pairs[:4]), 1) * evaluations / (len(few) * 4)
    advice_s = best(lambda: advise(LAYOUT, WINDOW, 24, 128, "h100", stride="auto"))
    one_s = best(lambda: tile_statistics(Gna(LAYOUT, WINDOW, (16, 8, 8)), (2, 8, 8), (2, 8, 8)))
    print(f"sweep          {evaluations / sweep_s / 1e6:8.2f} M evaluations/s   ({evaluations:,} in {sweep_s:.3f} s)")
    print(
        f"plain Python   {evaluations / plain_s / 1e6:8.4f} M evaluations/s   ({plain_s / sweep_s:,.0f} times slower)"
    )
    print(f"one statistic  {one_s * 1e3:8.3f} ms for {30 * 48 * 80:,} tokens")
    print(f"advisor        {advice_s:8.3f} s for all strides and all pairs of an H100")


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of some runs [s], after one to load and compile."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_python(strides: list[tuple[int, ...]], pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> int:
    """Sum of the visits of every stride and pair, by loops over Q tiles."""
    total = 0
    for stride, (q_tile, kv_tile) in itertools.product(strides, pairs):
        visits = 1
        for length, window, s, q, k in zip(LAYOUT, WINDOW, stride, q_tile, kv_tile, strict=True):
            visits *= sum(_visits(a, min(a + q, length) - 1, length, window, s, k) for a in range(0, length, q))
        total += visits
    return total


def _visits(first: int, last: int, length: int, window: int, stride: int, kv_tile: int) -> int:
    low, high = (_start(x, length, window, stride) for x in (first, last))
    return -(-(high + window) // kv_tile) - low // kv_tile


def _start(x: int, length: int, window: int, stride: int) -> int:
    leader = min(x // stride * stride + stride // 2, length - 1)
    return min(max(leader - window // 2, 0), length - window)


if __name__ == "__main__":
    main()
