"""Visibility: which keys each query sees, and what that means for tiles. Knows no hardware; imports numpy only."""

from attnscope.workloads.visibility.base import GridMask, KeyStatistics, Mask, SequenceMask
from attnscope.workloads.visibility.gna import Gna
from attnscope.workloads.visibility.masks.causal import Causal
from attnscope.workloads.visibility.masks.combine import Intersection, Union
from attnscope.workloads.visibility.masks.dense import Dense
from attnscope.workloads.visibility.registry import MaskEntry, find_mask, list_masks, register
from attnscope.workloads.visibility.separable import SeparableMask
from attnscope.workloads.visibility.spec import mask_from_spec, parse_axes, parse_count, parse_flags, parse_layout
from attnscope.workloads.visibility.sweep import SWEEP_DTYPE, legal_strides, sweep, undominated
from attnscope.workloads.visibility.tiles import Mode, TileStatistics, tile_statistics

__all__ = [
    "SWEEP_DTYPE",
    "Causal",
    "Dense",
    "Gna",
    "GridMask",
    "Intersection",
    "KeyStatistics",
    "Mask",
    "MaskEntry",
    "Mode",
    "SeparableMask",
    "SequenceMask",
    "TileStatistics",
    "Union",
    "find_mask",
    "legal_strides",
    "list_masks",
    "mask_from_spec",
    "parse_axes",
    "parse_count",
    "parse_flags",
    "parse_layout",
    "register",
    "sweep",
    "tile_statistics",
    "undominated",
]
