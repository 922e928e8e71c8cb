"""Renaming of tensors and ranks."""

from collections.abc import Mapping
from dataclasses import replace

from attnscope.einsum_cascade.einsum import Rank
from attnscope.einsum_cascade.expressions import Access, Expr, Size, Var, rebuild
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.transform.rewrite import replaced


def rename_tensors(cascade: Cascade, names: Mapping[str, str]) -> Cascade:
    """Return the cascade with tensors renamed; names that are not in ``names`` stay."""

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Access):
            return None
        indices = tuple(rebuild(index, change) for index in expr.indices)
        return replace(expr, tensor=names.get(expr.tensor, expr.tensor), indices=indices)

    def renamed(access: Access) -> Access:
        return replace(access, tensor=names.get(access.tensor, access.tensor))

    claim = cascade.claim
    if claim is not None:
        where = tuple(rebuild(condition, change) for condition in claim.where)
        claim = replace(claim, arguments=tuple(names.get(name, name) for name in claim.arguments), where=where)
    return replace(
        cascade,
        einsums=tuple(
            replace(replaced(einsum, change), name=names.get(einsum.name, einsum.name)) for einsum in cascade.einsums
        ),
        declared_inputs=tuple(map(renamed, cascade.declared_inputs)),
        declared_outputs=tuple(names.get(name, name) for name in cascade.declared_outputs),
        claim=claim,
    )


def rename_ranks(cascade: Cascade, names: Mapping[str, str]) -> Cascade:
    """Return the cascade with ranks, and with them their index variables, renamed."""

    def change(expr: Expr) -> Expr | None:
        if isinstance(expr, Var):
            return _renamed_var(expr, names)
        return replace(expr, rank=names.get(expr.rank, expr.rank)) if isinstance(expr, Size) else None

    def rank(old: Rank) -> Rank:
        return replace(old, name=names.get(old.name, old.name), parts=tuple(names.get(p, p) for p in old.parts))

    claim = cascade.claim
    if claim is not None:
        where = tuple(rebuild(condition, change) for condition in claim.where)
        claim = replace(claim, where=where, over=tuple(names.get(r, r) for r in claim.over))
    declared = (rebuild(access, change) for access in cascade.declared_inputs)
    return replace(
        cascade,
        ranks=tuple(map(rank, cascade.ranks)),
        einsums=tuple(replaced(einsum, change) for einsum in cascade.einsums),
        declared_inputs=tuple(access for access in declared if isinstance(access, Access)),
        claim=claim,
    )


def _renamed_var(var: Var, names: Mapping[str, str]) -> Var:
    primes = "'" * var.name.count("'")
    return replace(var, name=names.get(var.rank, var.rank).lower() + primes)
