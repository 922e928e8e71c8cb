"""Operators that a cascade text defines for itself.

``operator softcap(x) = 50 * tanh(x / 50)`` is a map operator; ``operator lse(a, b) = ...  identity -inf`` is
associative with a neutral element, so it also reduces: ``L[p] = QK[m, p]  lse m``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var, walk
from attnscope.einsum_cascade.operators import COMPARISONS, OPERATORS, REDUCERS, Array, Operator, Reducer, fold_pairs
from attnscope.einsum_cascade.spans import Span, refusal
from attnscope.errors import did_you_mean


@dataclass(frozen=True)
class Definition:
    """An operator defined in a cascade text.

    Attributes:
        name: lower-case word.
        parameters: names of the operands.
        expression: numbers, operands, and operators known before it.
        identity: neutral element of an associative binary operator that may reduce.
    """

    name: str
    parameters: tuple[str, ...]
    expression: Expr
    identity: float | None = None
    span: Span | None = field(default=None, compare=False, repr=False)

    def operator(self, known: Mapping[str, Operator]) -> Operator:
        """Return it as a map operator; ``known`` holds those defined before it."""

        def apply(*operands: Array) -> Array:
            return _applied(self.expression, dict(zip(self.parameters, operands, strict=True)), known)

        return Operator(self.name, len(self.parameters), apply)

    def reducer(self, known: Mapping[str, Operator]) -> Reducer | None:
        """Return it as a reduce operator, where it has an identity."""
        if self.identity is None:
            return None
        return Reducer(self.name, self.name, self.identity, fold_pairs(self.operator(known).apply, self.identity))


def _applied(expr: Expr, operands: Mapping[str, Array], known: Mapping[str, Operator]) -> Array:
    if isinstance(expr, Call):
        operator = known.get(expr.operator) or OPERATORS[expr.operator]
        return operator.apply(*(_applied(arg, operands, known) for arg in expr.args))
    if isinstance(expr, Var):
        return operands[expr.name]
    assert isinstance(expr, Number)
    like: Any = next(iter(operands.values())).dtype
    return np.asarray(expr.value, like)


def check_definitions(definitions: tuple[Definition, ...]) -> None:
    """Refuse a definition that breaks a rule.

    Raises:
        CascadeError: the name is taken, an operand is unknown, or an identity stands without two operands.
    """
    known = set(OPERATORS)
    for definition in definitions:
        if definition.name in known or definition.name in REDUCERS:
            raise refusal(f"operator {definition.name!r} exists already; choose another name", definition)
        if not definition.name.islower():
            raise refusal(f"operator {definition.name!r} must be lower case", definition)
        if definition.identity is not None and len(definition.parameters) != 2:
            raise refusal(f"operator {definition.name!r} has an identity, so it must take two operands", definition)
        for node in reversed(list(walk(definition.expression))):
            _check_node(definition, node, known)
        known.add(definition.name)


def _check_node(definition: Definition, node: Expr, known: set[str]) -> None:
    if isinstance(node, Access | Size):
        raise refusal(f"operator {definition.name!r} may use only its operands and numbers", node)
    if isinstance(node, Var) and node.name not in definition.parameters:
        near = did_you_mean(node.name, definition.parameters)
        raise refusal(f"{node.name!r} is no operand of {definition.name!r}.{near}", node)
    if isinstance(node, Call) and (node.operator not in known or node.operator in COMPARISONS):
        near = did_you_mean(node.operator, known)
        raise refusal(f"no operator named {node.operator!r} at this place.{near}", node)
