"""Expressions: what stands on the right of an Einsum, in its conditions and in its indices.

Five kinds of node, all frozen and compared without their place in the text:

======== ============================ =========================================
Number   ``2``, ``0.5``, ``-inf``     a constant
Var      ``m1``, ``n0'``              an index variable of rank M1, N0
Size     ``E``, ``M1``                the length of a rank; as an index, the final generation
Access   ``QK[m1, m0, p]``            an element of a tensor
Call     ``exp(x)``, ``a + b``        an operator with its operands
======== ============================ =========================================
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from attnscope.einsum_cascade.spans import Span


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Var:
    """An index variable; primes make further variables over the same rank."""

    name: str
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def rank(self) -> str:
        """The declared rank that the variable runs over: ``M1`` for ``m1`` and for ``m1'``."""
        return self.name.rstrip("'").upper()

    @property
    def label(self) -> str:
        """The rank of the iteration space: ``M1`` for ``m1``, ``M1'`` for ``m1'``."""
        return self.name.upper()


@dataclass(frozen=True)
class Size:
    """The length of a rank as a number; as an index of an iterative tensor, its final generation."""

    rank: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Access:
    """An element of a tensor: ``RM[m1+1, p]``."""

    tensor: str
    indices: tuple["Expr", ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Call:
    """An operator (``add``, ``mul``, ``exp``, ``le``, ...) with its operands."""

    operator: str
    args: tuple["Expr", ...]
    span: Span | None = field(default=None, compare=False, repr=False)


Expr: TypeAlias = Number | Var | Size | Access | Call


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield every node, operands before their operator (post-order), indices included."""
    children = expr.args if isinstance(expr, Call) else expr.indices if isinstance(expr, Access) else ()
    for child in children:
        yield from walk(child)
    yield expr


def accesses(expr: Expr) -> tuple[Access, ...]:
    """Return the tensor elements that ``expr`` reads, in the order they are met."""
    return tuple(node for node in walk(expr) if isinstance(node, Access))


def variables(expr: Expr) -> tuple[Var, ...]:
    """Return the index variables in ``expr``, each once, in order."""
    return tuple(dict.fromkeys(node for node in walk(expr) if isinstance(node, Var)))


def rebuild(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return ``expr`` with nodes exchanged: ``change`` gives the new node, or ``None`` to look inside."""
    changed = change(expr)
    if changed is not None:
        return changed
    if isinstance(expr, Call):
        return replace(expr, args=tuple(rebuild(arg, change) for arg in expr.args))
    if isinstance(expr, Access):
        return replace(expr, indices=tuple(rebuild(index, change) for index in expr.indices))
    return expr


def shifted(expr: Expr) -> tuple[Var, int] | None:
    """Return ``(m, 1)`` for the index ``m+1``, ``(m, 0)`` for ``m``, ``(m, -2)`` for ``m-2``, else ``None``."""
    if isinstance(expr, Var):
        return expr, 0
    if isinstance(expr, Call) and expr.operator in ("add", "sub"):
        left, right = expr.args
        if isinstance(left, Var) and isinstance(right, Number) and float(right.value).is_integer():
            return left, int(right.value) if expr.operator == "add" else -int(right.value)
    return None


def next_generation(var: Var) -> Call:
    """Return the index ``v+1``."""
    return Call("add", (var, Number(1)))
