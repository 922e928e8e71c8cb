"""Sizes of attention and of the linear layers around it; letters as in FuseMax: P queries, M keys, E and F widths."""

from dataclasses import asdict, dataclass, fields, replace
from operator import index
from typing import Any

from attnscope.errors import UnknownNameError, UsageError
from attnscope.units import LARGEST_LENGTH, format_length


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """One attention layer over a batch.

    Attributes:
        batch: independent sequences.
        heads: query heads; `kv_heads` of keys and values, each shared by heads / kv_heads query heads (GQA, MQA).
        queries: P, queries per sequence. `keys`: M, keys per sequence.
        score_width: E, width of a query and a key. `value_width`: F, width of a value.
        bytes_per_element: bytes of one element of every tensor.

    Raises:
        UsageError: a size below 1 or above 2^40, or heads not divisible by kv_heads; names the nearest legal value.
    """

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    score_width: int
    value_width: int
    bytes_per_element: int = 2

    def __post_init__(self) -> None:
        for name in SIZES:
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= LARGEST_LENGTH:
                object.__setattr__(self, name, _count(name, value))
        if self.heads % self.kv_heads:
            near = max(d for d in range(1, self.kv_heads + 1) if self.heads % d == 0)
            raise UsageError(
                f"attention shape: {self.heads} heads cannot share {self.kv_heads} KV heads evenly. "
                f"Nearest kv_heads that divides: {near}."
            )

    @property
    def scores(self) -> int:
        """Number of query-key scores, all heads and sequences."""
        return self.batch * self.heads * self.queries * self.keys

    @property
    def label(self) -> str:
        """Short text for tables, such as ``B64 H12 P64K M64K E64 F64``."""
        heads = f"H{self.heads}" if self.heads == self.kv_heads else f"H{self.heads}/{self.kv_heads}"
        return (
            f"B{self.batch} {heads} P{format_length(self.queries)} M{format_length(self.keys)} "
            f"E{self.score_width} F{self.value_width}"
        )

    def with_sizes(self, **sizes: int | None) -> "AttentionShape":
        """Return the shape with the given sizes replaced; `None` keeps the old one.

        Where every query head has keys of its own, new `heads` alone keep it so.

        Raises:
            UnknownNameError: no such size; suggests the nearest.
            UsageError: as the shape itself.
        """
        for name in sizes:
            if name not in SIZES:
                raise UnknownNameError("size", name, SIZES, "attention shape")
        given = {name: value for name, value in sizes.items() if value is not None}
        if "heads" in given and self.heads == self.kv_heads:
            given.setdefault("kv_heads", given["heads"])
        return replace(self, **given) if given else self

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as a plain dictionary."""
        return asdict(self)


SIZES = tuple(f.name for f in fields(AttentionShape))


def _count(name: str, value: object) -> int:
    """Return `value`, of any integer type, as an `int` within what is modelled."""
    try:
        count = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(f"attention shape: {name} = {value!r} is not a whole number. Give one such as 4096.") from None
    if not 1 <= count <= LARGEST_LENGTH:
        near = min(max(1, count), LARGEST_LENGTH)
        raise UsageError(f"attention shape: {name} = {count} must lie between 1 and 2^40. Nearest: {near}.")
    return count


@dataclass(frozen=True, slots=True)
class Gemm:
    """A matrix product [rows, inner] x [inner, columns] of a linear layer."""

    name: str
    rows: int
    inner: int
    columns: int
    bytes_per_element: int = 2

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.rows * self.inner * self.columns

    @property
    def input_words(self) -> int:
        """Elements of both operands."""
        return self.rows * self.inner + self.inner * self.columns

    @property
    def output_words(self) -> int:
        """Elements of the result."""
        return self.rows * self.columns
