"""Speed of the event engine: tasks per second of one core, beside the same scheduler in plain Python.

Run `python benchmarks/events.py [n_tasks]`. The program has the shape of FuseMax's interleaved 1-pass attention (Nayak
et al., MICRO 2024, Figures 4 and 5): eleven Einsums per tile on two arrays, recurrences along the keys, several tiles
in flight.
"""

import heapq
import sys
import time

import numpy as np
from numpy.typing import NDArray

from attnscope.simulator.events import play
from attnscope.simulator.program import Program, dependency_lists

KINDS = ("QK", "LM", "RM", "SLN", "SLD", "PRM", "SPD", "SPNV", "SLNV", "RNV", "RD", "AV")
N_TILE_KINDS = len(KINDS) - 1  # AV runs once per query block, after its last tile
LONG = frozenset({"QK", "SPNV", "SLNV", "RNV", "AV"})
ON_2D = frozenset({"QK", "LM", "SLN", "SLD", "SLNV"})
TICKS = {"QK": 64, "LM": 1, "RM": 1, "SLN": 7, "SLD": 1, "PRM": 7, "SPD": 1, "SPNV": 64, "SLNV": 64, "RNV": 64, "RD": 1}
DRAIN_TICKS = 256
WITHIN_TILE = "QK>LM LM>RM RM>SLN SLN>SLD RM>PRM PRM>SPD SPD>RD SLD>RD SLN>SLNV SLNV>RNV PRM>SPNV SPNV>RNV"
FROM_TILE_BEFORE = "RM>RM RM>PRM RD>SPD RNV>SPNV"  # of the same query block

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def fusemax_like(groups: int, m1: int, p1: int, *, window: int, short_first: bool = True) -> Program:
    """Program of `groups * m1 * p1` tiles: `p1` query blocks interleaved, `m1` key tiles each, `window` in flight.

    Tile numbers run over the interleaved blocks first. `short_first` lets Einsums of a few ticks pass the long ones;
    otherwise tiles go strictly in order of their number, then of `KINDS`.
    """
    n_tiles = groups * m1 * p1
    tiles = np.arange(n_tiles)
    last = tiles[(tiles // p1) % m1 == m1 - 1]
    kind = np.concatenate([np.tile(np.arange(N_TILE_KINDS), n_tiles), np.full(len(last), KINDS.index("AV"))])
    tile = np.concatenate([np.repeat(tiles, N_TILE_KINDS), last])
    dep_ptr, dep = _dependencies(tiles, last, m1, p1, window)
    is_long = np.array([name in LONG for name in KINDS])[kind] if short_first else np.zeros(len(kind), dtype=bool)
    return Program(
        resources=("array_2d", "array_1d"),
        resource=np.array([0 if name in ON_2D else 1 for name in KINDS])[kind],
        duration=np.array([TICKS.get(name, TICKS["RNV"]) for name in KINDS])[kind],
        latency=np.where(kind == KINDS.index("LM"), DRAIN_TICKS, 0),
        priority=(is_long * n_tiles + tile) * len(KINDS) + kind,
        dep_ptr=dep_ptr,
        dep=dep,
        kind=kind,
        kinds=KINDS,
        item=tile,
        tick_s=1 / 940e6,
    )


def _dependencies(tiles: NDArray[np.int64], last: NDArray[np.int64], m1: int, p1: int, window: int) -> Pairs:
    def task(tile: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        return tile * N_TILE_KINDS + KINDS.index(name)

    later = tiles[(tiles // p1) % m1 > 0]
    after = [(task(tiles, b), task(tiles, a)) for a, b in (pair.split(">") for pair in WITHIN_TILE.split())]
    after += [(task(later, b), task(later - p1, a)) for a, b in (pair.split(">") for pair in FROM_TILE_BEFORE.split())]
    after.append((task(tiles[window:], "QK"), task(tiles[:-window], "RNV")))
    final = len(tiles) * N_TILE_KINDS + np.arange(len(last))
    after += [(final, task(last, name)) for name in ("RNV", "RD")]
    n_tasks = len(tiles) * N_TILE_KINDS + len(last)
    return dependency_lists(n_tasks, np.concatenate([s for s, _ in after]), np.concatenate([p for _, p in after]))


def play_in_python(program: Program) -> list[float]:
    """Finish of every task, by the same rules with heapq and lists; what one would write without a compiler."""
    n_tasks = program.n_tasks
    resource, duration = program.resource.tolist(), program.duration.tolist()
    latency, priority = program.latency.tolist(), program.priority.tolist()
    ptr, dep = program.dep_ptr.tolist(), program.dep.tolist()
    followers: list[list[int]] = [[] for _ in range(n_tasks)]
    for task in range(n_tasks):
        for before in dep[ptr[task] : ptr[task + 1]]:
            followers[before].append(task)
    missing = [ptr[task + 1] - ptr[task] for task in range(n_tasks)]
    ready, finish = [0.0] * n_tasks, [-1.0] * n_tasks
    free = list(program.servers)
    queues: list[list[tuple[int, int]]] = [[] for _ in free]
    events = [(0.0, task) for task in range(n_tasks) if not missing[task]]
    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            _, task = heapq.heappop(events)
            r = resource[task]
            if finish[task] < 0:
                if r >= 0:
                    heapq.heappush(queues[r], (priority[task], task))
                else:
                    finish[task] = now + duration[task]
                    heapq.heappush(events, (finish[task], task))
                continue
            if r >= 0:
                free[r] += 1
            for follower in followers[task]:
                ready[follower] = max(ready[follower], now + latency[task])
                missing[follower] -= 1
                if not missing[follower]:
                    heapq.heappush(events, (ready[follower], follower))
        for r, queue in enumerate(queues):
            while queue and free[r]:
                _, task = heapq.heappop(queue)
                free[r] -= 1
                finish[task] = now + duration[task]
                heapq.heappush(events, (finish[task], task))
    return finish


def main(n_tasks: int) -> None:
    """Print tasks per second of both, the best of three, and whether they agree."""
    program = fusemax_like(max(1, n_tasks // (16 * 16 * N_TILE_KINDS)), 16, 16, window=8)
    play(program)
    rates = {}
    for name, player in (("compiled", play), ("plain Python", play_in_python)):
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            player(program)
            seconds.append(time.perf_counter() - begin)
        rates[name] = program.n_tasks / min(seconds)
        print(f"{name:12}  {program.n_tasks:>9,} tasks  {min(seconds):8.3f} s  {rates[name] / 1e6:7.2f} M tasks/s")
    agree = np.array_equal(play(program).finish, play_in_python(program))
    print(f"ratio {rates['compiled'] / rates['plain Python']:.1f}; finish times {'equal' if agree else 'DIFFER'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
