"""How an access meets the tensor it reads: whole ranks, their parts, and everything in between.

A tensor is stored once, over the ranks of :meth:`Cascade.tensor_ranks`. An Einsum may read it through its own view:
``K[e, m1, m0]`` of a tensor stored over M, or ``QK[m, p]`` of one stored over M1 and M0.
"""

from collections.abc import Sequence

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Size, Var
from attnscope.einsum_cascade.ir import Cascade, index_rank
from attnscope.einsum_cascade.spans import refusal
from attnscope.einsum_cascade.text import index_text


def storage_indices(cascade: Cascade, access: Access) -> tuple[Expr, ...]:
    """Return one index expression per stored rank of the tensor that ``access`` reads.

    Raises:
        CascadeError: wrong number of indices, or an index over another rank.
    """
    layout, given = cascade.tensor_ranks(access.tensor), list(access.indices)
    found: list[Expr] = []
    at = 0
    while at < len(layout):
        if not given:
            raise _wrong_number(access, layout)
        taken, covered = _match(cascade, layout[at:], given)
        if not taken:
            raise refusal(
                f"index {index_text(given[0])!r} stands where {access.tensor} has rank {layout[at]}; "
                f"{access.tensor} is {access.tensor}[{', '.join(layout)}]",
                given[0].span or access.span,
            )
        found += taken
        given = given[covered:]
        at += len(taken)
    if given:
        raise _wrong_number(access, layout)
    return tuple(found)


def _wrong_number(access: Access, layout: Sequence[str]) -> Exception:
    return refusal(
        f"{access.tensor} has {len(layout)} ranks, {access.tensor}[{', '.join(layout)}], "
        f"but {len(access.indices)} indices are given",
        access,
    )


def _match(cascade: Cascade, layout: Sequence[str], given: Sequence[Expr]) -> tuple[tuple[Expr, ...], int]:
    """Return the stored indices that the next given ones mean, and how many given ones they use up."""
    rank, index = index_rank(given[0]), given[0]
    if rank in ("", layout[0]):
        return (index,), 1
    parts = cascade.leaves(layout[0])
    if len(parts) > 1 and rank in parts:
        if tuple(index_rank(i) for i in given[: len(parts)]) != parts:
            return (), 0
        return (flat_index(parts, given[: len(parts)]),), len(parts)
    parts = cascade.leaves(rank)
    if len(parts) > 1 and tuple(layout[: len(parts)]) == parts:
        return split_index(parts, index), 1
    return (), 0


def flat_index(parts: Sequence[str], indices: Sequence[Expr]) -> Expr:
    """Return ``m1 * M0 + m0`` for the parts (M1, M0) and the indices (m1, m0)."""
    flat = indices[0]
    for part, index in zip(parts[1:], indices[1:], strict=True):
        flat = Call("add", (Call("mul", (flat, Size(part))), index))
    return flat


def split_index(parts: Sequence[str], index: Expr) -> tuple[Expr, ...]:
    """Return ``m // M0`` and ``m % M0`` for the parts (M1, M0) and the index m."""
    split: list[Expr] = []
    for part in reversed(parts[1:]):
        split.insert(0, Call("mod", (index, Size(part))))
        index = Call("floordiv", (index, Size(part)))
    return (index, *split)


def flat_variable(cascade: Cascade, name: str, space: Sequence[Var]) -> Expr | None:
    """Return ``m1 * M0 + m0`` for the variable ``m`` where the iteration space holds only its parts."""
    rank, primes = name.rstrip("'").upper(), "'" * name.count("'")
    parts = cascade.leaves(rank)
    found = [Var(part.lower() + primes) for part in parts]
    if len(parts) == 1 or not all(var in space for var in found):
        return None
    return flat_index(parts, found)
