"""How an access meets the tensor it reads: whole ranks, their parts, and everything in between.

A tensor is stored once, over the ranks of :meth:`Cascade.tensor_ranks`. An Einsum may read it through its own view:
``K[e, m1, m0]`` of a tensor stored over M, or ``QK[m, p]`` of one stored over M1 and M0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from attnscope.einsum_cascade.einsum import index_rank
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Size, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.spans import refusal
from attnscope.einsum_cascade.text import index_text


@dataclass(frozen=True)
class Group:
    """Stored ranks and the given indices that address them: one to one, parts to a whole, or a whole to parts.

    Attributes:
        at: position of the first stored rank in the tensor.
        stored: the stored ranks.
        given: the indices of the access.
    """

    at: int
    stored: tuple[str, ...]
    given: tuple[Expr, ...]


def groups(cascade: Cascade, access: Access) -> tuple[Group, ...]:
    """Return how the indices of ``access`` address the stored ranks of its tensor.

    Raises:
        CascadeError: wrong number of indices, or an index over another rank.
    """
    layout, given = cascade.tensor_ranks(access.tensor), access.indices
    found: list[Group] = []
    at = 0
    while layout and given:
        group = _match(cascade, at, layout, given)
        if group is None:
            raise refusal(
                f"index {index_text(given[0])!r} stands where {access.tensor} has rank {layout[0]}; the ranks of "
                f"{access.tensor} are [{', '.join(cascade.tensor_ranks(access.tensor))}]",
                given[0].span or access.span,
            )
        found.append(group)
        at += len(group.stored)
        layout, given = layout[len(group.stored) :], given[len(group.given) :]
    if layout or given:
        ranks, number = cascade.tensor_ranks(access.tensor), len(access.indices)
        raise refusal(
            f"{access.tensor} has {len(ranks)} ranks, [{', '.join(ranks)}], but {number} indices are given", access
        )
    return tuple(found)


def _match(cascade: Cascade, at: int, layout: Sequence[str], given: Sequence[Expr]) -> Group | None:
    rank = index_rank(given[0])
    if rank in ("", layout[0]):
        return Group(at, (layout[0],), (given[0],))
    parts = cascade.leaves(layout[0])
    if rank in parts and tuple(index_rank(index) for index in given[: len(parts)]) == parts:
        return Group(at, (layout[0],), tuple(given[: len(parts)]))
    parts = cascade.leaves(rank)
    if len(parts) > 1 and tuple(layout[: len(parts)]) == parts:
        return Group(at, parts, (given[0],))
    return None


def storage_indices(cascade: Cascade, access: Access) -> tuple[Expr, ...]:
    """Return one index expression for each stored rank of the tensor that ``access`` reads."""
    return tuple(index for group in groups(cascade, access) for index in _stored(cascade, group))


def _stored(cascade: Cascade, group: Group) -> tuple[Expr, ...]:
    if len(group.given) > 1:
        return (flat_index(cascade.leaves(group.stored[0]), group.given),)
    return split_index(group.stored, group.given[0]) if len(group.stored) > 1 else group.given


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
