"""What a loop nest costs, as pure functions of numbers. Every count of the spatial mappings is written here, once.

`extents` are the sizes of the ranks an Einsum iterates over, `parallel` how many points of each rank run side by side
(1 for a rank that is walked in time). `instances` is the number of independent heads times sequences.
"""

from collections.abc import Iterable
from math import prod


def ceil_div(a: int, b: int) -> int:
    """Return a / b rounded up."""
    return -(-a // b)


def points(instances: int, extents: Iterable[int]) -> int:
    """Points of the iteration space: the work that has to be done, whatever the array."""
    return instances * prod(extents)


def array_cycles(instances: int, extents: Iterable[int], parallel: Iterable[int], op_cycles: int) -> int:
    """Cycles of an Einsum on an array: tiles of every spread rank times steps of every other, a partial tile in full.

    FuseMax (MICRO 2024) section V; equals E, 1, 7, 1, F cycles per tile for QK, LM, SLN, SLD, SLNV on 256 x 256 PEs.
    """
    return instances * op_cycles * prod(map(ceil_div, extents, parallel))


def first_read_elided(steps: int) -> float:
    """Share of accumulator reads that remain when the first of `steps` accumulations needs none."""
    return 1.0 - 1.0 / steps


def streamed_words(words: int, missing_tiles: int) -> int:
    """Words fetched for a tensor that is held nowhere: once for every tile of the ranks it lacks."""
    return words * missing_tiles


def spilled_words(fills: float, accesses: float, spill_fraction: float) -> float:
    """DRAM words of a tensor kept in a buffer of which `spill_fraction` lies in DRAM.

    The part on chip is filled once, the part off chip is paid at every access (FLAT's rule, FuseMax artefact).
    """
    return fills * (1.0 - spill_fraction) + accesses * spill_fraction


def block_tiles(bound: int, tiles: int) -> int:
    """Largest divisor of `tiles` that is at most `bound`: blocks of equal height, no ragged one (FuseMax artefact)."""
    return next(d for d in range(min(bound, tiles), 0, -1) if tiles % d == 0)


def pj(count: float, energy_pj: float) -> float:
    """Energy of `count` actions [J]."""
    return count * energy_pj * 1e-12
