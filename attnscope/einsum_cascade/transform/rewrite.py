"""Helpers that every transform uses: exchange nodes in a whole Einsum, and invent names."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Expr, Var, rebuild
from attnscope.einsum_cascade.ir import Cascade

Change = Callable[[Expr], Expr | None]


def replaced(einsum: Einsum, change: Change) -> Einsum:
    """Return the Einsum with nodes exchanged on both sides, in its conditions and in its reductions."""
    reductions = []
    for reduction in einsum.reductions:
        indices = (rebuild(var, change) for var in reduction.indices)
        reductions.append(replace(reduction, indices=tuple(var for var in indices if isinstance(var, Var))))
    return replace(
        einsum,
        indices=tuple(rebuild(index, change) for index in einsum.indices),
        expression=rebuild(einsum.expression, change),
        reductions=tuple(reductions),
        where=tuple(rebuild(condition, change) for condition in einsum.where),
        initial=None if einsum.initial is None else rebuild(einsum.initial, change),
    )


def fresh_name(wanted: str, taken: Iterable[str]) -> str:
    """Return ``wanted``, or the first of ``wanted2``, ``wanted3``, ... that is not taken."""
    used = set(taken)
    if wanted not in used:
        return wanted
    number = 2
    while f"{wanted}{number}" in used:
        number += 1
    return f"{wanted}{number}"


def derived(cascade: Cascade, suffix: str, how: str, einsums: Iterable[Einsum]) -> Cascade:
    """Return the cascade with other Einsums, under a name and a comment that say where it comes from."""
    doc = f"Derived from {cascade.name}: {how}."
    return replace(cascade, name=f"{cascade.name}-{suffix}", doc=doc, einsums=tuple(einsums))
