"""Replaying traces: conservation, admission, growth, distributions, against a plain Python replay."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.replay import Distribution, Replay, replay
from attnscope.workloads.traces import Trace, make_trace

TIGHT: dict[str, Any] = {"compute": "h100:1", "memory": "h20:1", "memory_fraction": 0.2}


def small_trace(seed: int, n: int = 60) -> Trace:
    random = np.random.default_rng(seed)
    rows = [(float(i) * 0.01, int(random.integers(1, 4000)), int(random.integers(1, 30))) for i in range(n)]
    return make_trace("small", "test", rows)


def plain_replay(d: Deployment, trace: Trace) -> tuple[list[float], float]:
    """Closed loop with reservation, split by head, in plain Python: round times and the end."""
    left = list(range(trace.n_requests))
    active: list[list[int]] = []
    rounds, now = [], 0.0
    while left or active:
        while left:
            r = left[0]
            final = int(trace.prompt[r] + trace.generated[r])
            used = sum(d.policy.kept_tokens(float(p + n)) for p, n, _ in active)
            if used + d.policy.kept_tokens(float(final)) > d.kv_room_tokens:
                break
            active.append([int(trace.prompt[r]), int(trace.generated[r]), 0])
            left.pop(0)
        mean = sum(p + made for p, _, made in active) / len(active)
        step = d.terms(len(active), mean).step_s
        now += step
        rounds.append(step)
        for entry in active:
            entry[2] += 1
        active = [entry for entry in active if entry[2] < entry[1]]
    return rounds, now


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 1000))
def test_the_compiled_replay_equals_a_plain_one(seed: int) -> None:
    trace = small_trace(seed)
    found = replay(trace, model="llama3-8b", arrivals="closed", admission="reserve", **TIGHT)
    rounds, end = plain_replay(deploy("llama3-8b", **TIGHT), trace)
    np.testing.assert_allclose(found.round_s, rounds, rtol=1e-12)
    assert found.makespan_s == pytest.approx(end)


@pytest.mark.parametrize("admission", ["grow", "reserve"])
@pytest.mark.parametrize("arrivals", ["trace", "closed"])
@pytest.mark.parametrize("by", ["head", "request"])
def test_every_token_is_generated_once(admission: Any, arrivals: Any, by: str) -> None:
    trace = small_trace(3)
    options = {**TIGHT, "memory": "h20:2", "by": by}
    found = replay(trace, model="llama3-8b", arrivals=arrivals, admission=admission, **options)
    assert found.n_done + found.n_too_long == trace.n_requests
    assert found.tokens == trace.generated.sum()
    assert found.busy_s <= found.makespan_s + 1e-12
    assert (found.wait_s >= 0).all()
    assert (found.latency_s > found.wait_s).all()


def test_memory_is_never_overfull_and_growing_requests_make_room() -> None:
    trace = make_trace("grow", "test", [(0.0, 1000, 400)] * 60)
    options = {**TIGHT, "compute": "h100:4", "memory_fraction": 0.08}
    d = deploy("llama3-8b", **options)
    grow = replay(trace, model="llama3-8b", arrivals="closed", **options)
    reserve = replay(trace, model="llama3-8b", arrivals="closed", admission="reserve", **options)
    assert (grow.requests * grow.contexts).max() <= d.kv_room_tokens
    assert grow.n_preempted > 0
    assert reserve.n_preempted == 0
    assert grow.batch.most >= reserve.batch.most
    assert "times a request had to make room for others" in grow.because


def test_requests_that_never_fit_are_left_out_and_told() -> None:
    trace = make_trace("mixed", "test", [(0.0, 100, 5), (0.0, 10_000_000, 5), (0.0, 100, 5)])
    found = replay(trace, model="llama3-8b", **TIGHT)
    assert (found.n_done, found.n_too_long) == (2, 1)
    assert "1 requests never fit the memory and were left out." in found.because


def test_idle_time_between_arrivals_is_no_busy_time() -> None:
    trace = make_trace("gap", "test", [(0.0, 100, 5), (1000.0, 100, 5)])
    found = replay(trace, model="llama3-8b", **TIGHT)
    assert found.makespan_s > 1000 > found.busy_s
    assert found.wait.most == 0.0
    assert replay(trace, model="llama3-8b", speedup=2.0, **TIGHT).makespan_s == pytest.approx(500, abs=1)


def test_limits_hold() -> None:
    trace = small_trace(1)
    assert replay(trace, model="llama3-8b", arrivals="closed", most=7, **TIGHT).batch.most == 7
    assert replay(trace, model="llama3-8b", requests=5, **TIGHT).n_done == 5


def test_by_request_the_fullest_device_sets_the_pace() -> None:
    trace = make_trace("skewed", "test", [(0.0, 8000, 50), *[(0.0, 10, 50)] * 7])
    options = {**TIGHT, "memory": "h20:8", "memory_fraction": 0.9, "fidelity": "roofline"}
    head, request = (replay(trace, model="llama3-8b", by=by, **options) for by in ("head", "request"))
    assert request.busy_s >= head.busy_s


def test_one_pool_replays_as_well() -> None:
    found = replay(small_trace(2), model="llama3-8b", compute="h100:1", memory=None, arrivals="closed")
    assert found.deployment.label == "h100:1"
    assert found.tokens_per_s > 0


def test_distributions_weigh_time_and_tokens() -> None:
    found = Distribution.of(np.array([3.0, 1.0, 2.0]), np.array([1.0, 98.0, 1.0]))
    assert (found.least, found.most, found.quantiles[0.5]) == (1.0, 3.0, 1.0)
    assert found.mean == pytest.approx(1.03)
    assert found.quantiles[0.99] == 2.0
    assert found.to_dict()["p95"] == 1.0


def result() -> Replay:
    return replay(small_trace(2), model="llama3-8b", arrivals="closed", **TIGHT)


def test_a_replay_is_plain_values_and_rows() -> None:
    plain = json.loads(json.dumps(result().to_dict()))
    assert plain["batch"]["min"] <= plain["batch"]["p50"] <= plain["batch"]["p99"] <= plain["batch"]["max"]
    assert [row["quantity"] for row in result().to_records()] == [
        "batch",
        "context_tokens",
        "time_between_tokens_s",
        "wait_s",
    ]


def test_the_end_in_which_the_batch_runs_empty_is_told_apart() -> None:
    trace = make_trace("tail", "test", [*[(0.0, 10, 4)] * 300, (0.0, 10, 3000)])
    found = replay(trace, model="llama3-8b", arrivals="closed", most=100, **TIGHT)
    assert found.full_tokens_per_s > 10 * found.tokens_per_s


def test_the_stand_in_is_told() -> None:
    found = replay("azure-code", model="llama3-8b", requests=50, **TIGHT)
    assert "The trace is a stand-in: drawn from published statistics" in found.because


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arrivals": "open"}, "no kind of arrivals named 'open'."),
        ({"admission": "greedy"}, "no admission rule named 'greedy'."),
        ({"speedup": 0.0}, "speedup: 0 must be above 0, such as 1 for the arrivals of the trace."),
        ({"most": 0}, "most requests in flight: 0 must be at least 1. Nearest: 1."),
        ({"requests": 0}, "requests: 0 must be at least 1. Nearest: 1."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        replay(small_trace(1), model="llama3-8b", **{**TIGHT, **options})
    assert message in str(caught.value)


def test_a_trace_of_which_nothing_fits_is_refused() -> None:
    trace = make_trace("huge", "test", [(0.0, 10_000_000, 5)])
    with pytest.raises(
        IllegalMappingError, match=r"none of the 1 requests of huge fits the [0-9,]+ tokens of the memory pool"
    ):
        replay(trace, model="llama3-8b", **TIGHT)
