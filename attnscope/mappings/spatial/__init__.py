"""Attention on spatial arrays: unfused, FLAT, the 1-pass cascade on FLAT hardware, FuseMax serial and interleaved."""

from attnscope.mappings.spatial.description import SpatialMapping, list_spatial_mappings, load_mapping
from attnscope.mappings.spatial.evaluate import evaluate
from attnscope.mappings.spatial.linear import evaluate_gemm
from attnscope.mappings.spatial.lower import lower
from attnscope.mappings.spatial.play import Played, play_mapping

__all__ = [
    "Played",
    "SpatialMapping",
    "evaluate",
    "evaluate_gemm",
    "list_spatial_mappings",
    "load_mapping",
    "lower",
    "play_mapping",
]
