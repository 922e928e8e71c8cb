"""How much work a cascade is: points of iteration spaces and scalar operations, for given rank lengths."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Var, accesses
from attnscope.einsum_cascade.frame import Frame
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.sizes import resolve_sizes
from attnscope.errors import UsageError

MOST_POINTS = 50_000_000


@dataclass(frozen=True)
class OpCounts:
    """Work of one cascade.

    Attributes:
        cascade: its name.
        points: points of each Einsum's iteration space.
        per_einsum: scalar operations of each Einsum, by operator. A reduction counts one operation per folded point.
    """

    cascade: str
    points: dict[str, int]
    per_einsum: dict[str, dict[str, int]]

    @property
    def total(self) -> dict[str, int]:
        """Scalar operations of the whole cascade, by operator."""
        found: Counter[str] = Counter()
        for counts in self.per_einsum.values():
            found.update(counts)
        return dict(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON-ready values."""
        return {"cascade": self.cascade, "points": self.points, "per_einsum": self.per_einsum, "total": self.total}

    def __str__(self) -> str:
        def listed(counts: Mapping[str, int]) -> str:
            return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "copy"

        width = max(map(len, (*self.points, "total")))
        lines = [f"{name:<{width}}  {listed(counts)}" for name, counts in self.per_einsum.items()]
        return "\n".join([f"{self.cascade}: scalar operations", *lines, f"{'total':<{width}}  {listed(self.total)}"])


def iteration_points(
    einsum: Einsum,
    sizes: Mapping[str, int],
    cascade: Cascade | None = None,
    *,
    conditions: bool = False,
) -> int:
    """Return the number of points in an Einsum's iteration space.

    Args:
        einsum: the Einsum.
        sizes: length of each of its ranks.
        cascade: its cascade; then tiles beyond the end of a partitioned rank are not counted.
        conditions: whether to leave out points that ``where`` excludes, by looking at each (needs ``cascade``).
            Conditions on data count as met.

    Raises:
        UsageError: there are too many points to look at each.
    """
    if cascade is None:
        return math.prod(sizes[var.rank] for var in einsum.variables)
    found = resolve_sizes(cascade, sizes)
    dense = _dense(cascade, einsum.variables, found)
    where = tuple(condition for condition in einsum.where if not accesses(condition))
    if not conditions or not where:
        return dense
    if dense > MOST_POINTS:
        raise UsageError(f"{einsum.name} has {dense:,} points, too many to look at each (at most {MOST_POINTS:,})")
    frame = Frame(cascade, einsum.variables, found, {}, np.dtype(np.float64))
    mask = np.broadcast_to(np.asarray(frame.holds(where)), frame.shape)
    tail = frame.tail()
    return int(np.count_nonzero(mask if tail is None else mask & tail))


def _dense(cascade: Cascade, variables: tuple[Var, ...], sizes: Mapping[str, int]) -> int:
    """Return the product of lengths, a partitioned rank counting once where all its parts run."""
    labels = {var.label for var in variables}
    points = 1
    for primes in {"'" * label.count("'") for label in labels}:
        here = [label.rstrip("'") for label in labels if label.count("'") == len(primes)]
        for rank in cascade.rank_names:
            leaves = cascade.leaves(rank)
            if len(leaves) > 1 and set(leaves) <= set(here):
                points *= sizes[rank]
                here = [name for name in here if name not in leaves]
        points *= math.prod(sizes[name] for name in here)
    return points


def op_counts(cascade: Cascade, sizes: Mapping[str, int], *, conditions: bool = False) -> OpCounts:
    """Return the scalar operations of a cascade.

    A scale such as ``/ sqrt(E)`` and index arithmetic are no operations (:attr:`Einsum.operators`).

    Args:
        cascade: the cascade.
        sizes: lengths of its ranks; parts follow as in :func:`resolve_sizes`.
        conditions: whether to count only points that meet the conditions, as in :func:`iteration_points`.
    """
    found = resolve_sizes(cascade, sizes)
    points = {e.name: iteration_points(e, found, cascade, conditions=conditions) for e in cascade.einsums}
    return OpCounts(cascade.name, points, {e.name: _counts(e, points[e.name], found) for e in cascade.einsums})


def _counts(einsum: Einsum, points: int, sizes: Mapping[str, int]) -> dict[str, int]:
    n_map = len(einsum.operators) - len(einsum.reductions)
    counts = Counter(dict.fromkeys(einsum.operators, 0))
    for name in einsum.operators[:n_map]:
        counts[name] += points
    for reduction in einsum.reductions:
        counts[reduction.operator] += points
        points = max(1, points // math.prod(sizes[var.rank] for var in reduction.indices))
    return dict(counts)
