"""Sweeps: equal to single estimates, exact fronts, refusals, figure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnscope.errors import UsageError
from attnscope.mappings.offload.compiled import stamp
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.offload import serve
from attnscope.mappings.offload.plot import front_info, save_front
from attnscope.mappings.offload.sweep import OffloadSweep, offload_sweep
from attnscope.mappings.offload.sweep_core import front_of_sorted

SIZES: dict[str, Any] = {
    "compute_devices": [1, 2, 3, 4, 8],
    "memory_devices": [1, 2, 3, 4],
    "batches": [1, 2, 3],
    "batch": [1, 8, 60, 333],
    "context": [512, 3000, 8192],
}


@pytest.fixture(scope="module")
def sweep() -> OffloadSweep:
    return offload_sweep("llama3-70b", **SIZES)


def test_every_point_equals_its_single_estimate(sweep: OffloadSweep) -> None:
    for index in range(sweep.n_points):
        row = sweep.row(index)
        chosen = deploy("llama3-70b", compute=row["compute"], memory=row["memory"], batches=row["batches"])
        single = serve(chosen, row["context_tokens"], row["batch"])
        assert row["tokens_per_s"] == pytest.approx(single.tokens_per_s, rel=1e-12)
        assert row["price_per_hour"] == single.price_per_hour
        assert row["busy_memory_fraction"] == pytest.approx(single.terms.memory_busy, rel=1e-12)


def test_all_points_are_there_or_refused_for_a_reason(sweep: OffloadSweep) -> None:
    assert sweep.n_points + sum(sweep.refused.values()) == 5 * 4 * 3 * 4 * 3
    assert set(sweep.refused) == {
        "KV heads do not divide over the memory pool",
        "replicas do not divide the compute pool",
        "weights do not fit the compute pool",
        "requests do not fit the memory pool",
        "less than one request per batch in flight",
    }


def plain_front(sweep: OffloadSweep) -> set[tuple[float, float, float]]:
    points = np.stack([-sweep.tokens_per_s, sweep.time_between_tokens_s, sweep.price_per_hour], axis=1)
    beaten = [bool(((points <= p).all(axis=1) & (points < p).any(axis=1)).any()) for p in points]
    return {tuple(p) for p, b in zip(points.tolist(), beaten, strict=True) if not b}


def test_the_front_is_exact(sweep: OffloadSweep) -> None:
    front = sweep.front
    found = {
        (-float(sweep.tokens_per_s[i]), float(sweep.time_between_tokens_s[i]), float(sweep.price_per_hour[i]))
        for i in front
    }
    assert found == plain_front(sweep)
    assert len(found) == len(front)


def test_the_staircase_alone_is_exact_on_random_points() -> None:
    random = np.random.default_rng(2)
    for n in (1, 2, 50, 400):
        high, low = random.integers(0, 20, n).astype(float), random.integers(0, 20, n).astype(float)
        keep = front_of_sorted(high, low)
        for i in range(n):
            beaten = ((high[:i] >= high[i]) & (low[:i] <= low[i])).any()
            assert keep[i] == (not beaten)


def test_as_many_requests_as_fit_and_a_trace_for_the_context() -> None:
    found = offload_sweep("llama3-70b", compute_devices=[2], memory_devices=[4], trace="azure-conv")
    chosen = deploy("llama3-70b")
    (row,) = found.to_records()
    assert row["batch"] == chosen.requests_that_fit(row["context_tokens"])
    assert row["context_tokens"] == pytest.approx(1154.7 + 211.1 / 2, abs=0.01)
    assert "1 points, 1 on the front" in found.because


def test_policies_and_splits_go_through() -> None:
    options: dict[str, Any] = {"kv_policy": "duo", "by": "request", "link": "nccl", "early": False}
    found = offload_sweep("llama3-70b", compute_devices=[2], memory_devices=[3], batch=[30], context=[8192], **options)
    single = serve(deploy("llama3-70b", memory="h20:3", **options), 8192, 30)
    assert found.tokens_per_s[0] == pytest.approx(single.tokens_per_s, rel=1e-12)


def test_a_sweep_is_plain_values(sweep: OffloadSweep) -> None:
    plain = json.loads(json.dumps(sweep.to_dict()))
    assert plain["n_front"] == len(plain["front"])
    assert len(sweep.to_records(front=False)) == sweep.n_points


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_sweep_gives_the_same_picture(sweep: OffloadSweep, tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    save_front(one, sweep)
    save_front(two, sweep)
    assert one.read_bytes() == two.read_bytes()
    info = front_info(sweep)
    assert len(info.front_ms) == len(sweep.front)
    assert info.title == "llama3-70b on h100 + h20: throughput, latency and price"


def test_other_pictures_are_refused(sweep: OffloadSweep, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot save a figure as .gif; use .svg or .png"):
        save_front(tmp_path / "a.gif", sweep)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"compute_devices": []},
            "sweep: compute_devices = [] must hold whole numbers of at least 1, such as [1, 2, 4].",
        ),
        ({"memory_devices": [0]}, "sweep: memory_devices = [0] must hold whole numbers of at least 1"),
        ({"context": [99999]}, "context: 99,999 tokens are more than the 8,192 of llama3-70b."),
        ({"context": []}, "give a context length or a trace, and not both"),
        ({"compute_devices": [1]}, "no point is legal (3 points: weights do not fit the compute pool"),
        ({"link": "none"}, "no link named 'none'."),
    ],
)
def test_wrong_sweeps_are_refused(options: dict[str, Any], message: str) -> None:
    given = {"compute_devices": [2], "memory_devices": [1, 2, 4], "context": [512], **options}
    with pytest.raises(UsageError) as caught:
        offload_sweep("llama3-70b", **given)
    assert message in str(caught.value)


def test_the_stamp_names_the_formulas() -> None:
    assert len(stamp()) == 16
    assert stamp() == stamp()
