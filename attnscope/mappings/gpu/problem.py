"""What is to be computed: a mask, heads and element type, whatever the GPU."""

from dataclasses import dataclass
from typing import Any

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.descriptor import BYTES
from attnscope.mappings.gpu.tiles import format_axes
from attnscope.workloads.visibility import Dense, Gna, Mask

DTYPES = ("fp16", "bf16", "fp32", "e4m3", "e5m2")


@dataclass(frozen=True)
class MaskedAttention:
    """Attention under a mask: `batch` sequences of `heads` heads, each `head_dim` wide.

    Raises:
        UsageError: a size below 1 or an unknown data type.
    """

    mask: Mask
    heads: int
    head_dim: int
    batch: int = 1
    dtype: str = "fp16"

    def __post_init__(self) -> None:
        for name in ("heads", "head_dim", "batch"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"{name} {value!r}: must be a whole number >= 1; nearest legal value: 1.")
        if self.dtype not in DTYPES:
            raise UnknownNameError("data type", self.dtype, DTYPES)

    @property
    def element_bytes(self) -> int:
        """Bytes of one element of Q, K, V and O."""
        return BYTES[self.dtype]

    @property
    def n_heads(self) -> int:
        """Heads of all sequences."""
        return self.heads * self.batch

    @property
    def pairs(self) -> int:
        """Visible (query, key) pairs, all heads."""
        return self.mask.total_pairs * self.n_heads

    @property
    def useful_flops(self) -> float:
        """FLOPs of both matrix products over the visible pairs."""
        return 4.0 * self.head_dim * self.pairs

    @property
    def rank(self) -> int:
        """Axes of the token grid."""
        return len(self.mask.layout)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Dilation per axis; ones where the mask has none."""
        return self.mask.dilation if isinstance(self.mask, Gna) else (1,) * self.rank

    def dense(self) -> "MaskedAttention":
        """The same queries and keys without a mask."""
        whole = Dense(n_queries=self.mask.n_queries, n_keys=self.mask.n_keys)
        return MaskedAttention(whole, self.heads, self.head_dim, self.batch, self.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        sizes = {"heads": self.heads, "head_dim": self.head_dim, "batch": self.batch, "dtype": self.dtype}
        named = ("window", "stride", "dilation", "causal")
        shape = {n: format_axes(tuple(int(v) for v in getattr(self.mask, n))) for n in named if hasattr(self.mask, n)}
        return {"layout": format_axes(self.mask.layout), **shape, **sizes}
