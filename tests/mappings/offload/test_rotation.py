"""Rotational schedule: no idle time and no conflict, by formula and by events."""

from itertools import pairwise

import pytest

from attnscope.errors import UsageError
from attnscope.mappings.offload.play import play_rotation
from attnscope.mappings.offload.rotation import ideal_attention_s, ideal_step_s, replica_of, slice_start_s

LAYERS = 60


@pytest.mark.parametrize("batches", range(2, 9))
def test_by_formula_no_two_slices_meet_and_nothing_idles(batches: int) -> None:
    model_s = float(batches - 1)
    attention_s = ideal_attention_s(model_s, batches)
    by_replica: dict[int, list[float]] = {}
    pool: list[float] = []
    for j in range(batches):
        for k in range(LAYERS):
            start = slice_start_s(j, k, model_s, batches)
            by_replica.setdefault(replica_of(j, k, batches), []).append(start)
            pool.append(start + model_s)
    assert len(by_replica) == batches - 1
    for starts in by_replica.values():
        starts.sort()
        gaps = [b - a for a, b in pairwise(starts)]
        inner = gaps[batches : -2 * batches]
        assert min(gaps) >= model_s - 1e-9
        assert inner == pytest.approx([model_s] * len(inner), abs=1e-9)
    pool.sort()
    gaps = [b - a for a, b in pairwise(pool)]
    inner = gaps[2 * batches : -2 * batches]
    assert min(gaps) >= attention_s - 1e-9
    assert inner == pytest.approx([attention_s] * len(inner), abs=1e-9)


@pytest.mark.parametrize("batches", range(2, 9))
def test_by_events_nothing_idles_and_the_step_time_is_the_identity(batches: int) -> None:
    played = play_rotation(batches, model_s=0.7e-3)
    for name, share in played.busy_fraction.items():
        assert share == pytest.approx(0.0 if name.startswith("link") else 1.0, abs=1e-9)
    assert played.against_closed_form == pytest.approx(0.0, abs=1e-9)
    assert played.step_s == pytest.approx(ideal_step_s(96, 0.7e-3, batches), rel=1e-9)


@pytest.mark.parametrize("batches", range(2, 9))
def test_events_follow_the_formula_slice_by_slice(batches: int) -> None:
    played = play_rotation(batches, model_s=float(batches - 1), n_layers=20)
    program, schedule = played.program, played.schedule
    slices = [t for t in range(program.n_tasks) if program.kinds[program.kind[t]] == "slice"]
    for task in slices:
        k, j = divmod(int(program.item[task]), batches)
        assert program.resource[task] == replica_of(j, k, batches)
        start = schedule.start[task] * program.tick_s
        assert start == pytest.approx(slice_start_s(j, k, float(batches - 1), batches), abs=1e-6)


def test_one_batch_cannot_rotate() -> None:
    with pytest.raises(UsageError, match=r"rotational schedule: 1 batches in flight; it needs at least 2. Nearest: 2."):
        replica_of(0, 0, 1)
