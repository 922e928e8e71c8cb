"""Shapes of library calls as columns: one array per size, so that a whole table is predicted at once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from attnscope.errors import UsageError

Ints = npt.NDArray[np.int64]
Family = Literal["prefill", "decode", "gemm"]
FAMILIES: tuple[Family, ...] = ("prefill", "decode", "gemm")
ELEMENT_BYTES = 2  # fp16 and bf16


@dataclass(frozen=True)
class Shapes:
    """Base of the two kinds of shapes: equal-length columns of whole numbers."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        """Shapes from rows of sizes in the order of the fields."""
        table = np.asarray(rows, dtype=np.int64).reshape(len(rows), len(fields(cls)))
        return cls(*(np.ascontiguousarray(table[:, i]) for i in range(table.shape[1])))

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Self:
        """The rows at `index`."""
        return type(self)(*(getattr(self, f.name)[index] for f in fields(self)))

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(getattr(self, fields(self)[0].name))


@dataclass(frozen=True)
class AttentionShapes(Shapes):
    """Calls of attention, each [n_rows].

    Attributes:
        batch: sequences. `q_heads`, `kv_heads`: heads of queries and of keys and values. `head_dim`: width of a head.
        length: tokens of each sequence: queries and keys in prefill (causal), keys in decode (one query each).
        window: keys that a query sees, itself included; 0 for all before it.
    """

    batch: Ints
    q_heads: Ints
    kv_heads: Ints
    head_dim: Ints
    length: Ints
    window: Ints

    @property
    def group(self) -> Ints:
        """Query heads that share K and V."""
        return self.q_heads // self.kv_heads


@dataclass(frozen=True)
class GemmShapes(Shapes):
    """Matrix products [m, k] x [k, n], each [n_rows]."""

    m: Ints
    n: Ints
    k: Ints


def check(sizes: dict[str, int], zero: tuple[str, ...] = ()) -> None:
    """Refuse sizes that are no whole numbers, below 1 (below 0 for those in `zero`), or heads that form no groups.

    Raises:
        UsageError: names the size, its value and the nearest legal one.
    """
    for name, value in sizes.items():
        least = 0 if name in zero else 1
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name} {value!r}: must be a whole number >= {least}; nearest legal value: {least}.")
    q_heads, kv_heads = sizes.get("q_heads", 1), sizes.get("kv_heads", 1)
    if q_heads % kv_heads:
        nearest = max(1, round(q_heads / kv_heads)) * kv_heads
        raise UsageError(
            f"q_heads {q_heads}: must be a multiple of kv_heads {kv_heads}; nearest legal value: {nearest}."
        )
