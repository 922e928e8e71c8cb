"""FuseMax's rule for the buffer and the registers of an array of another size (FuseMax, MICRO 2024, figure 12)."""

from dataclasses import dataclass

_RULE_LENGTH = 2**18
_ROW_WORD_BYTES = 16


@dataclass(frozen=True, slots=True)
class ArraySize:
    """Storage of a FuseMax array of `side` x `side` PEs."""

    side: int
    tiles_in_flight: int
    registers_2d_words: int
    registers_1d_words: int
    buffer_bytes: int


def starting_size(side: int, score_width: int = 64) -> ArraySize:
    """Return the size the rule starts from.

    As many score tiles are in flight as hide a column's drain behind the products of the others; each needs two words
    per PE and eight per lane. The buffer is doubled from here until DRAM is faster than the 1D array.
    """
    tiles = 2 * max(1, side // score_width)
    buffer = side * max(1, tiles // (_RULE_LENGTH // side)) * score_width * _ROW_WORD_BYTES
    return ArraySize(side, tiles, 2 * tiles, 8 * tiles, buffer)


def doubled(size: ArraySize) -> ArraySize:
    """Return the next size the rule tries: twice the buffer."""
    return ArraySize(
        size.side, size.tiles_in_flight, size.registers_2d_words, size.registers_1d_words, 2 * size.buffer_bytes
    )
