"""Partial attention and the one operator that merges it: (max, sum, output) under softmax rescaling.

The triple of a set of keys I is ``m = max s_i``, ``l = sum exp(s_i - m)``, ``o = sum exp(s_i - m) v_i / l``. Merging is
associative and commutative with `identity` as neutral element, so any split of the keys, in any order, gives attention
over their union (FlashAttention, arXiv 2205.14135; Lamina, arXiv 2405.01814, section 3.3; Lean Attention, 2405.10480).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attnscope.errors import UsageError
from attnscope.mappings.gpu.decode_partition import Partition

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Partial:
    """Attention of rows over some keys.

    Attributes:
        maximum: [...] largest score; -inf over no key. `total`: [...] sum of the exponentials relative to it.
        output: [..., value_width] weighted mean of the values; 0 over no key.
    """

    maximum: Array
    total: Array
    output: Array


def identity(rows: tuple[int, ...], value_width: int, dtype: np.dtype[np.floating] | type = np.float64) -> Partial:
    """Return attention over no key."""
    return Partial(
        np.full(rows, -np.inf, dtype=dtype), np.zeros(rows, dtype=dtype), np.zeros((*rows, value_width), dtype=dtype)
    )


def merge(a: Partial, b: Partial) -> Partial:
    """Return attention over the keys of both, which have none in common."""
    maximum = np.maximum(a.maximum, b.maximum)
    anchor = np.where(np.isneginf(maximum), np.zeros_like(maximum), maximum)
    weight_a, weight_b = (p.total * np.exp(p.maximum - anchor) for p in (a, b))
    total = weight_a + weight_b
    divisor = np.where(total > 0, total, np.ones_like(total))[..., None]
    output = (a.output * weight_a[..., None] + b.output * weight_b[..., None]) / divisor
    return Partial(maximum, total, output)


def merge_all(parts: Iterable[Partial]) -> Partial:
    """Return attention over the keys of all parts, merged from left to right.

    Raises:
        UsageError: there is no part.
    """
    found = list(parts)
    if not found:
        raise UsageError("merge: there is no partial result; give at least one, or identity(...).")
    return reduce(merge, found)


def partial_attention(query: Array, key: Array, value: Array, *, scale: float | None = None) -> Partial:
    """Return attention over a set of keys.

    Args:
        query: [rows, score_width].
        key: [keys, score_width].
        value: [keys, value_width].
        scale: of the scores; ``1 / sqrt(score_width)`` where it is left out.

    Scores and results are fp32 or wider, as in kernels with half-precision operands.
    """
    wide = np.promote_types(query.dtype, np.float32)
    query, key, value = (tensor.astype(wide) for tensor in (query, key, value))
    if not len(key):
        return identity(query.shape[:-1], value.shape[-1], query.dtype)
    factor = 1.0 / np.sqrt(query.shape[-1]) if scale is None else scale
    return from_scores((query @ key.T) * wide.type(factor), value)


def from_scores(scores: Array, value: Array) -> Partial:
    """Return attention with the given scores, [rows, keys], over `value`, [keys, value_width]."""
    maximum = scores.max(axis=-1)
    weights = np.exp(scores - maximum[..., None])
    total = weights.sum(axis=-1)
    return Partial(maximum, total, (weights @ value) / total[..., None])


def split_attention(query: Array, key: Array, value: Array, cuts: Sequence[int]) -> Partial:
    """Return attention computed in pieces that end at `cuts` (and at the last key), as a split-KV kernel does."""
    ends = pairwise([0, *cuts, len(key)])
    return merge_all(partial_attention(query, key[a:b], value[a:b]) for a, b in ends)


def stream_k_attention(
    queries: Sequence[Array], keys: Sequence[Array], values: Sequence[Array], partition: Partition, tile_keys: int
) -> list[Partial]:
    """Return attention of every unit, each CTA of a stream-K partition doing its pieces and the owner merging them."""
    found: list[list[Partial]] = [[] for _ in queries]
    for _, unit, first, end in partition.pieces():
        a, b = first * tile_keys, end * tile_keys
        found[unit].append(partial_attention(queries[unit], keys[unit][a:b], values[unit][a:b]))
    return [merge_all(parts) for parts in found]
