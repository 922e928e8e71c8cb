"""How a value changes when a value it was computed from is brought up to date.

If x was computed with an older generation of a running value, then a *correction* turns it into what it would be with
the newer one, without computing it again: a factor, or a summand. The rules are those of homomorphisms: a summand
passes through +, - and turns into a factor under exp; factors multiply through *, / and turn into a summand under log.
"""

from dataclasses import dataclass

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, accesses, walk


@dataclass(frozen=True)
class Correction:
    """The factor and the summand that bring a value up to date; ``None`` where there is no such form."""

    factor: Expr | None
    summand: Expr | None

    @property
    def trivial(self) -> bool:
        """Whether the value does not change."""
        return self.factor == Number(1) and self.summand == Number(0)


UNCHANGED = Correction(Number(1), Number(0))
NONE = Correction(None, None)


def replaced_value(new: Expr, old: Expr) -> Correction:
    """Return the correction of a running value itself."""
    return Correction(times(new, over(old)), minus(new, old))


def correction(expr: Expr, known: "dict[str, Correction]") -> Correction:
    """Return the correction of an expression, given those of the tensors it reads."""
    if isinstance(expr, Access):
        return known.get(expr.tensor, UNCHANGED)
    if not isinstance(expr, Call) or not accesses(expr):
        return UNCHANGED
    parts = [correction(arg, known) for arg in expr.args]
    if all(part.trivial for part in parts):
        return UNCHANGED
    rule = RULES.get(expr.operator)
    return NONE if rule is None else rule(expr, parts)


def divisors(amount: Expr) -> tuple[str, ...]:
    """Return the tensors that a factor or summand divides by."""
    below = (node.args[1] for node in walk(amount) if isinstance(node, Call) and node.operator == "div")
    return tuple(dict.fromkeys(access.tensor for divisor in below for access in accesses(divisor)))


def _sum(_expr: Call, parts: list[Correction]) -> Correction:
    a, b = parts
    common = a.factor if a.factor == b.factor else None
    return Correction(common, None if a.summand is None or b.summand is None else plus(a.summand, b.summand))


def _difference(_expr: Call, parts: list[Correction]) -> Correction:
    a, b = parts
    common = a.factor if a.factor == b.factor else None
    return Correction(common, None if a.summand is None or b.summand is None else minus(a.summand, b.summand))


def _product(_expr: Call, parts: list[Correction]) -> Correction:
    a, b = parts
    return Correction(None if a.factor is None or b.factor is None else times(a.factor, b.factor), None)


def _quotient(_expr: Call, parts: list[Correction]) -> Correction:
    a, b = parts
    return Correction(None if a.factor is None or b.factor is None else times(a.factor, over(b.factor)), None)


def _negative(_expr: Call, parts: list[Correction]) -> Correction:
    (a,) = parts
    return Correction(a.factor, None if a.summand is None else minus(Number(0), a.summand))


def _exponential(_expr: Call, parts: list[Correction]) -> Correction:
    (a,) = parts
    return Correction(None if a.summand is None else Call("exp", (a.summand,)), None)


def _logarithm(_expr: Call, parts: list[Correction]) -> Correction:
    (a,) = parts
    return Correction(None, None if a.factor is None else Call("log", (a.factor,)))


def _root(expr: Call, parts: list[Correction]) -> Correction:
    (a,) = parts
    return Correction(None if a.factor is None else Call(expr.operator, (a.factor,)), None)


def _power(expr: Call, parts: list[Correction]) -> Correction:
    base, exponent = parts
    if base.factor is None or not exponent.trivial:
        return NONE
    return Correction(Call("pow", (base.factor, expr.args[1])), None) if not accesses(expr.args[1]) else NONE


def _extreme(_expr: Call, parts: list[Correction]) -> Correction:
    a, b = parts
    return Correction(None, a.summand if a.summand == b.summand else None)


RULES = {
    "add": _sum,
    "sub": _difference,
    "mul": _product,
    "div": _quotient,
    "neg": _negative,
    "exp": _exponential,
    "log": _logarithm,
    "sqrt": _root,
    "abs": _root,
    "pow": _power,
    "max": _extreme,
    "min": _extreme,
}


# ---- arithmetic that keeps expressions short


def times(a: Expr, b: Expr) -> Expr:
    """Return a * b, without ones, and with a division where b is one over something."""
    if a == Number(1):
        return b
    if b == Number(1):
        return a
    if isinstance(b, Call) and b.operator == "div" and b.args[0] == Number(1):
        return Call("div", (a, b.args[1]))
    return Call("mul", (a, b))


def over(a: Expr) -> Expr:
    """Return 1 / a; a quotient is turned round."""
    if a == Number(1):
        return a
    if isinstance(a, Call) and a.operator == "div":
        return times(a.args[1], over(a.args[0])) if a.args[0] != Number(1) else a.args[1]
    return Call("div", (Number(1), a))


def plus(a: Expr, b: Expr) -> Expr:
    """Return a + b, without zeros."""
    return b if a == Number(0) else a if b == Number(0) else Call("add", (a, b))


def minus(a: Expr, b: Expr) -> Expr:
    """Return a - b, without zeros; 0 - (x - y) is y - x."""
    if b == Number(0):
        return a
    if a == Number(0) and isinstance(b, Call) and b.operator == "sub":
        return Call("sub", (b.args[1], b.args[0]))
    return Call("sub", (a, b)) if a != Number(0) else Call("neg", (b,))
