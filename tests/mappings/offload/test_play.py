"""Decode steps by events against the closed form, and what a program holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.mappings.offload.lower import resources
from attnscope.mappings.offload.play import layer_times, play_decode_step, play_rotation
from attnscope.simulator.timeline import save_timeline

CASES: tuple[dict[str, Any], ...] = (
    {},
    {"early": False},
    {"batches": 1},
    {"batches": 3, "compute": "h100:4"},
    {"batches": 5, "compute": "h100:8", "memory": "h20:8"},
    {"compute": "h100:4", "memory": "h20:1"},
    {"link": "nccl", "batch": 20},
    {"by": "request"},
    {"fidelity": "roofline"},
)


@pytest.mark.parametrize("options", CASES)
def test_events_and_closed_form_agree(options: dict[str, Any]) -> None:
    played = play_decode_step("llama3-70b", context=4096, **options)
    assert played.against_closed_form == pytest.approx(0.0, abs=1e-6)
    assert played.estimate is not None
    busy = played.busy_fraction
    assert busy["memory pool"] == pytest.approx(played.estimate.terms.memory_busy, rel=0.02)
    assert busy["replica 0"] == pytest.approx(played.estimate.terms.compute_busy, rel=0.02)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(2, 4),
    st.integers(1, 3),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(8, 60),
    st.integers(128, 8192),
    st.sampled_from(["fhbn", "nccl", "nvlink"]),
    st.booleans(),
)
def test_events_are_never_faster_than_the_closed_form(
    batches: int, devices: int, memory: int, batch: int, context: int, link: str, early: bool
) -> None:
    played = play_decode_step(
        "llama3-8b",
        context=context,
        batch=batch,
        batches=batches,
        compute=f"h100:{devices * (batches - 1)}",
        memory=f"h20:{memory}",
        link=link,
        early=early,
        steps=4,
    )
    assert played.against_closed_form > -1e-6
    assert played.against_closed_form < 0.10


def test_a_program_names_pools_replicas_and_link() -> None:
    assert resources(3) == ("replica 0", "replica 1", "memory pool", "link out", "link back")
    played = play_decode_step("llama3-8b", context=2048, compute="h100:1", memory="h20:2")
    assert set(played.program.kinds) >= {"slice", "project KV", "send query", "send KV", "attention", "merge"}
    assert played.latency_s == played.step_s
    plain = json.loads(json.dumps(played.to_dict()))
    assert plain["n_tasks"] == played.program.n_tasks
    assert "between tokens by events" in plain["because"]
    assert {row["resource"] for row in played.to_records()} == set(played.program.resources)
    assert layer_times(played.estimate).early if played.estimate else False
    assert played.schedule.explain_idle("memory pool").startswith("memory pool is idle")


def test_small_models_are_played_for_as_many_steps_as_needed() -> None:
    played = play_decode_step("t5", context=512, compute="h100:7", memory="h20:8", batches=8, batch=80)
    assert played.program.n_tasks > 8 * 6 * 8
    assert played.against_closed_form > -1e-6


def test_too_few_layers_have_no_steady_state() -> None:
    with pytest.raises(UsageError, match=r"20 layers were played; a steady state of 8 batches needs 65."):
        _ = play_rotation(8, n_layers=20).step_s


def test_a_played_step_is_drawn_and_traced(tmp_path: Path) -> None:
    played = play_decode_step("llama3-8b", context=2048, compute="h100:1", memory="h20:2")
    for name in ("step.svg", "step.json"):
        save_timeline(tmp_path / name, played.program, played.schedule, item_name="layer of a batch")
        assert (tmp_path / name).stat().st_size > 1000


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"needs a memory pool, such as memory='h20:4'"):
        play_decode_step("llama3-8b", context=2048, memory=None)
    with pytest.raises(UsageError, match=r"steps: 0 of 32 layers and 2 batches make about 0 tasks; between 1 step and"):
        play_decode_step("llama3-8b", context=2048, steps=0)
    with pytest.raises(UsageError, match=r"51,200 tasks; between 1 step and 1,000 tasks are possible"):
        play_decode_step("llama3-8b", context=2048, steps=100, max_tasks=1000)
