"""Compiled loop of the trace replay: continuous batching, one round of all requests in flight at a time."""

# numba has no types: its decorators hide those of the functions below.
# mypy: disallow-untyped-decorators=False

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np

from attnscope.mappings.offload import compiled
from attnscope.mappings.offload.formulas import terms

WAITING, DONE, TOO_LONG = 0, 1, 2


@numba.njit(cache=True)
def _line(context: Any, slope: float, capped: float, cap: float) -> Any:
    return slope * context + capped * min(context, cap)


@numba.njit(cache=True)
def _emptiest(used: Any) -> Any:
    best = 0
    for d in range(1, len(used)):
        if used[d] < used[best]:
            best = d
    return best


@numba.njit(cache=True)
def _grown(table: Any, rows: int) -> Any:
    if rows < len(table):
        return table
    larger = np.empty((2 * len(table), table.shape[1]))
    larger[: len(table)] = table
    return larger


def _replayer(text: str) -> Callable[..., Any]:
    """The compiled loop; `text` is the stamp of the formulas."""

    @numba.njit(cache=True)
    def replay(
        model: Any,
        compute: Any,
        memory: Any,
        link: Any,
        collective: Any,
        front: float,
        back: float,
        batches: float,
        by_head: bool,
        early: bool,
        kept: Any,
        read: Any,
        arrived: Any,
        prompt: Any,
        answer: Any,
        room: float,
        bins: int,
        most: int,
        reserve: bool,
    ) -> Any:
        """Play all requests; `kept` and `read` are (slope, capped, cap) of the KV policy, `room` the tokens of a bin.

        Returns: rounds [n_rounds, (requests, mean context, seconds, end)], admitted, finished, state, and preemptions.
        """
        n = len(prompt)
        admitted, finished = np.full(n, np.nan), np.full(n, np.nan)
        state, made = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        rounds = np.empty((1024, 4))
        active, place = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        used, load = np.zeros(bins), np.zeros(bins)
        returned = np.empty(n, dtype=np.int64)
        n_active, n_returned, n_rounds, following, n_preempted = 0, 0, 0, 0, 0
        now = 0.0
        if text == "":
            return rounds, admitted, finished, state, n_preempted
        while True:
            while n_active < most:  # admission in order of arrival; those sent back come first
                if n_returned > 0:
                    r = returned[n_returned - 1]
                elif following < n and arrived[following] <= now:
                    r = following
                else:
                    break
                final = prompt[r] + (answer[r] if reserve else made[r] + 1)
                need = _line(final, kept[0], kept[1], kept[2])
                at = _emptiest(used)
                fits = used[at] + need <= room
                alone = _line(prompt[r] + answer[r], kept[0], kept[1], kept[2]) <= room
                if not fits and alone:
                    break
                if n_returned > 0:
                    n_returned -= 1
                else:
                    following += 1
                if not alone:
                    state[r] = TOO_LONG
                    continue
                if np.isnan(admitted[r]):
                    admitted[r] = now
                active[n_active], place[n_active] = r, at
                n_active += 1
                used[at] += need
            if n_active == 0:
                if following >= n and n_returned == 0:
                    break
                now = max(now, arrived[following])
                continue
            if not reserve:  # what the tokens of this round need; the last one admitted makes room
                used[:] = 0.0
                for i in range(n_active):
                    r = active[i]
                    used[place[i]] += _line(prompt[r] + made[r] + 1, kept[0], kept[1], kept[2])
                i = n_active - 1
                while i >= 0 and used.max() > room:
                    if used[place[i]] > room:
                        r = active[i]
                        used[place[i]] -= _line(prompt[r] + made[r] + 1, kept[0], kept[1], kept[2])
                        returned[n_returned] = r
                        n_returned += 1
                        n_preempted += 1
                        for k in range(i, n_active - 1):
                            active[k], place[k] = active[k + 1], place[k + 1]
                        n_active -= 1
                    i -= 1
            load[:] = 0.0
            contexts = 0.0
            for i in range(n_active):
                r = active[i]
                context = float(prompt[r] + made[r])
                contexts += context
                load[place[i]] += _line(context, read[0], read[1], read[2])
            mean = load.max() * bins / n_active  # the fullest device sets the pace
            step = terms(
                model, compute, memory, link, collective, front, back, batches, by_head, early, float(n_active), mean
            ).step_s
            now += step
            rounds = _grown(rounds, n_rounds)
            rounds[n_rounds, 0], rounds[n_rounds, 1] = n_active, contexts / n_active
            rounds[n_rounds, 2], rounds[n_rounds, 3] = step, now
            n_rounds += 1
            left = 0
            for i in range(n_active):
                r = active[i]
                made[r] += 1
                if made[r] >= answer[r]:
                    state[r], finished[r] = DONE, now
                    if reserve:
                        used[place[i]] -= _line(prompt[r] + answer[r], kept[0], kept[1], kept[2])
                else:
                    active[left], place[left] = r, place[i]
                    left += 1
            n_active = left
            if not reserve:
                used[:] = 0.0
                for i in range(n_active):
                    r = active[i]
                    used[place[i]] += _line(prompt[r] + made[r], kept[0], kept[1], kept[2])
        return rounds[:n_rounds].copy(), admitted, finished, state, n_preempted

    return cast("Callable[..., Any]", replay)


replay_rounds = _replayer(compiled.stamp())
