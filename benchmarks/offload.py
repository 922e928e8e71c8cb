"""Speed of the offload model: one estimate, a sweep of 100,000 points, a replay of 19,366 requests, on one core.

Run `python benchmarks/offload.py [reference folder]`. The compiled loops are warmed up first; the time to compile them,
once per machine, is printed as well. The sweep is compared with the same formulas called point by point from Python.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from attnscope.mappings.gpu.decode import decode_estimate
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.offload import offload
from attnscope.mappings.offload.replay import replay
from attnscope.mappings.offload.sweep import offload_sweep
from attnscope.workloads.traces import load_trace

MODEL = "llama3-70b"
AXES: dict[str, Any] = {
    "compute_devices": range(2, 12),
    "memory_devices": (1, 2, 4, 8),
    "batch": range(2, 102),
    "context": range(128, 3328, 128),
}


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Least time of a call [s]."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begin)
    return best


def main(reference: str | None) -> None:
    """Print what each call takes."""
    trace = load_trace("azure-conv", reference)
    begin = time.perf_counter()
    offload_sweep(MODEL, context=[1024])
    replay(trace, model=MODEL, requests=10)
    print(f"first calls, with compilation or its cache   {time.perf_counter() - begin:8.2f} s")
    single = seconds(lambda: offload(MODEL, context=4096), 200)
    print(f"offload estimate, with baseline              {single * 1e3:8.3f} ms")
    decode = seconds(lambda: decode_estimate("llama3-8b", batch=64, context=4096), 200)
    print(f"decode estimate                              {decode * 1e3:8.3f} ms")
    sweep = offload_sweep(MODEL, **AXES)
    taken = seconds(lambda: offload_sweep(MODEL, **AXES), 3)
    front = seconds(lambda: len(offload_sweep(MODEL, **AXES).front), 3) - taken
    chosen = deploy(MODEL)
    plain = seconds(lambda: chosen.terms(100, 1024), 200)
    print(f"sweep of {sweep.n_points:,} points                     {taken:8.3f} s, front {front:.3f} s")
    print(f"  one point compiled against plain Python    {taken / sweep.n_points * 1e6:8.2f} us, {plain * 1e6:.1f} us")
    for arrivals in ("closed", "trace"):
        options: dict[str, Any] = {"arrivals": arrivals}
        taken = seconds(lambda: replay(trace, model=MODEL, **options), 3)  # noqa: B023
        print(f"replay of {trace.n_requests:,} requests, {arrivals:6} arrivals   {taken:8.3f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
