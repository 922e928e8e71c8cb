"""Time of one estimate and of the whole FuseMax study, beside the same with nothing kept from one call to the next.

Run `python benchmarks/estimates.py [--check]`. The study: BERT, TrXL, T5 and XLM at 1K to 1M tokens on five
configurations, attention alone and as a whole block. The plain reference derives each mapping's plan from its
cascade's text at every call. With `--check` the exit code is 1 where a goal is missed.
"""

import sys
import time
from collections.abc import Callable, Iterable

from attnscope.api import STUDY_PAIRS, estimate
from attnscope.mappings.spatial import legality, plan

MODELS = ("bert", "trxl", "t5", "xlm")
LENGTHS = tuple(1 << bits for bits in range(10, 21, 2))
GOAL_ONE_S, GOAL_STUDY_S = 0.2e-3, 0.1


def study(layers: str = "attention") -> int:
    """Evaluate every case of the study; return how many."""
    cases = [(m, n, mapping, device) for m in MODELS for n in LENGTHS for mapping, device in STUDY_PAIRS]
    for model, length, mapping, device in cases:
        estimate(model, seq_len=length, mapping=mapping, device=device, layers=layers)  # type: ignore[arg-type]
    return len(cases)


def one(mapping: str, device: str) -> Callable[[], int]:
    """One estimate of BERT at 64K."""

    def run() -> int:
        estimate("bert", seq_len=1 << 16, mapping=mapping, device=device)
        return 1

    return run


def derived_anew(run: Callable[[], int]) -> Callable[[], int]:
    """The same without the plans kept so far."""

    def forgetful() -> int:
        plan._plans.clear()
        legality.key_passes.cache_clear()
        return run()

    return forgetful


def best_s(run: Callable[[], int], repeats: int) -> float:
    """Shortest time of one call in `repeats` [s]."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def rows() -> Iterable[tuple[str, float, float | None, float | None]]:
    """Name, seconds, seconds of the plain reference and goal of each measurement."""
    for mapping, device in STUDY_PAIRS:
        run = one(mapping, device)
        yield f"one estimate, {mapping}", best_s(run, 300), best_s(derived_anew(run), 20), GOAL_ONE_S
    yield "study, attention, 120 estimates", best_s(study, 5), None, GOAL_STUDY_S
    yield "study, whole blocks, 120 x 7", best_s(lambda: study("block"), 3), None, None


def main(check: bool) -> int:
    """Print the table; return 1 where a goal is missed and `check` is set."""
    begin = time.perf_counter()
    count = study()
    print(f"first study, plans included: {(time.perf_counter() - begin) * 1e3:.1f} ms for {count} estimates\n")
    print(f"{'':34}{'time':>10}{'plain':>12}{'ratio':>8}{'goal':>10}")
    missed = False
    for name, seconds, plain, goal in rows():
        beside = f"{plain * 1e3:9.3f} ms{plain / seconds:7.0f}x" if plain else " " * 20
        print(f"{name:34}{seconds * 1e3:7.3f} ms{beside}" + (f"{goal * 1e3:7.1f} ms" if goal else ""))
        missed |= goal is not None and seconds > goal
    if missed:
        print("a goal is missed")
    return int(check and missed)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
