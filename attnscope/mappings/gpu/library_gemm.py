"""Counts of library matrix products: every tile size and split of the inner dimension that the library may choose."""

import numpy as np

from attnscope.mappings.gpu.descriptor import Descriptor, IterationCounts, LaunchCounts
from attnscope.mappings.gpu.library_resources import gemm_tiles
from attnscope.mappings.gpu.library_shapes import ELEMENT_BYTES, GemmShapes
from attnscope.simulator.gpu_device import GpuDevice

LEAST_DEPTH = 256  # inner dimension that a split keeps at least
PARTIAL_BYTES = 4


def gemm(shapes: GemmShapes, device: GpuDevice) -> Descriptor:
    """Counts of a matrix product for all candidates: arrays [n_candidates, n_rows].

    ``counts`` holds ``tile_m``, ``tile_n`` and ``splits`` [n_candidates, 1], and ``legal`` [n_candidates, n_rows].
    Rows and columns are padded to whole tiles (tile quantisation); a split computes its own share of the inner
    dimension, and partial sums travel through memory in fp32.
    """
    menu = gemm_tiles(device)
    candidates = np.array([(*t, s) for t in menu.tiles for s in menu.splits], dtype=np.float64)
    tile_m, tile_n, splits = (candidates[:, i : i + 1] for i in range(3))
    m, n, k = (c.astype(np.float64)[None, :] for c in (shapes.m, shapes.n, shapes.k))
    ctas = np.ceil(m / tile_m) * np.ceil(n / tile_n) * splits
    steps = np.ceil(k / splits / menu.step)
    loaded = np.minimum(tile_m, tile_n) + np.maximum(tile_m, tile_n) / menu.multicast
    partial = 2.0 * PARTIAL_BYTES * m * n * splits * (splits > 1)
    main = LaunchCounts(
        name="gemm",
        instruction="mma_sync" if device.sm_version < 90 else "wgmma",
        dtype="bf16",
        n_ctas=ctas,
        iterations=ctas * steps,
        worst_iterations=steps,
        iteration=IterationCounts(
            tensor_flops=2.0 * tile_m * tile_n * menu.step,
            l2_bytes=loaded * menu.step * ELEMENT_BYTES,
        ),
        dram_bytes=ELEMENT_BYTES * (m * k + k * n + m * n) + partial,
        reductions=splits > 1,
    )
    counts = {"tile_m": tile_m, "tile_n": tile_n, "splits": splits}
    counts["legal"] = (k / splits >= LEAST_DEPTH) | (splits == 1)
    return Descriptor("gemm", "gemm", (main,), 2.0 * m * n * k, counts=counts)
