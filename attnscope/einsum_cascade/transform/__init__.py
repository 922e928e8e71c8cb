"""Transforms: pure functions from cascade to cascade that keep what is computed."""

from attnscope.einsum_cascade.transform.compare import same_cascade
from attnscope.einsum_cascade.transform.defer import defer
from attnscope.einsum_cascade.transform.fuse import fuse
from attnscope.einsum_cascade.transform.online import online
from attnscope.einsum_cascade.transform.partition import partition, split_reduction
from attnscope.einsum_cascade.transform.rename import rename_ranks, rename_tensors

__all__ = [
    "defer",
    "fuse",
    "online",
    "partition",
    "rename_ranks",
    "rename_tensors",
    "same_cascade",
    "split_reduction",
]
