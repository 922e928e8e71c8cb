import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import IllegalMappingError
from attnscope.mappings.gpu.advisor import best_kernel
from attnscope.mappings.gpu.backends import legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused
from attnscope.mappings.gpu.latency import predict
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.unfused import gemm, naive
from attnscope.workloads.visibility import Dense, Gna

A100 = load_gpu("a100")


def latencies(problem: MaskedAttention) -> tuple[float, float, float]:
    kernel = best_kernel(
        problem, legal_kernels(A100, problem.rank, problem.head_dim, backend="cutlass-fna"), A100, "burst"
    )
    descriptors = (naive(problem, A100), gemm(problem, A100), fused(problem, kernel))
    return tuple(float(predict(d, A100, "burst").total_s) for d in descriptors)  # type: ignore[return-value]


@pytest.mark.parametrize("window", [9, 13, 25])
def test_naive_is_slower_than_gemm_and_gemm_slower_than_fused(window: int) -> None:
    slow, middle, fast = latencies(MaskedAttention(Gna((128, 128), (window, window)), 8, 64, 4))
    assert slow > middle > fast


def test_weights_grow_with_the_window_and_are_none_when_fused() -> None:
    def workspace(window: int) -> list[float]:
        problem = MaskedAttention(Gna((56, 56), (window, window)), 2, 32, 16)
        kernel = legal_kernels(A100, 2, 32, backend="cutlass-fna")[-1]
        return [d.workspace_bytes for d in (naive(problem, A100), gemm(problem, A100), fused(problem, kernel))]

    assert workspace(7) == [56 * 56 * 32 * 49 * 2] * 2 + [0]
    assert workspace(14)[0] == 4 * workspace(7)[0]
    assert workspace(14)[2] == 0


def test_gemm_computes_the_halo_too() -> None:
    problem = MaskedAttention(Gna((56, 56), (7, 7)), 2, 32, 16)
    counts = gemm(problem, A100).counts
    assert counts["weights"] == problem.pairs
    # 12 x 12 tiles of 5 x 5 queries, each against its 11 x 11 keys: 64 rows by two blocks of 64.
    assert counts["computed_pairs"] == 144 * 32 * 64 * 128


def test_the_special_small_window_kernel_beats_the_generic_one() -> None:
    special, generic = (MaskedAttention(Gna((56, 56), (7, 7)), h, d, 16) for h, d in ((4, 32), (2, 64)))
    times = [float(predict(naive(p, A100), A100, "burst").launches[0].total_s) for p in (special, generic)]
    assert times[0] < times[1]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 20), st.sampled_from([32, 64, 128]), st.sampled_from(["fp16", "fp32"]))
def test_all_pairs_are_exponentiated_once(window: int, head_dim: int, dtype: str) -> None:
    problem = MaskedAttention(Gna((40, 24), (window, window)), 2, head_dim, 3, dtype)
    for descriptor in (naive(problem, A100), gemm(problem, A100)):
        assert descriptor.total("exps") == pytest.approx(problem.pairs)
        assert [x.name for x in descriptor.launches] == ["scores", "softmax", "weighted sum"]
        assert descriptor.l2_bytes > 0


def test_no_gemm_kernel_for_three_axes() -> None:
    with pytest.raises(IllegalMappingError, match=r"GEMM kernels exist for 1 and 2 axes, not for 3 \(8x8x8\)"):
        gemm(MaskedAttention(Gna((8, 8, 8), (3, 3, 3)), 1, 32), A100)


def test_unfused_kernels_are_for_neighbourhoods_and_wide_types_only() -> None:
    with pytest.raises(IllegalMappingError, match=r"for neighbourhood attention only; use a fused kernel"):
        naive(MaskedAttention(Dense(64), 1, 32), A100)
    with pytest.raises(IllegalMappingError, match=r"no unfused kernel takes e4m3. Legal data types: fp16, bf16, fp32"):
        naive(MaskedAttention(Gna((64,), (7,)), 1, 32, dtype="e4m3"), A100)
