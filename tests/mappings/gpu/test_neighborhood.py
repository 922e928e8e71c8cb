import json

import pytest

from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.mappings.gpu.model_estimate import How
from attnscope.mappings.gpu.neighborhood import amdahl, estimate_attention, estimate_neighborhood
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.workloads.visibility import Causal, Gna


def test_hunyuan_on_the_gpu_its_share_was_measured_on() -> None:
    found = estimate_neighborhood("hunyuan-video", "b200", window=(18, 24, 24), stride=(16, 8, 8), dense_steps=15)
    assert found.warnings == ()
    assert found.end_to_end_speedup == pytest.approx(1.63, rel=0.05)
    assert found.dense_latency_s == pytest.approx(628, rel=0.1)
    assert found.end_to_end_speedup == pytest.approx(amdahl(0.606912, found.attention_speedup, 0.3))


def test_the_share_is_taken_over_with_a_warning() -> None:
    found = estimate_neighborhood("flux-4k", "h100")
    assert "measured on b200 and is taken over for h100" in found.warnings[0]
    assert 1.3 < found.end_to_end_speedup < 1.5


def test_models_without_a_published_share_give_attention_only() -> None:
    found = estimate_neighborhood("mochi-1", "h200")
    assert (found.latency_s, found.end_to_end_speedup) == (0.0, 0.0)
    assert found.attention_speedup > 1
    assert len(found.to_records()) == 1


@pytest.mark.parametrize("model", ["dinat-tiny", "swin-t", "nat-mini"])
def test_backbones_add_up(model: str) -> None:
    found = estimate_neighborhood(model, "a100", batch=16)
    assert found.latency_s == pytest.approx(found.attention_s + found.other_s)
    assert found.attention_s == pytest.approx(sum(x.count * x.estimate.latency_s for x in found.layers))
    assert found.end_to_end_speedup > 1
    json.dumps(found.to_dict())


def test_order_of_the_methods_on_a_whole_backbone() -> None:
    times = [estimate_neighborhood("dinat-tiny", "a100", how=How(m)).latency_s for m in ("fused", "gemm", "naive")]
    assert times[0] < min(times[1:])


def test_dilation_costs_less_than_overlapping_windows_of_the_same_size() -> None:
    plain, dilated = (estimate_neighborhood(m, "a100").attention_s for m in ("nat-tiny", "dinat-tiny"))
    assert dilated < plain


def test_an_estimate_keeps_its_parts() -> None:
    problem = MaskedAttention(Gna((256, 256), (80, 80), (16, 16)), 24, 128)
    found = estimate_attention(problem, "h100", How(pair="16x8/16x8"))
    assert found.mapping == "hopper-fna 16x8/16x8"
    assert found.energy_j == pytest.approx(sum(found.energy_parts_j.values()))
    assert found.latency_s == pytest.approx(sum(found.choices["parts_s"].values()))
    assert found.limiter == "tensor"
    assert "limited by the tensor cores" in found.because
    assert all(0 <= u <= 1 for u in found.utilization.values())
    assert found.bytes["dram"] > 4 * 65536 * 24 * 256
    assert 0 < found.energy_j / found.latency_s < 900
    json.dumps(found.to_dict())


def test_unfused_weights_beyond_the_memory_are_warned_about() -> None:
    problem = MaskedAttention(Gna((256, 256), (80, 80)), 24, 128, batch=6)
    found = estimate_attention(problem, "a100", How("naive"))
    assert "GiB are needed; a100 has 80 GiB." in found.warnings[0]


def test_other_masks_use_the_dense_kernel() -> None:
    problem = MaskedAttention(Causal(4096), 16, 128)
    assert estimate_attention(problem, "h100").mapping == "library 128/128"
    with pytest.raises(IllegalMappingError, match="only neighbourhood attention has tile pairs"):
        estimate_attention(problem, "h100", How(pair="128/128"))


def test_amdahl_of_the_paper() -> None:
    assert amdahl(0.607, 1e12) == pytest.approx(1 / 0.393)
    assert amdahl(0.607, 1.0, 0.3) == 1.0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "hunyuan"}, UnknownNameError, "no vision model named 'hunyuan'. Did you mean"),
        ({"dense_steps": 51}, UsageError, "dense_steps 51: must be 0 to the 50 steps of hunyuan-video. Nearest: 50."),
        ({"stride": (19, 1, 1)}, UsageError, "stride must be <= the window 18"),
        ({"how": How(pair="4x8x8/2x8x8"), "device": "h100"}, IllegalMappingError, "It belongs to blackwell-fna"),
        ({"model": "swin-t", "window": (7, 7)}, UsageError, "swin-t has its own windows"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    good: dict[str, object] = {"model": "hunyuan-video", "device": "b200"}
    with pytest.raises(error, match=message):
        estimate_neighborhood(**(good | change))  # type: ignore[arg-type]


def test_unknown_methods_and_policies_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no method named 'gem'. Did you mean 'gemm'"):
        How("gem")
    with pytest.raises(UnknownNameError, match="no mask policy named 'never'"):
        How(mask_policy="never")  # type: ignore[arg-type]
