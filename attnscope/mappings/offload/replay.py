"""Replaying a trace on a deployment: continuous batching, admission by capacity, contexts that grow, distributions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.numbers import CollectiveNumbers
from attnscope.units import format_si
from attnscope.workloads.models import Model
from attnscope.workloads.traces import Trace, load_trace

Floats = NDArray[np.float64]
Arrivals = Literal["trace", "closed"]
ARRIVALS: tuple[Arrivals, ...] = ("trace", "closed")
Admission = Literal["grow", "reserve"]
ADMISSIONS: tuple[Admission, ...] = ("grow", "reserve")
LEVELS = (0.05, 0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A weighted distribution: mean, quantiles and extremes."""

    mean: float
    least: float
    most: float
    quantiles: Mapping[float, float]

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> "Distribution":
        """Distribution of `values`, each counting `weights` times."""
        order = np.argsort(values, kind="stable")
        below = np.cumsum(weights[order])
        at = np.searchsorted(below, np.array(LEVELS) * below[-1])
        found = {level: float(values[order[min(i, len(order) - 1)]]) for level, i in zip(LEVELS, at, strict=True)}
        mean = float((values * weights).sum() / below[-1])
        return cls(mean, float(values[order[0]]), float(values[order[-1]]), found)

    def to_dict(self) -> dict[str, float]:
        """Return the figures as plain values: mean, min, p5, p50, p95, p99, max."""
        named = {f"p{level * 100:g}": value for level, value in self.quantiles.items()}
        return {"mean": self.mean, "min": self.least, **named, "max": self.most}


@dataclass(frozen=True, eq=False)
class Replay:
    """What happened to a trace.

    Attributes:
        deployment, trace: what was replayed where. `arrivals`, `admission`: how.
        requests: [n_rounds] in flight. `contexts`: [n_rounds] their mean context.
        round_s: [n_rounds] time for one token of each. `ends_s`: [n_rounds] since the first arrival.
        full_s: until when requests kept coming: the last admission; after it the batch only shrinks.
        wait_s: [n_done] from arrival to admission. `latency_s`: [n_done] from arrival to the last token.
        n_done, n_too_long, n_preempted: requests served, requests that never fit, and how often one had to make room.
    """

    deployment: Deployment
    trace: Trace
    arrivals: Arrivals
    admission: Admission
    requests: Floats
    contexts: Floats
    round_s: Floats
    ends_s: Floats
    full_s: float
    wait_s: Floats
    latency_s: Floats
    n_done: int
    n_too_long: int
    n_preempted: int

    @cached_property
    def tokens(self) -> float:
        """Tokens that were generated."""
        return float(self.requests.sum())

    @property
    def busy_s(self) -> float:
        """Time with at least one request in flight."""
        return float(self.round_s.sum())

    @property
    def makespan_s(self) -> float:
        """From the first arrival to the last token."""
        return float(self.ends_s[-1])

    @property
    def tokens_per_s(self) -> float:
        """Tokens per second while requests were in flight."""
        return self.tokens / self.busy_s

    @property
    def full_tokens_per_s(self) -> float:
        """The same until the last admission, without the end in which the batch runs empty."""
        until = self.ends_s <= self.full_s
        until[0] = True
        return float(self.requests[until].sum() / self.round_s[until].sum())

    @property
    def tokens_per_dollar(self) -> float:
        """Tokens for one unit of the price list, idle time included."""
        return 3600.0 * self.tokens / (self.makespan_s * self.deployment.price_per_hour)

    @cached_property
    def batch(self) -> Distribution:
        """Requests in flight over time."""
        return Distribution.of(self.requests, self.round_s)

    @cached_property
    def context(self) -> Distribution:
        """Mean context of the requests in flight over time."""
        return Distribution.of(self.contexts, self.round_s)

    @cached_property
    def time_between_tokens_s(self) -> Distribution:
        """Time between tokens, over all tokens."""
        return Distribution.of(self.round_s, self.requests)

    @cached_property
    def wait(self) -> Distribution:
        """Time from arrival to admission, over all served requests."""
        return Distribution.of(self.wait_s, np.ones(len(self.wait_s)))

    @property
    def because(self) -> str:
        """What the replay says, in one or two sentences."""
        tbt = self.time_between_tokens_s
        first = (
            f"{self.n_done:,} requests of {self.trace.name} on {self.deployment.label}: {self.tokens_per_s:,.0f} "
            f"tokens/s with {self.batch.mean:.0f} in flight on average (at most {self.batch.most:.0f}), "
            f"{format_si(tbt.quantiles[0.5], 's', 3)} between tokens in the median, "
            f"{format_si(tbt.quantiles[0.99], 's', 3)} at the 99th percentile."
        )
        rest = []
        if self.n_preempted:
            rest.append(f"{self.n_preempted:,} times a request had to make room for others.")
        if self.n_too_long:
            rest.append(f"{self.n_too_long:,} requests never fit the memory and were left out.")
        if self.trace.stand_in:
            rest.append(f"The trace is a stand-in: {self.trace.source}.")
        return " ".join([first, *rest])

    def to_dict(self) -> dict[str, Any]:
        """Return totals and distributions as plain values."""
        return {
            "trace": self.trace.to_dict(),
            "inputs": self.deployment.to_dict(),
            "arrivals": self.arrivals,
            "admission": self.admission,
            "n_done": self.n_done,
            "n_too_long": self.n_too_long,
            "n_preempted": self.n_preempted,
            "tokens_per_s": self.tokens_per_s,
            "full_tokens_per_s": self.full_tokens_per_s,
            "tokens_per_dollar": self.tokens_per_dollar,
            "makespan_s": self.makespan_s,
            "busy_s": self.busy_s,
            "batch": self.batch.to_dict(),
            "context_tokens": self.context.to_dict(),
            "time_between_tokens_s": self.time_between_tokens_s.to_dict(),
            "wait_s": self.wait.to_dict(),
            "because": self.because,
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per distribution."""
        parts = {
            "batch": self.batch,
            "context_tokens": self.context,
            "time_between_tokens_s": self.time_between_tokens_s,
            "wait_s": self.wait,
        }
        return [{"quantity": name, **part.to_dict()} for name, part in parts.items()]


def replay(
    trace: str | Trace,
    *,
    model: str | Model,
    arrivals: Arrivals = "trace",
    admission: Admission = "grow",
    speedup: float = 1.0,
    most: int | None = None,
    requests: int | None = None,
    reference: str | None = None,
    **options: Any,
) -> Replay:
    """Return what a deployment makes of a trace, prefill done elsewhere.

    Args:
        trace: a public trace's name, the path of a CSV, or a `Trace`.
        model: a model's name, the path of a Hugging Face ``config.json``, or a `Model`.
        arrivals: as in the `trace`, or `closed`: every request is there at the start and takes the next free place.
        admission: `grow` admits a request when its tokens fit now, and sends the last one back when growing contexts no
            longer fit; `reserve` admits it when its last token will fit, too.
        speedup: by which arrivals come faster than in the trace.
        most: requests in flight at most.
        requests: replay only so many of the first ones.
        reference: folder with the files of the public traces.
        **options: pools, link, schedule, policy, prices: see `deploy`; ``memory=None`` for one pool.

    Raises:
        UsageError: a name or number that cannot be used, or no request fits; says which, why and what would do.
    """
    chosen, found = deploy(model, **options), load_trace(trace, reference)
    _check(arrivals, admission, speedup, most, requests)
    last = found.n_requests if requests is None else min(requests, found.n_requests)
    arrived = found.arrived_s[:last] / speedup if arrivals == "trace" else np.zeros(last)
    out = _play(chosen, arrived, found.prompt[:last], found.generated[:last], most or last, admission == "reserve")
    rounds, admitted, finished, state, n_preempted = out
    done = state == 1
    if not done.any():
        raise IllegalMappingError(
            f"{chosen.label}: none of the {last:,} requests of {found.name} fits the {chosen.kv_room_tokens:,.0f} "
            "tokens of the memory pool. Use more memory devices."
        )
    in_flight, contexts, round_s, ends_s = (np.ascontiguousarray(rounds[:, i]) for i in range(4))
    return Replay(
        chosen,
        found,
        arrivals,
        admission,
        in_flight,
        contexts,
        round_s,
        ends_s,
        float(np.nanmax(admitted)),
        admitted[done] - arrived[done],
        finished[done] - arrived[done],
        int(done.sum()),
        int((state == 2).sum()),
        int(n_preempted),
    )


def _play(
    d: Deployment,
    arrived: Floats,
    prompt: NDArray[np.int64],
    answer: NDArray[np.int64],
    most: int,
    reserve: bool,
) -> Sequence[Any]:
    from attnscope.mappings.offload.replay_core import replay_rounds

    by_head, p = d.by == "head", d.policy
    bins = 1 if by_head else d.memory_devices
    found: Sequence[Any] = replay_rounds(
        d.numbers,
        d.compute_numbers,
        d.memory_numbers,
        d.link_numbers,
        d.collective if d.fidelity == "kernels" else CollectiveNumbers(0.0, 0.0, 0.0),
        float(d.replica_devices),
        float(d.memory_devices),
        float(d.batches),
        by_head,
        d.early,
        (float(p.kept_slope), float(p.kept_capped), float(p.cap)),
        (float(p.read_slope + p.selection_slope), float(p.read_capped), float(p.cap)),
        arrived,
        prompt,
        answer,
        d.kv_room_tokens / bins,
        bins,
        most,
        reserve,
    )
    return found


def _check(arrivals: str, admission: str, speedup: float, most: int | None, requests: int | None) -> None:
    if arrivals not in ARRIVALS:
        raise UnknownNameError("kind of arrivals", arrivals, ARRIVALS)
    if admission not in ADMISSIONS:
        raise UnknownNameError("admission rule", admission, ADMISSIONS)
    if not speedup > 0.0:
        raise UsageError(f"speedup: {speedup:g} must be above 0, such as 1 for the arrivals of the trace.")
    for name, value in (("most requests in flight", most), ("requests", requests)):
        if value is not None and value < 1:
            raise UsageError(f"{name}: {value} must be at least 1. Nearest: 1.")
