"""Fusing: an Einsum without a reduction is computed where it is read, and its tensor is gone."""

from dataclasses import replace

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Expr, Var, rebuild, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import groups
from attnscope.einsum_cascade.spans import refusal
from attnscope.einsum_cascade.transform.rewrite import replaced


def fuse(cascade: Cascade, *tensors: str) -> Cascade:
    """Return the cascade with the Einsums that write ``tensors`` fused into their readers.

    ``SN[m, p] = exp(QK[m, p] - GM[p])`` and ``SD[p] = SN[m, p]  sum m`` become
    ``SD[p] = exp(QK[m, p] - GM[p])  sum m``. What several readers need is computed in each of them.

    Raises:
        UnknownNameError: a tensor is written by no Einsum.
        CascadeError: an Einsum reduces, steps over a rank, writes an output, or is read through another view.
    """
    for tensor in tensors:
        cascade = _fuse_one(cascade, cascade.einsum(tensor))
    return cascade


def _fuse_one(cascade: Cascade, producer: Einsum) -> Cascade:
    why = fuse_obstacle(cascade, producer)
    if why:
        raise refusal(f"{producer.name} cannot be fused into its readers: {why}", producer)
    einsums = (_inlined(cascade, einsum, producer) for einsum in cascade.einsums if einsum is not producer)
    return replace(cascade, einsums=tuple(einsums))


def fuse_obstacle(cascade: Cascade, producer: Einsum) -> str:
    """Return why an Einsum cannot be fused into its readers, or an empty string."""
    if producer.name in cascade.outputs:
        return "it is an output"
    if producer.reductions:
        return f"it reduces {', '.join(producer.reduced)}"
    if producer.iterative is not None:
        return f"it steps over {producer.iterative.rank}"
    return ""


def _inlined(cascade: Cascade, reader: Einsum, producer: Einsum) -> Einsum:
    conditions: list[Expr] = []

    def change(expr: Expr) -> Expr | None:
        if not isinstance(expr, Access) or expr.tensor != producer.name:
            return None
        bound = _bound(cascade, reader, producer, expr)
        conditions.extend(rebuild(condition, bound.get) for condition in producer.where)
        return rebuild(producer.expression, bound.get)

    changed = replaced(reader, change)
    missing = tuple(condition for condition in dict.fromkeys(conditions) if condition not in changed.where)
    return replace(changed, where=(*changed.where, *missing))


def _bound(cascade: Cascade, reader: Einsum, producer: Einsum, access: Access) -> dict[Expr, Expr]:
    """Return what each index of the producer is where the reader stands."""
    found = groups(cascade, access)
    if any(len(group.given) > 1 or len(group.stored) > 1 for group in found):
        raise refusal(f"{reader.name} reads {producer.name} through another view of its ranks", access)
    bound: dict[Expr, Expr] = dict(zip(producer.written, access.indices, strict=True))
    values = {node for expr in (producer.expression, *producer.where) for node in walk(expr) if isinstance(node, Var)}
    if any(var not in bound for var in values) and any(var != index for var, index in bound.items()):
        raise refusal(f"{producer.name} uses a partitioned index as a number, and {reader.name} moves it", access)
    return bound
