"""Partitioning: M becomes M1 tiles of M0, and a reduction over M may be split at the tile's edge."""

from dataclasses import replace

from attnscope.einsum_cascade.einsum import Einsum, Rank, Reduction
from attnscope.einsum_cascade.expressions import Access, Expr, Size, Var, rebuild, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.spans import refusal
from attnscope.einsum_cascade.transform.rewrite import fresh_name, replaced
from attnscope.errors import UsageError, did_you_mean


def partition(cascade: Cascade, rank: str, parts: tuple[str, ...] = ()) -> Cascade:
    """Return the cascade with every index over ``rank`` replaced by indices over its parts.

    Inputs and outputs keep their shape; only the iteration spaces change.

    Args:
        cascade: any cascade.
        rank: a rank that is not partitioned yet.
        parts: names of the parts, outermost first; M1, M0 for M by default.

    Raises:
        UsageError: the rank is unknown, partitioned already, or a part's name is taken.
        CascadeError: an Einsum steps over the rank or reads it at a shifted index.
    """
    names = parts or (f"{rank}1", f"{rank}0")
    if rank not in cascade.rank_names:
        raise UsageError(f"{cascade.name}: no rank named {rank!r}.{did_you_mean(rank, cascade.rank_names)}")
    if rank in cascade.partitions:
        raise UsageError(f"{cascade.name}: rank {rank} is partitioned already: {cascade.partitions[rank]}")
    taken = next((name for name in names if name in cascade.rank_names), None)
    if taken:
        raise UsageError(f"{cascade.name}: part {taken} of {rank} is a rank already; choose another name")
    declared = any(declared.name == rank for declared in cascade.ranks)
    ranks = tuple(replace(old, parts=names) if old.name == rank else old for old in cascade.ranks)
    return replace(
        cascade,
        name=f"{cascade.name}-partitioned",
        doc=f"Derived from {cascade.name}: {rank} in tiles.",
        ranks=ranks if declared else (*ranks, Rank(rank, names)),
        einsums=tuple(_partitioned(cascade, einsum, rank, names) for einsum in cascade.einsums),
    )


def _partitioned(cascade: Cascade, einsum: Einsum, rank: str, names: tuple[str, ...]) -> Einsum:
    def parts_of(var: Var) -> tuple[Var, ...]:
        primes = "'" * var.name.count("'")
        return tuple(Var(name.lower() + primes) for name in names)

    def indices(given: tuple[Expr, ...]) -> tuple[Expr, ...]:
        found: list[Expr] = []
        for index in given:
            found += parts_of(index) if isinstance(index, Var) and index.rank == rank else (rebuild(index, change),)
        return tuple(found)

    def change(expr: Expr) -> Expr | None:
        return replace(expr, indices=indices(expr.indices)) if isinstance(expr, Access) else None

    _check_partition(cascade, einsum, rank)
    reductions = []
    for reduction in einsum.reductions:
        split = (parts_of(var) if var.rank == rank else (var,) for var in reduction.indices)
        reductions.append(replace(reduction, indices=tuple(var for group in split for var in group)))
    changed = replaced(einsum, change)
    return replace(changed, indices=indices(einsum.indices), reductions=tuple(reductions))


def _check_partition(cascade: Cascade, einsum: Einsum, rank: str) -> None:
    indices = [*einsum.indices, *(index for access in einsum.reads for index in access.indices)]
    for index in indices:
        pair = shifted(index)
        if (pair and pair[0].rank == rank and pair[1] != 0) or (isinstance(index, Size) and index.rank == rank):
            raise refusal(f"{einsum.name} steps over {rank}, so {rank} cannot be partitioned", einsum)
        if pair is None and any(isinstance(node, Var) and node.rank == rank for node in walk(index)):
            raise refusal(f"{einsum.name} computes an index from {rank.lower()!r}, so it cannot be partitioned", einsum)
    for reduction in einsum.reductions:
        if not cascade.reducer(reduction.operator).combine and any(var.rank == rank for var in reduction.indices):
            raise refusal(f"{reduction.operator!r} gives coordinates of {rank}, so it cannot be partitioned", reduction)


def split_reduction(cascade: Cascade, tensor: str, inner: tuple[str, ...]) -> Cascade:
    """Return the cascade with one reduction done in two steps: over ``inner`` first, then over the rest.

    ``GM[p] = QK[m1, m0, p]  max m1, m0`` becomes ``LGM[m1, p] = QK[m1, m0, p]  max m0`` and
    ``GM[p] = LGM[m1, p]  max m1``.

    Raises:
        CascadeError: the Einsum has not one reduction over more than the inner ranks, or its operator gives
            coordinates and so has no partial results.
    """
    einsum = cascade.einsum(tensor)
    first = tuple(var for var in einsum.folded if var.label in inner)
    rest = tuple(var for var in einsum.folded if var.label not in inner)
    if len(einsum.reductions) != 1 or not first or not rest:
        raise refusal(f"{tensor} is not one reduction over {', '.join(inner)} and another rank", einsum)
    operator = einsum.reductions[0].operator
    if not cascade.reducer(operator).combine:
        raise refusal(f"{tensor} reduces by {operator!r}, which has no partial results", einsum)
    name = fresh_name(f"L{tensor}", cascade.tensors)
    kept = (*rest, *einsum.written)
    local = replace(einsum, name=name, indices=kept, reductions=(Reduction(operator, first),))
    whole = Einsum(tensor, einsum.indices, Access(name, kept), (Reduction(operator, rest),), doc=einsum.doc)
    einsums = (part for old in cascade.einsums for part in ((local, whole) if old is einsum else (old,)))
    return replace(cascade, einsums=tuple(einsums))
