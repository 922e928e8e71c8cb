"""Whether two cascades are the same but for names of tensors, order of Einsums and order of commuting operands."""

from collections import Counter
from hashlib import sha256

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import storage_indices
from attnscope.einsum_cascade.text import expression_text, index_text

COMMUTING = frozenset(("add", "mul", "max", "min", "eq", "ne"))


def same_cascade(left: Cascade, right: Cascade) -> bool:
    """Return whether the cascades have the same Einsums over the same ranks, read from one another in the same way.

    Inputs are matched by what is done with them, not by name. Decided by colour refinement of the dependence graph,
    which is exact wherever no two Einsums of a cascade play the same part.
    """
    return signature(left) == signature(right)


def signature(cascade: Cascade) -> Counter[str]:
    """Return the multiset of colours of all tensors."""
    colours = {name: f"{'output' if name in cascade.outputs else 'tensor'}" for name in cascade.tensors}
    colours |= {name: f"input {sorted(cascade.tensor_ranks(name))}" for name in cascade.inputs}
    for _ in cascade.tensors:
        uses = {name: _uses(cascade, name, colours) for name in cascade.inputs}
        made = {e.name: f"{colours[e.name]} {_description(cascade, e, colours)}" for e in cascade.einsums}
        colours = {name: _digest(text) for name, text in {**uses, **made}.items()}
    return Counter(colours.values())


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _uses(cascade: Cascade, name: str, colours: dict[str, str]) -> str:
    readers = [e for e in cascade.einsums if any(a.tensor == name for a in e.reads)]
    return f"{colours[name]} {sorted(_described(cascade, e.expression, colours) for e in readers)}"


def _description(cascade: Cascade, einsum: Einsum, colours: dict[str, str]) -> str:
    reductions = [(r.operator, sorted(var.name for var in r.indices)) for r in einsum.reductions]
    where = sorted(_described(cascade, condition, colours) for condition in einsum.where)
    initial = "" if einsum.initial is None else _described(cascade, einsum.initial, colours)
    left = sorted(index_text(index) for index in einsum.indices)
    return f"{left} {_described(cascade, einsum.expression, colours)} {reductions} {where} {initial}"


def _described(cascade: Cascade, expr: Expr, colours: dict[str, str]) -> str:
    if isinstance(expr, Access):
        stored = zip(cascade.tensor_ranks(expr.tensor), storage_indices(cascade, expr), strict=True)
        indices = sorted(f"{rank}:{_described(cascade, index, colours)}" for rank, index in stored)
        return f"{colours[expr.tensor]}{indices}"
    if isinstance(expr, Call):
        args = [_described(cascade, arg, colours) for arg in expr.args]
        return f"{expr.operator}({', '.join(sorted(args) if expr.operator in COMMUTING else args)})"
    return expr.name if isinstance(expr, Var) else expression_text(expr)
