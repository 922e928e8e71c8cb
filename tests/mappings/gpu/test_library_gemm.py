"""Counts of library matrix products: padding, splits, candidates."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.library_gemm import LEAST_DEPTH, gemm
from attnscope.mappings.gpu.library_resources import gemm_tiles
from attnscope.mappings.gpu.library_shapes import GemmShapes


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 9000), st.sampled_from(["a100", "h100"]))
def test_tiles_cover_the_product(m: int, n: int, k: int, device: str) -> None:
    counts = gemm(GemmShapes.of([(m, n, k)]), load_gpu(device))
    assert np.all(counts.total("tensor_flops") >= counts.useful_flops)
    main = counts.launches[0]
    assert np.all(main.dram_bytes >= 2 * (m * k + k * n + m * n))
    assert counts.counts["legal"].any()


def test_short_inner_dimensions_are_not_split() -> None:
    counts = gemm(GemmShapes.of([(64, 64, 2 * LEAST_DEPTH)]), load_gpu("h100"))
    splits = np.broadcast_to(counts.counts["splits"], counts.counts["legal"].shape)
    assert splits[counts.counts["legal"]].max() == 2


def test_clusters_share_loads() -> None:
    shapes = GemmShapes.of([(4096, 4096, 4096)])
    bytes_of = {}
    for device in ("a100", "h100"):
        counts = gemm(shapes, load_gpu(device))
        chosen = (counts.counts["tile_m"] == 128) & (counts.counts["tile_n"] == 256) & (counts.counts["splits"] == 1)
        bytes_of[device] = counts.launches[0].iteration.l2_bytes[chosen].item()
    assert bytes_of["a100"] == (128 + 256) * 64 * 2
    assert bytes_of["h100"] == (128 + 256 / 2) * 64 * 2


def test_newer_architectures_take_the_newest_listed_tiles() -> None:
    assert gemm_tiles(load_gpu("b200")) == gemm_tiles(load_gpu("h100"))
    assert gemm_tiles(load_gpu("rtx4090")) == gemm_tiles(load_gpu("a100"))
