"""Times of library calls: parts add up, more work takes longer, nothing beats the roofs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fit_constants import library_constants
from attnscope.mappings.gpu.library_resources import find_library
from attnscope.mappings.gpu.library_shapes import AttentionShapes, Family, GemmShapes
from attnscope.mappings.gpu.library_time import describe, fastest, latency_s, library_time, throttled, warm_fraction

SIZES = st.tuples(
    st.integers(1, 64),
    st.sampled_from([1, 4, 12]),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([64, 128]),
    st.integers(256, 20000),
    st.sampled_from([0, 128]),
)


def times(
    family: Family, rows: list[tuple[int, ...]], device: str = "h100"
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Latency of each row [s]."""
    gpu = load_gpu(device)
    shapes = (GemmShapes if family == "gemm" else AttentionShapes).of(rows)
    counts = describe(family, shapes, find_library("vllm0.19.0", gpu), gpu)
    return np.asarray(latency_s(counts, gpu, library_constants(gpu)[0]))


@settings(deadline=None, max_examples=40)
@given(SIZES, st.sampled_from(["prefill", "decode"]), st.sampled_from(["a100", "h100", "h200"]))
def test_parts_add_up(size: tuple[int, ...], family: Family, device: str) -> None:
    batch, group, kv_heads, head_dim, length, window = size
    gpu = load_gpu(device)
    shapes = AttentionShapes.of([(batch, group * kv_heads, kv_heads, head_dim, length, window)])
    counts = describe(family, shapes, find_library("vllm0.14.0", gpu), gpu)
    time = library_time(counts, gpu, library_constants(gpu)[0])
    np.testing.assert_allclose(sum(time.parts_s().values()), time.total_s, rtol=1e-9)
    assert np.all(time.total_s > 0)


@settings(deadline=None, max_examples=40)
@given(SIZES, st.sampled_from(["a100", "h200"]))
def test_prefill_is_never_faster_than_the_tensor_cores(size: tuple[int, ...], device: str) -> None:
    batch, group, kv_heads, head_dim, length, window = size
    row = (batch, group * kv_heads, kv_heads, head_dim, length, window)
    gpu = load_gpu(device)
    counts = describe("prefill", AttentionShapes.of([row]), find_library("vllm0.14.0", gpu), gpu)
    assert times("prefill", [row], device)[0] > counts.useful_flops[0] / gpu.tensor_flops_per_s("bf16")


@pytest.mark.parametrize("family", ["prefill", "decode"])
def test_more_sequences_take_longer(family: Family) -> None:
    found = times(family, [(b, 16, 4, 128, 4096, 0) for b in (1, 4, 16, 64, 256)])
    assert np.all(np.diff(found) > 0)


def test_a_window_saves_time() -> None:
    full, window = times("prefill", [(4, 16, 4, 128, 8192, w) for w in (0, 128)])
    assert window < full / 4


def test_matrix_products_take_the_fastest_legal_candidate() -> None:
    gpu = load_gpu("h100")
    counts = describe(
        "gemm", GemmShapes.of([(4096, 4096, 4096), (8, 4096, 16384)]), find_library("vllm0.19.0", gpu), gpu
    )
    fitted = library_constants(gpu)[0]
    chosen = fastest(counts, gpu, fitted)
    totals = library_time(counts, gpu, fitted).total_s
    assert totals[chosen, [0, 1]].tolist() == latency_s(counts, gpu, fitted).tolist()
    assert counts.counts["splits"][chosen, 0].tolist()[1] > 1


def test_l2_and_power() -> None:
    assert warm_fraction(np.array([0.0, 0.5, 0.75, 1.0, 2.0]), 1.0).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert throttled(1e-6, 0.8) == pytest.approx(1e-6, rel=1e-3)
    assert throttled(10.0, 0.8) == pytest.approx(12.5, rel=1e-2)
