"""Lengths of ranks: from the inputs' shapes, from what the caller gives, from partitions."""

import math
from collections.abc import Mapping

from attnscope.einsum_cascade.expressions import Size, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.errors import CascadeError, UsageError, did_you_mean

MOST_ELEMENTS = 2**28


def resolve_sizes(
    cascade: Cascade, sizes: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> dict[str, int]:
    """Return the length of every rank that the cascade uses.

    Args:
        cascade: the cascade.
        sizes: lengths by rank name; of M = M1 * M0 give all but one. A length that its tiles do not divide is legal:
            M1 is then the number of tiles, the last of them partly empty.
        shapes: shapes of the inputs, as stored.

    Raises:
        CascadeError: two lengths for one rank, with both tensors and both numbers; or none.
    """
    origin = dict.fromkeys(sizes, "the given sizes")
    found: dict[str, int] = {}
    for name, size in sizes.items():
        if name not in cascade.rank_names:
            near = did_you_mean(name, cascade.rank_names)
            raise UsageError(f"{cascade.name}: no rank named {name!r}.{near} Ranks: {', '.join(cascade.rank_names)}.")
        found[name] = _whole_number(cascade, name, size)
    for tensor, shape in (shapes or {}).items():
        for rank, size in zip(cascade.tensor_ranks(tensor), shape, strict=True):
            if found.setdefault(rank, size) != size:
                raise _mismatch(cascade, rank, (origin[rank], found[rank]), (tensor, size))
            origin.setdefault(rank, tensor)
    _resolve_partitions(cascade, found)
    missing = [rank for rank in used_ranks(cascade) if rank not in found]
    if missing:
        raise _missing(cascade, missing[0])
    return found


def _whole_number(cascade: Cascade, rank: str, size: float) -> int:
    try:
        whole = int(size)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole != size or whole < 1:
        raise UsageError(f"{cascade.name}: rank {rank} must be a whole number of at least 1, got {size!r}")
    return whole


def require_room(cascade: Cascade, what: str, shape: tuple[int, ...]) -> None:
    """Refuse arrays that are too large to execute on; analysis and counting have no such limit.

    Raises:
        CascadeError: there are more than ``MOST_ELEMENTS`` elements.
    """
    elements = math.prod(shape)
    if elements > MOST_ELEMENTS:
        raise CascadeError(
            f"{what} would have {float(elements):.3g} elements; execution takes at most {MOST_ELEMENTS:.3g}",
            source=cascade.name,
        )


def _mismatch(cascade: Cascade, rank: str, first: tuple[str, int], second: tuple[str, int]) -> CascadeError:
    return CascadeError(
        f"rank {rank} has two lengths: {first[1]} in {first[0]}, {second[1]} in {second[0]}; make them equal",
        source=cascade.name,
    )


def _missing(cascade: Cascade, rank: str) -> CascadeError:
    whole = next((name for name, parts in cascade.partitions.items() if rank in parts), "")
    why = f"it is a part of {whole}" if whole else "no input has it"
    example = cascade.partitions[whole][-1] if whole else rank
    return CascadeError(f"rank {rank} has no length: {why}; give one, as in {example}=16", source=cascade.name)


def _resolve_partitions(cascade: Cascade, found: dict[str, int]) -> None:
    """Complete M = M1 * M0 where all but one of the three are known; inner partitions wait for outer ones."""
    for _ in cascade.partitions:
        for rank, parts in cascade.partitions.items():
            unknown = [part for part in parts if part not in found]
            known = math.prod(found[part] for part in parts if part in found)
            if rank in found and len(unknown) == 1:
                found[unknown[0]] = -(-found[rank] // known)
            elif rank not in found and not unknown:
                found[rank] = known
            elif rank in found and not unknown and known < found[rank]:
                raise CascadeError(
                    f"{rank} = {' * '.join(parts)} does not cover {rank}: "
                    f"{' * '.join(str(found[p]) for p in parts)} < {found[rank]}",
                    source=cascade.name,
                )


def used_ranks(cascade: Cascade) -> tuple[str, ...]:
    """Return every rank that an index or an expression of the cascade uses, in declared order."""
    used = {var.rank for einsum in cascade.einsums for var in (*einsum.variables, *einsum.written)}
    used |= {rank for layout in cascade.layouts.values() for rank in layout}
    for einsum in cascade.einsums:
        for expr in (einsum.expression, *einsum.where, *((einsum.initial,) if einsum.initial is not None else ())):
            used |= {node.rank for node in walk(expr) if isinstance(node, Size)}
    return tuple(rank for rank in cascade.rank_names if rank in used)


def stored_shape(cascade: Cascade, tensor: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape a tensor is stored in; an iterative rank holds its start value as well."""
    writer = cascade.by_name.get(tensor)
    step = writer.step_position if writer else -1
    return tuple(sizes[rank] + (place == step) for place, rank in enumerate(cascade.tensor_ranks(tensor)))
