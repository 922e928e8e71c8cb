import json

import pytest

from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.mappings.gpu.advice import Advice
from attnscope.mappings.gpu.advisor import advise, best_kernel
from attnscope.mappings.gpu.backends import find_kernel, legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused
from attnscope.mappings.gpu.latency import predict
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.workloads.visibility import Gna, tile_statistics

LAYOUT, WINDOW = (30, 48, 80), (18, 24, 24)


@pytest.fixture(scope="module")
def hunyuan() -> Advice:
    return advise(LAYOUT, WINDOW, 24, 128, "h100", stride="auto")


def test_all_strides_and_pairs_are_looked_at(hunyuan: Advice) -> None:
    n_pairs = len(legal_kernels(load_gpu("h100"), 3, 128))
    assert hunyuan.n_evaluated == 18 * 24 * 24 * n_pairs


def test_ranking_is_by_latency_and_the_best_is_block_sparse(hunyuan: Advice) -> None:
    latencies = [c.latency_s for c in hunyuan.choices]
    assert latencies == sorted(latencies)
    assert hunyuan.best.label == "hopper-fna 2x8x8/2x8x8 stride 2x8x8"
    assert hunyuan.best.block_sparse
    assert hunyuan.best.mean_speedup == pytest.approx(100 / 9)


def test_kept_strides_are_not_dominated(hunyuan: Advice) -> None:
    front = hunyuan.frontier()
    for c in front:
        smaller = [o for o in front if o is not c and all(a <= b for a, b in zip(o.stride, c.stride, strict=True))]
        assert all(o.latency_s > c.latency_s for o in smaller)


def test_choices_agree_with_single_estimates(hunyuan: Advice) -> None:
    h100 = load_gpu("h100")
    for choice in hunyuan.choices[::211]:
        mask = Gna(LAYOUT, WINDOW, choice.stride)
        problem = MaskedAttention(mask, 24, 128)
        kernel = find_kernel(legal_kernels(h100, 3, 128, backend=choice.backend), choice.pair, h100)
        time = predict(fused(problem, kernel), h100)
        tiles = tile_statistics(mask, choice.pair.q_tile, choice.pair.kv_tile, kernel.kv_tiling)
        assert choice.latency_s == pytest.approx(float(time.total_s), rel=1e-12)
        assert (choice.visits_total, choice.visits_worst) == (tiles.visits_total, tiles.visits_max)
        assert choice.worst_speedup == pytest.approx(tiles.worst_speedup)
        assert choice.partial_fraction == pytest.approx(tiles.partial_fraction)


def test_parts_sum_to_the_latency(hunyuan: Advice) -> None:
    for choice in hunyuan.choices[::97]:
        assert sum(choice.parts_s.values()) == pytest.approx(choice.latency_s)


def test_flattened_tiles_show_the_curse_of_dimensions(hunyuan: Advice) -> None:
    assert hunyuan.flat.mean_speedup == pytest.approx(10 / 3)
    assert hunyuan.flat.latency_s > 4 * hunyuan.best.latency_s


def test_why_the_best_wins(hunyuan: Advice) -> None:
    assert hunyuan.because.startswith(
        "hopper-fna 2x8x8/2x8x8 stride 2x8x8 is fastest: the mask is perfectly block-sparse, so no visit evaluates it; "
        "11.11x fewer visits than dense on average; the next pair, "
    )


def test_why_not_a_pair_of_another_gpu(hunyuan: Advice) -> None:
    text = hunyuan.why_not("4x8x8/2x8x8")
    assert text.startswith("No kernel on h100 (sm_90) has the tile pair 4x8x8/2x8x8. It belongs to blackwell-fna.")
    assert "Nearest legal pairs: 2x8x8/2x8x8 (hopper-fna)" in text


def test_why_not_a_slower_pair(hunyuan: Advice) -> None:
    text = hunyuan.why_not("4x4x8/4x4x8")
    assert text.startswith("4x4x8/4x4x8 is legal but 1.9")
    assert "mask evaluation +" in text
    assert "100% of the visits evaluate it" in text


def test_why_not_the_best_itself(hunyuan: Advice) -> None:
    assert "is the best choice" in hunyuan.why_not("2x8x8/2x8x8")
    with pytest.raises(UsageError, match="write the Q tile, a slash"):
        hunyuan.why_not("2x8x8")


def test_records_and_json(hunyuan: Advice) -> None:
    text = json.dumps(hunyuan.to_dict())
    assert '"pair": "2x8x8/2x8x8"' in text
    row = hunyuan.to_records()[0]
    assert row["rank"] == 1
    assert row["stride"] == "2x8x8"
    assert {"flopwise_speedup", "mean_speedup", "worst_speedup", "part_mask_s", "waves", "copies_s"} <= set(row)


def test_padding_and_waves_on_blackwell() -> None:
    best = advise(LAYOUT, WINDOW, 24, 128, "b200", stride="16x8x8").best
    assert str(best.pair) in {"4x8x8/2x8x8", "8x4x8/2x8x8"}
    assert best.query_padding_fraction == pytest.approx(2 / 30)
    assert best.waves == pytest.approx(480 * 24 / 148)


def test_the_default_cutlass_tile_of_the_ampere_kernels_is_not_the_best_one() -> None:
    advice = advise(LAYOUT, WINDOW, 24, 128, "a100", stride=(16, 8, 8), backend="cutlass-fna")
    assert advice.best.block_sparse
    assert advice.best.masked_fraction == 0
    default = next(c for c in advice.choices if str(c.pair) == "4x4x4/4x4x4")
    assert default.latency_s > 1.5 * advice.best.latency_s
    assert default.masked_fraction == 1


def test_mask_policy_overrides_the_backends() -> None:
    launch, tile = (
        advise((256, 256), (80, 80), 24, 128, "h100", backend="hopper-fna", mask_policy=p)
        for p in ("launch", "per-tile")
    )
    assert tile.best.masked_fraction < launch.best.masked_fraction == 1
    assert tile.best.latency_s < launch.best.latency_s


def test_dilation_and_causality_are_ranked_too() -> None:
    advice = advise((64, 64), (8, 8), 4, 64, "a100", dilation=(2, 4), causal=(True, False), stride="auto")
    mask = Gna((64, 64), (8, 8), advice.best.stride, (2, 4), (True, False))
    assert advice.best.flopwise_speedup == pytest.approx(4096**2 / mask.total_pairs)


def test_best_kernel_is_the_first_choice() -> None:
    problem = MaskedAttention(Gna((56, 56), (7, 7)), 2, 32, 16)
    a100 = load_gpu("a100")
    advice = advise((56, 56), 7, 2, 32, "a100", batch=16)
    assert best_kernel(problem, legal_kernels(a100, 2, 32), a100, "sustained").pair == advice.best.pair


def test_tensors_beyond_the_memory_are_warned_about() -> None:
    advice = advise((1 << 20,), 4096, 32, 128, "rtx4090", backend="cutlass-fna")
    assert advice.warnings == ("Q, K, V and O take 32 GiB; rtx4090 has 24 GiB.",)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"stride": (1, 90)},
            UsageError,
            "stride 90 on axis 1: stride must be <= the window 80; nearest legal value: 80",
        ),
        ({"stride": 0}, UsageError, "nearest legal value: 1"),
        ({"window": (1, 80)}, UsageError, "window"),
        ({"dilation": 4}, UsageError, "must be <= the axis length 256"),
        ({"window": (8, 8, 8)}, UsageError, "3 axes but the layout has 2"),
        ({"device": "h10"}, UnknownNameError, "no device named 'h10'. Did you mean"),
        ({"mask_policy": "tile"}, UnknownNameError, "no mask policy named 'tile'. Did you mean 'per-tile'"),
        ({"head_dim": 100}, IllegalMappingError, "Nearest legal head dim: 104"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    good: dict[str, object] = {"layout": (256, 256), "window": (80, 80), "heads": 24, "head_dim": 128, "device": "h100"}
    with pytest.raises(error, match=message):
        advise(**(good | change))  # type: ignore[arg-type]
