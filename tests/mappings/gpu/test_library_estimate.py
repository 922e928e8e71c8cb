"""Estimates of single calls: interval, limiter, refusals."""

import json

import pytest

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.library_estimate import predict_attention, predict_gemm


def test_a_long_prompt_is_limited_by_the_tensor_cores() -> None:
    found = predict_attention("a100", phase="prefill", batch=4, q_heads=32, kv_heads=8, head_dim=128, length=8192)
    assert found.choices["low_s"] < found.latency_s < found.choices["high_s"]
    assert set(found.busy_s) == {"tensor", "exp", "alu", "shared", "l2", "dram", "issue"}
    assert max(found.busy_s.values()) <= found.latency_s
    assert found.because.startswith("limited by ")
    assert "90 % interval" in found.because
    assert sum(found.choices["parts_s"].values()) == pytest.approx(found.latency_s)
    assert found.choices["ctas_per_sm"] == 2
    assert 0.4 * 312e12 < found.choices["useful_flops_per_s"] < 312e12
    json.dumps(found.to_dict())


def test_decode_of_long_contexts_is_limited_by_dram() -> None:
    found = predict_attention("h200", phase="decode", batch=64, q_heads=32, kv_heads=8, head_dim=128, length=32768)
    assert found.limiter == "dram"
    assert found.bytes["dram"] == pytest.approx(64 * 8 * 32768 * 2 * 128 * 2, rel=0.01)


def test_matrix_product() -> None:
    found = predict_gemm("h100", 4096, 4096, 4096)
    assert 500e12 < found.choices["useful_flops_per_s"] < 989e12
    assert found.energy_j > 0


def test_warnings_say_what_was_not_measured() -> None:
    found = predict_attention("b200", phase="prefill", batch=1, q_heads=8, head_dim=96, length=128)
    assert found.warnings == (
        "constants of h100 are taken over for b200, which has no measured table: expect more error.",
        "prompts of less than 256 tokens were not fitted; the error there is several times larger.",
        "head dims other than 64 and 128 were not measured.",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kv_heads": 3}, "q_heads 32: must be a multiple of kv_heads 3; nearest legal value: 33."),
        ({"batch": 0}, "batch 0: must be a whole number >= 1; nearest legal value: 1."),
        ({"window": -1}, "window -1: must be a whole number >= 0; nearest legal value: 0."),
        ({"head_dim": 512}, "head_dim 512: library kernels end at 256; nearest legal value: 256."),
        ({"library": "vllm0.19"}, "no library named 'vllm0.19'. Did you mean 'vllm0.19.0'?"),
        ({"phase": "prefil"}, "no phase named 'prefil'. Did you mean 'prefill'?"),
        ({"device": "h1000"}, "no device named 'h1000'. Did you mean 'h100'?"),
    ],
)
def test_refusals(change: dict[str, object], message: str) -> None:
    call = {
        "device": "h100",
        "phase": "decode",
        "batch": 1,
        "q_heads": 32,
        "kv_heads": 8,
        "head_dim": 128,
        "length": 64,
    }
    with pytest.raises((UsageError, UnknownNameError)) as raised:
        predict_attention(**(call | change))  # type: ignore[arg-type]
    assert message in str(raised.value)
