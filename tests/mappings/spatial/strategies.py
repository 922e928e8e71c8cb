"""Random shapes and spatial arrays, small enough that a hundred of them are evaluated in a second."""

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from attnscope.mappings.spatial import SpatialMapping, load_mapping
from attnscope.simulator.device import spatial_device
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.workloads.shape import AttentionShape

HOME = {
    "unfused": "flat-cloud",
    "flat": "flat-cloud",
    "cascade": "flat-cloud",
    "fusemax-serial": "fusemax",
    "fusemax": "fusemax",
}
STUDY = tuple(HOME)
FUSED = ("cascade", "fusemax-serial", "fusemax")


def pair(name: str, fields: dict[str, Any] | None = None) -> tuple[SpatialMapping, SpatialDevice]:
    """The mapping of that name and the hardware it was published for, with device fields replaced."""
    return load_mapping(name), device(HOME[name], tuple(sorted((fields or {}).items())))


@cache
def device(name: str, fields: tuple[tuple[str, Any], ...]) -> SpatialDevice:
    """One object for equal fields, so that its plan is compiled once."""
    return spatial_device(name, dict(fields))


def lengths(longest: int = 1 << 14) -> SearchStrategy[int]:
    """Any length, with those at the edges of tiles as likely as the rest."""
    edges = st.builds(lambda tiles, by: max(1, 256 * tiles + by), st.integers(0, longest // 256), st.integers(-1, 1))
    return st.one_of(st.integers(1, 600), edges.filter(lambda n: n <= longest), st.integers(1, longest))


@st.composite
def shapes(draw: st.DrawFn, longest: int = 1 << 14, multiple: int = 1) -> AttentionShape:
    """Attention with P != M, E != F, shared KV heads, 1 to 4 bytes; lengths multiples of `multiple`."""
    kv_heads = draw(st.sampled_from((1, 2, 3, 8)))
    widths = st.sampled_from((8, 16, 64, 72, 80, 128, 256))
    queries, keys = (-(-draw(lengths(longest)) // multiple) * multiple for _ in range(2))
    return AttentionShape(
        batch=draw(st.sampled_from((1, 2, 64))),
        heads=kv_heads * draw(st.sampled_from((1, 1, 4))),
        kv_heads=kv_heads,
        queries=queries,
        keys=keys,
        score_width=draw(widths),
        value_width=draw(widths),
        bytes_per_element=draw(st.sampled_from((1, 2, 4))),
    )


@st.composite
def arrays(draw: st.DrawFn, smallest_buffer: int = 1 << 22) -> dict[str, Any]:
    """Fields of an array of another size, clock, bandwidth and buffer; a few of each, so that plans are reused."""
    side = draw(st.sampled_from((32, 64, 256)))
    return {
        "array_2d.rows": side,
        "array_2d.columns": draw(st.sampled_from((side, 2 * side))),
        "array_1d.columns": draw(st.sampled_from((side, 2 * side))),
        "buffer.capacity_bytes": draw(st.sampled_from((smallest_buffer, 1 << 24, 1 << 26))),
        "dram.bandwidth_bytes_per_s": draw(st.sampled_from((1e10, 4e11, 1e13))),
        "clock.frequency_hz": draw(st.sampled_from((5e8, 940e6))),
    }
