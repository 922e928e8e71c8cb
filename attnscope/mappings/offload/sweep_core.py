"""Compiled loops of the sweep: one decode step per point, and the Pareto front of three objectives."""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import NDArray

from attnscope.mappings.offload import compiled
from attnscope.mappings.offload.formulas import terms

FIELDS = ("model_s", "attention_s", "step_s", "tokens_per_s", "compute_busy", "memory_busy", "link_busy")


def _evaluator(text: str) -> Callable[..., NDArray[np.float64]]:
    """The compiled loop; `text` is the stamp of the formulas."""

    @numba.njit(cache=True)
    def evaluate(
        model: Any,
        compute: Any,
        memory: Any,
        link: Any,
        collective: Any,
        by_head: bool,
        early: bool,
        front: Any,
        back: Any,
        batches: Any,
        batch: Any,
        read: Any,
    ) -> Any:
        n = len(batch)
        out = np.empty((n, 7))
        if text == "":
            return out
        for i in range(n):
            replicas = max(1.0, batches[i] - 1.0)
            t = terms(
                model,
                compute,
                memory,
                link,
                collective,
                front[i] / replicas,
                back[i],
                batches[i],
                by_head,
                early,
                batch[i],
                read[i],
            )
            out[i, 0], out[i, 1], out[i, 2], out[i, 3] = t.model_s, t.attention_s, t.step_s, t.tokens_per_s
            out[i, 4], out[i, 5], out[i, 6] = t.compute_busy, t.memory_busy, t.link_busy
        return out

    return cast("Callable[..., NDArray[np.float64]]", evaluate)


evaluate_points = _evaluator(compiled.stamp())


@numba.njit(cache=True)
def front_of_sorted(high: Any, low: Any) -> Any:
    """Mark the points that no earlier point beats in both `high` (more is better) and `low` (less is better).

    Points come in the order of a third objective, the better first; of equal points the first stays. The front so far
    is a staircase: sorted by `low`, along which `high` rises.
    """
    n = len(high)
    keep = np.zeros(n, dtype=np.bool_)
    stair_low, stair_high = np.empty(n), np.empty(n)
    size = 0
    for i in range(n):
        at = np.searchsorted(stair_low[:size], low[i], side="right")
        if at > 0 and stair_high[at - 1] >= high[i]:
            continue
        keep[i] = True
        start = at
        if at > 0 and stair_low[at - 1] == low[i]:
            start = at - 1
        end = at
        while end < size and stair_high[end] <= high[i]:
            end += 1
        shift = start + 1 - end
        if shift == 1:
            for k in range(size, end, -1):
                stair_low[k], stair_high[k] = stair_low[k - 1], stair_high[k - 1]
        elif shift < 0:
            for k in range(end, size):
                stair_low[k + shift], stair_high[k + shift] = stair_low[k], stair_high[k]
        stair_low[start], stair_high[start] = low[i], high[i]
        size += shift
    return keep
