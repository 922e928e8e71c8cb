"""A cascade as a LaTeX ``align*`` block, in the notation of the papers."""

import re

from attnscope.einsum_cascade.einsum import Einsum, Reduction
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.operators import OPERATORS
from attnscope.einsum_cascade.text import ATOM, PRECEDENCE, number_text

BIG = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min"}
ENCLOSING = frozenset(("exp", "sqrt", "abs", "pow"))


def to_latex(cascade: Cascade) -> str:
    r"""Return an ``align*`` environment (package amsmath), one Einsum a line.

    Reductions stand in front: ``QK[m, p] = Q[e, p] * K[e, m]  sum e`` is
    ``\mathit{QK}_{m, p} = \sum_{e} Q_{e, p} \times K_{e, m}``.
    """
    lines = [f"  {_einsum(einsum)} \\\\" for einsum in cascade.einsums]
    lines[-1] = lines[-1].removesuffix(" \\\\")
    comments = [f"% {line}".rstrip() for line in cascade.doc.split("\n")] if cascade.doc else []
    return "\n".join([*comments, r"\begin{align*}", *lines, r"\end{align*}"]) + "\n"


def _einsum(einsum: Einsum) -> str:
    left = _access(einsum.name, einsum.indices)
    body = _wrapped(einsum.expression, PRECEDENCE["mul"]) if einsum.reductions else _latex(einsum.expression)
    for reduction in einsum.reductions:
        body = f"{_reduction(reduction)} {body}"
    if einsum.where:
        conditions = r",\; ".join(_latex(condition) for condition in einsum.where)
        body += rf" \quad \text{{where }} {conditions}"
    if einsum.initial is not None:
        body += rf", \qquad {_access(einsum.name, (Number(0),))} = {_latex(einsum.initial)}"
    return f"{left} &= {body}"


def _reduction(reduction: Reduction) -> str:
    symbol = BIG.get(reduction.operator, rf"\operatorname*{{{reduction.operator}}}")
    return f"{symbol}_{{{', '.join(_name(var.name) for var in reduction.indices)}}}"


def _name(name: str) -> str:
    """Return ``m_1`` for ``m1`` and ``n_0'`` for ``n0'``."""
    found = re.fullmatch(r"([A-Za-z]+)_?(\w*)('*)", name)
    if found is None:
        return name
    word, number, primes = found.groups()
    word = word if len(word) == 1 else rf"\mathit{{{word}}}"
    return (
        f"{word}_{{{number}}}{primes}" if len(number) > 1 else f"{word}_{number}{primes}" if number else word + primes
    )


def _access(tensor: str, indices: tuple[Expr, ...]) -> str:
    symbol = tensor.replace("_", r"\_")
    word = symbol if len(symbol) == 1 else rf"\mathit{{{symbol}}}"
    return f"{word}_{{{', '.join(_latex(index).replace(' + ', '+') for index in indices)}}}" if indices else word


def _latex(expr: Expr) -> str:
    if isinstance(expr, Number):
        return number_text(expr.value).replace("inf", r"\infty")
    if isinstance(expr, Var):
        return _name(expr.name)
    if isinstance(expr, Size):
        return _name(expr.rank)
    if isinstance(expr, Access):
        return _access(expr.tensor, expr.indices)
    return _call(expr)


def _call(call: Call) -> str:
    if call.operator == "div" and not (_has_access(call.args[0]) and not _has_access(call.args[1])):
        return rf"\frac{{{_latex(call.args[0])}}}{{{_latex(call.args[1])}}}"
    level = PRECEDENCE.get(call.operator, ATOM)
    if call.operator in ENCLOSING or level == ATOM:
        args = [_latex(arg) for arg in call.args]
        args[0] = _wrapped(call.args[0], ATOM) if call.operator == "pow" else args[0]
    else:
        args = [_wrapped(call.args[0], level), *(_wrapped(arg, level + 1) for arg in call.args[1:])]
    template = OPERATORS[call.operator].latex if call.operator in OPERATORS else ""
    return template.format(*args) if template else rf"\mathrm{{{call.operator}}}({', '.join(args)})"


def _has_access(expr: Expr) -> bool:
    return isinstance(expr, Access) or (isinstance(expr, Call) and any(map(_has_access, expr.args)))


def _wrapped(expr: Expr, least: int) -> str:
    level = PRECEDENCE.get(expr.operator, ATOM) if isinstance(expr, Call) else ATOM
    fraction = isinstance(expr, Call) and expr.operator == "div" and _call(expr).startswith(r"\frac")
    return _latex(expr) if level >= least or fraction else rf"\left( {_latex(expr)} \right)"
