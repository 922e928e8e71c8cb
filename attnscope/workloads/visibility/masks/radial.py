"""Bands that narrow with the distance between frames."""

import math
from dataclasses import dataclass

import numpy as np

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import GridMask
from attnscope.workloads.visibility.checks import check_least
from attnscope.workloads.visibility.intervals import Int64, Intervals
from attnscope.workloads.visibility.registry import register


@register("radial", "Radial Attention: O(n log n) Sparse Attention with Energy Decay, arXiv 2506.19852")
@dataclass(frozen=True)
class Radial(GridMask):
    """Video frames see near frames wholly and far ones through a band that halves as the distance doubles.

    At frame distance d >= 2 the band reaches ``max(block, decay * 2^bits(s) / 2^bits(d))`` tokens to each side, for s
    tokens per frame. Where the undecayed width falls below `block`, only distances that are a multiple of
    ``block / width`` remain. Rounding to kernel blocks is left to the tile statistics.

    Args:
        frames: number of frames.
        tokens_per_frame: s.
        decay: width factor (0.95 for HunyuanVideo, 0.2 for Wan 2.1 in the authors' settings).
        block: least width in tokens.
        sink: whether all tokens see the first frame wholly.
    """

    frames: int
    tokens_per_frame: int
    decay: float = 1.0
    block: int = 128
    sink: bool = False

    def __post_init__(self) -> None:
        check_least(self, frames=1, tokens_per_frame=1, block=1)
        if not 0 < self.decay < math.inf:
            raise UsageError(f"decay {self.decay}: must be a positive number, such as 1.")

    @property
    def layout(self) -> tuple[int, int]:
        """Frames by tokens."""
        return self.frames, self.tokens_per_frame

    def reach(self) -> Int64:
        """Width of the band to each side for each frame distance, [frames]; -1 where nothing is seen."""
        s, widths = self.tokens_per_frame, []
        for distance in range(self.frames):
            width = 2 ** s.bit_length() / 2 ** distance.bit_length()
            dropped = width < self.block and distance % int(self.block / width) != 0
            band = -1 if dropped else int(max(self.block, self.decay * width))
            widths.append(s if distance <= 1 else band)
        return np.array(widths, np.int64)

    def intervals(self, queries: Int64) -> Intervals:
        """One interval for each frame."""
        frame, token = queries[:, None] // self.tokens_per_frame, queries[:, None] % self.tokens_per_frame
        other = np.arange(self.frames, dtype=np.int64)
        reach = self.reach()[abs(other - frame)]
        if self.sink:
            reach[:, 0] = self.tokens_per_frame
        base = other * self.tokens_per_frame
        end = np.minimum(token + reach + 1, self.tokens_per_frame)
        return Intervals(base + np.maximum(token - reach, 0), np.where(reach < 0, 0, base + end))
