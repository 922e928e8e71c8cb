"""Deferring: a factor that does not change while a rank is summed is applied once, behind the sum."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Var, accesses, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.transform.fuse import fuse
from attnscope.einsum_cascade.transform.rewrite import derived, fresh_name


@dataclass(frozen=True)
class Factor:
    """One factor of a product; ``below`` where it divides."""

    expr: Expr
    below: bool = False


def factors(expr: Expr, *, below: bool = False) -> Iterator[Factor]:
    """Yield the factors of a product or quotient."""
    if isinstance(expr, Call) and expr.operator in ("mul", "div"):
        yield from factors(expr.args[0], below=below)
        yield from factors(expr.args[1], below=below != (expr.operator == "div"))
    else:
        yield Factor(expr, below)


def product(parts: list[Factor]) -> Expr:
    """Return the product of factors, divisions last."""
    above = [part.expr for part in parts if not part.below] or [Number(1)]
    result = above[0]
    for expr in above[1:]:
        result = Call("mul", (result, expr))
    for part in parts:
        result = Call("div", (result, part.expr)) if part.below else result
    return result


def defer(cascade: Cascade) -> Cascade:
    """Return the cascade with factors and divisors moved behind the sums that they do not take part in.

    ``A[m, p] = SN[m, p] / SD[p]``, ``AV[f, p] = A[m, p] * V[f, m]  sum m`` become
    ``AVN[f, p] = SN[m, p] * V[f, m]  sum m`` and ``AV[f, p] = AVN[f, p] / SD[p]``: FuseMax's deferred division, and
    the step from its Cascade 1 to its Cascade 2. A pass disappears where the factor was what it waited for.
    """
    found = cascade
    for name in [einsum.name for einsum in cascade.einsums]:
        if name in found.by_name:
            found = _deferred(found, name)
    if found is cascade:
        return cascade
    return derived(cascade, "deferred", "factors applied behind the sums that do not run over them", found.einsums)


def _deferred(cascade: Cascade, name: str) -> Cascade:
    """Defer within one sum, after fusing in the products among its factors that bring something to defer."""
    einsum = cascade.by_name[name]
    if [reduction.operator for reduction in einsum.reductions] != ["sum"] or einsum.iterative is not None:
        return cascade
    folded = set(einsum.folded)
    for part in factors(einsum.expression):
        if isinstance(part.expr, Access) and _brings_something(cascade, part.expr, folded):
            cascade = fuse(cascade, part.expr.tensor)
    einsum = cascade.by_name[name]
    fixed = [part for part in factors(einsum.expression) if accesses(part.expr) and not _runs_over(part.expr, folded)]
    if not fixed:
        return cascade
    kept = [part for part in factors(einsum.expression) if part not in fixed]
    if not any(_runs_over(part.expr, folded) for part in kept):
        return cascade
    numerator = fresh_name(f"{name}N", cascade.tensors)
    summed = replace(einsum, name=numerator, expression=product(kept))
    whole = Einsum(name, einsum.indices, product([Factor(Access(numerator, einsum.indices)), *fixed]))
    einsums = (part for old in cascade.einsums for part in ((summed, whole) if old is einsum else (old,)))
    return replace(cascade, einsums=tuple(einsums))


def _brings_something(cascade: Cascade, access: Access, folded: set[Var]) -> bool:
    """Whether the tensor is a plain product, read here alone, with a factor that the sum does not run over."""
    producer = cascade.by_name.get(access.tensor)
    readers = [e for e in cascade.einsums if any(a.tensor == access.tensor for a in e.reads)]
    if producer is None or producer.reductions or producer.iterative is not None or len(readers) != 1:
        return False
    if producer.name in cascade.outputs or tuple(access.indices) != producer.indices:
        return False
    return any(accesses(f.expr) and not _runs_over(f.expr, folded) for f in factors(producer.expression))


def _runs_over(expr: Expr, folded: set[Var]) -> bool:
    return any(node in folded for node in walk(expr))
