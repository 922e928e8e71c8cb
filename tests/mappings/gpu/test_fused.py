from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.backends import Kernel, find_kernel, legal_kernels
from attnscope.mappings.gpu.constants import constants_for
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused, library_kernel
from attnscope.mappings.gpu.latency import launch_time, power_state, predict
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.tiles import TilePair
from attnscope.workloads.visibility import Causal, Gna

HUNYUAN = MaskedAttention(Gna((30, 48, 80), (18, 24, 24), (16, 8, 8)), 24, 128)


def hopper(problem: MaskedAttention, pair: str) -> Kernel:
    h100 = load_gpu("h100")
    return find_kernel(legal_kernels(h100, problem.rank, problem.head_dim, backend="hopper-fna"), pair, h100)


def test_counts_of_a_block_sparse_problem() -> None:
    descriptor = fused(HUNYUAN, hopper(HUNYUAN, "2x8x8/2x8x8"))
    main = descriptor.launches[-1]
    assert descriptor.family == "fused-neighborhood"
    assert (main.n_ctas, main.iterations, main.masked_iterations) == (900 * 24, 72900 * 24, 0)
    assert descriptor.total("tensor_flops") == HUNYUAN.useful_flops
    assert descriptor.total("exps") == HUNYUAN.pairs
    assert main.dram_bytes == 2 * 115200 * 24 * 256


def test_permutation_copies_every_padded_tensor_twice() -> None:
    copies = fused(HUNYUAN, hopper(HUNYUAN, "4x4x8/4x4x8")).launches[:-1]
    assert [c.name for c in copies] == ["pad q", "pad k", "pad v", "permute q", "permute k", "permute v", "permute o"]
    padded = 32 * 48 * 80 * 24 * 256
    assert all(c.copied_bytes == 2 * padded for c in copies if c.name.startswith("permute"))
    assert copies[0].copied_bytes == padded + 115200 * 24 * 256


def test_one_axis_without_dilation_needs_no_permutation() -> None:
    plain = MaskedAttention(Gna((4096,), (512,)), 2, 128)
    dilated = MaskedAttention(Gna((4096,), (512,), 1, 2), 2, 128)  # type: ignore[arg-type]
    assert len(fused(plain, hopper(plain, "128/128")).launches) == 1
    assert len(fused(dilated, hopper(dilated, "128/128")).launches) == 5


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 3), st.sampled_from(["launch", "per-tile"]))
def test_parts_sum_to_the_total_and_work_bounds_it(w: int, x: int, heads: int, policy: str) -> None:
    problem = MaskedAttention(Gna((12 + x, 24), (w, w), (1, 2)), heads, 128)
    device = load_gpu("h100")
    descriptor = fused(problem, replace(hopper(problem, "16x8/16x8"), mask=policy))  # type: ignore[arg-type]
    time = predict(descriptor, device)
    assert sum(float(v) for v in time.parts_s().values()) == pytest.approx(float(time.total_s))
    assert min(float(v) for v in time.parts_s().values()) >= -1e-15
    assert float(time.total_s) >= descriptor.useful_flops / device.tensor_flops_per_s("fp16")
    for launch in time.launches:
        assert float(launch.total_s) >= max(float(s) for s in launch.pipes_s.values())


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(1, 3))
def test_a_larger_window_is_never_faster(window: int, heads: int) -> None:
    def latency(w: int) -> float:
        problem = MaskedAttention(Gna((64, 32), (w, w)), heads, 128)
        return float(predict(fused(problem, hopper(problem, "16x8/16x8")), load_gpu("h100")).total_s)

    assert latency(window + 1) >= latency(window) * (1 - 1e-9)


def test_masking_single_tiles_is_never_slower_than_masking_the_launch() -> None:
    problem = MaskedAttention(Gna((256, 256), (80, 80)), 24, 128)
    kernel = hopper(problem, "16x8/16x8")
    both = [predict(fused(problem, replace(kernel, mask=p)), load_gpu("h100")) for p in ("launch", "per-tile")]
    assert float(both[1].total_s) < float(both[0].total_s)


def test_flattened_tiles_cost_more_visits() -> None:
    kernel = hopper(HUNYUAN, "2x8x8/2x8x8")
    flat = fused(HUNYUAN, replace(kernel, kv_tiling="flat", permutes=False))
    assert flat.counts["visits"] == 243000
    assert fused(HUNYUAN, kernel).counts["visits"] == 72900


def test_tile_of_the_whole_problem_is_one_visit() -> None:
    problem = MaskedAttention(Gna((8, 8), (8, 8)), 1, 64)
    kernel = Kernel("test", TilePair((8, 8), (8, 8)), "mma_sync")
    main = fused(problem, kernel).launches[-1]
    assert (main.n_ctas, main.iterations, main.masked_iterations) == (1, 1, 0)


def test_causal_dense_attention_halves_the_visits() -> None:
    h100 = load_gpu("h100")
    problem = MaskedAttention(Causal(8192), 16, 128)
    causal, dense = fused(problem, library_kernel(h100)), fused(problem.dense(), library_kernel(h100))
    assert causal.counts["visits"] == 64 * 65 / 2
    assert dense.family == "fused-dense"
    assert float(predict(causal, h100).total_s) < 0.7 * float(predict(dense, h100).total_s)


def test_mma_sync_kernels_also_read_shared_memory() -> None:
    a100, problem = load_gpu("a100"), MaskedAttention(Gna((256, 256), (80, 80)), 24, 128)
    kernel = legal_kernels(a100, 2, 128, backend="cutlass-fna")[-1]
    work = fused(problem, kernel).launches[-1].iteration
    assert work.shared_bytes == 2 * 64 * 64 / 16 * 256
    assert fused(problem, hopper(problem, "16x8/16x8")).launches[-1].iteration.shared_bytes == 0


def test_wide_heads_spill_their_output_on_cutlass_kernels() -> None:
    a100 = load_gpu("a100")
    kernel = legal_kernels(a100, 2, 256, backend="cutlass-fna")[-1]
    wide, narrow = (fused(MaskedAttention(Gna((64, 64), (8, 8)), 1, d), kernel) for d in (256, 64))
    assert wide.launches[-1].iteration.l2_bytes == 2 * 64 * 512 + 8 * 64 * 256
    assert narrow.launches[-1].iteration.l2_bytes == 2 * 64 * 128


def test_fp32_takes_three_passes_and_splits_operands() -> None:
    problem = MaskedAttention(Gna((64, 64), (8, 8)), 1, 64, dtype="fp32")
    kernel = legal_kernels(load_gpu("a100"), 2, 64, "fp32", "cutlass-fna")[-1]
    work = fused(problem, kernel).launches[-1].iteration
    assert work.tensor_flops == 3 * 4 * 64 * 64 * 64
    assert work.fp32_ops > 5 * 64 * 64


def test_a_burst_is_faster_than_sustained_work() -> None:
    h100 = load_gpu("h100")
    descriptor = fused(HUNYUAN, hopper(HUNYUAN, "2x8x8/2x8x8"))
    assert float(predict(descriptor, h100, "burst").total_s) < float(predict(descriptor, h100).total_s)
    assert (power_state(5e-3), power_state(1.0)) == ("burst", "sustained")


def test_faster_memory_helps_copies_only_up_to_the_gather_rate() -> None:
    descriptor = fused(HUNYUAN, hopper(HUNYUAN, "2x8x8/2x8x8"))
    permute = next(x for x in descriptor.launches if x.name == "permute q")
    times = [
        launch_time(permute, load_gpu(n), constants_for(load_gpu(n)), "sustained").total_s for n in ("h100", "h200")
    ]
    assert times[0] == times[1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"heads": 0}, UsageError, "heads 0: must be a whole number >= 1; nearest legal value: 1"),
        ({"dtype": "fp17"}, UnknownNameError, "no data type named 'fp17'. Did you mean 'fp16'"),
    ],
)
def test_bad_problems_are_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MaskedAttention(**({"mask": Gna((16,), (4,)), "heads": 1, "head_dim": 64} | change))  # type: ignore[arg-type]
