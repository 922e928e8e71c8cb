"""The free sizes of a mapping once they are chosen; `choose.py` holds the rules that choose them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from attnscope.mappings.spatial.description import Dataflow

Place = Literal["buffer", "stream", "array"]


@dataclass(frozen=True, slots=True)
class Tiling:
    """The free sizes of a mapping, chosen.

    Attributes:
        dataflow: what stays in the array.
        block_tiles: query tiles of one block (P1); `blocks` of them (P2).
        places: whether each input and output waits in the `buffer`, is `stream`ed past it or stays in the `array`.
        refetch: how often a tensor is moved whole between DRAM and buffer, where more than once.
        accumulate: outputs are added up in the buffer over key tiles.
        spilled: scores that change arrays go through DRAM.
        rows_spill: not even one row of scores fits the buffer; every pass reads them from DRAM.
        spill_fraction: share of the scores kept in the buffer that lies in DRAM after all.
        occupancy_bytes: bytes the buffer has to hold.
        granularity: what one block covers: a `head`, `row`s, or a `phase` of an unfused mapping.
    """

    dataflow: Dataflow
    block_tiles: int
    blocks: int
    places: Mapping[str, Place]
    refetch: Mapping[str, int] = field(default_factory=dict)
    accumulate: bool = False
    spilled: bool = False
    rows_spill: bool = False
    spill_fraction: float = 0.0
    occupancy_bytes: float = 0.0
    granularity: str = "row"
