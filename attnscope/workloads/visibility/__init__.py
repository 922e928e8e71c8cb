"""Visibility: which keys each query sees, and what that means for tiles. Knows no hardware; imports numpy only."""

from attnscope.workloads.visibility.base import GridMask, KeyStatistics, Mask, SequenceMask
from attnscope.workloads.visibility.gna import Gna
from attnscope.workloads.visibility.masks.block_mask import BlockMask
from attnscope.workloads.visibility.masks.causal import Causal
from attnscope.workloads.visibility.masks.combine import Intersection, Union
from attnscope.workloads.visibility.masks.dense import Dense
from attnscope.workloads.visibility.masks.disc import Disc
from attnscope.workloads.visibility.masks.extra import Extra
from attnscope.workloads.visibility.masks.halo import Halo
from attnscope.workloads.visibility.masks.mixture import Mixture
from attnscope.workloads.visibility.masks.power_of_two import PowerOfTwo
from attnscope.workloads.visibility.masks.radial import Radial
from attnscope.workloads.visibility.masks.recipes import (
    crossformer,
    duo_attention,
    masformer,
    maxvit,
    shifted_sparse_attention,
    swin,
)
from attnscope.workloads.visibility.masks.shifted_groups import ShiftedGroups
from attnscope.workloads.visibility.masks.shifted_windows import ShiftedWindows
from attnscope.workloads.visibility.masks.sliding_window import SlidingWindow
from attnscope.workloads.visibility.masks.streaming import Streaming
from attnscope.workloads.visibility.masks.strided_groups import Grid, StridedGroups
from attnscope.workloads.visibility.masks.top_k_blocks import TopKBlocks
from attnscope.workloads.visibility.natten import natten_block_sparse
from attnscope.workloads.visibility.pictures import KeyPicture, TilePicture, key_picture, tile_picture
from attnscope.workloads.visibility.registry import MaskEntry, find_mask, list_masks, register
from attnscope.workloads.visibility.separable import SeparableMask
from attnscope.workloads.visibility.spec import mask_from_spec, parse_axes, parse_count, parse_flags, parse_layout
from attnscope.workloads.visibility.sweeps import SWEEP_DTYPE, legal_strides, sweep, undominated
from attnscope.workloads.visibility.text import render_text, render_tiles
from attnscope.workloads.visibility.tile_values import Mode, TileStatistics
from attnscope.workloads.visibility.tiles import tile_statistics

__all__ = [
    "SWEEP_DTYPE",
    "BlockMask",
    "Causal",
    "Dense",
    "Disc",
    "Extra",
    "Gna",
    "Grid",
    "GridMask",
    "Halo",
    "Intersection",
    "KeyPicture",
    "KeyStatistics",
    "Mask",
    "MaskEntry",
    "Mixture",
    "Mode",
    "PowerOfTwo",
    "Radial",
    "SeparableMask",
    "SequenceMask",
    "ShiftedGroups",
    "ShiftedWindows",
    "SlidingWindow",
    "Streaming",
    "StridedGroups",
    "TilePicture",
    "TileStatistics",
    "TopKBlocks",
    "Union",
    "crossformer",
    "duo_attention",
    "find_mask",
    "key_picture",
    "legal_strides",
    "list_masks",
    "masformer",
    "mask_from_spec",
    "maxvit",
    "natten_block_sparse",
    "parse_axes",
    "parse_count",
    "parse_flags",
    "parse_layout",
    "register",
    "render_text",
    "render_tiles",
    "shifted_sparse_attention",
    "sweep",
    "swin",
    "tile_picture",
    "tile_statistics",
    "undominated",
]
