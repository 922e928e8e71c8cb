"""A cascade as JSON, and back: ``from_json(to_json(cascade)) == cascade``.

Expressions are trees: ``{"call": "exp", "args": [...]}``, ``{"tensor": "QK", "indices": [...]}``, ``{"index": "m1"}``,
``{"length": "E"}``, numbers as they are, infinities as ``"inf"`` and ``"-inf"``.
"""

import json
from collections.abc import Mapping
from typing import Any

from attnscope.einsum_cascade.definitions import Definition
from attnscope.einsum_cascade.einsum import Claim, Einsum, Rank, Reduction
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.text import einsum_text
from attnscope.errors import CascadeError

FORMAT = "attnscope-cascade-1"


def to_json(cascade: Cascade) -> str:
    """Return the cascade as indented JSON, with the text of each Einsum for readers."""
    return json.dumps(to_dict(cascade), indent=2) + "\n"


def from_json(text: str) -> Cascade:
    """Return the cascade that :func:`to_json` wrote.

    Raises:
        CascadeError: the text is no JSON of that form, or the cascade breaks a rule.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise CascadeError(f"no JSON: {error.msg}", source="<json>", line=error.lineno, column=error.colno) from error
    return from_dict(data)


def to_dict(cascade: Cascade) -> dict[str, Any]:
    """Return the cascade as JSON-ready values."""
    return {
        "format": FORMAT,
        "name": cascade.name,
        "doc": cascade.doc,
        "source": cascade.source,
        "ranks": [{"name": rank.name, "parts": list(rank.parts)} for rank in cascade.ranks],
        "inputs": list(cascade.inputs),
        "outputs": list(cascade.outputs),
        "declared_inputs": [_tree(access) for access in cascade.declared_inputs],
        "declared_outputs": list(cascade.declared_outputs),
        "claim": _claim_tree(cascade.claim),
        "einsums": [_einsum_tree(einsum) for einsum in cascade.einsums],
        "closing": cascade.closing,
        "definitions": [_definition_tree(definition) for definition in cascade.definitions],
    }


def from_dict(data: Mapping[str, Any]) -> Cascade:
    """Return the cascade that :func:`to_dict` described."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise CascadeError(f'not a cascade: expected an object with "format": "{FORMAT}"', source="<json>")
    try:
        return Cascade(
            name=data["name"],
            ranks=tuple(Rank(rank["name"], tuple(rank["parts"])) for rank in data["ranks"]),
            einsums=tuple(map(_einsum, data["einsums"])),
            doc=data["doc"],
            source=data["source"],
            declared_inputs=tuple(map(_access, data["declared_inputs"])),
            declared_outputs=tuple(data["declared_outputs"]),
            claim=_claim(data["claim"]),
            closing=data["closing"],
            definitions=tuple(map(_definition, data["definitions"])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CascadeError(f"not a cascade: {error!r} in its JSON", source="<json>") from error


def _tree(expr: Expr) -> Any:
    if isinstance(expr, Number):
        finite = float("-inf") < expr.value < float("inf")
        return expr.value if finite else str(expr.value)
    if isinstance(expr, Var):
        return {"index": expr.name}
    if isinstance(expr, Size):
        return {"length": expr.rank}
    if isinstance(expr, Access):
        return {"tensor": expr.tensor, "indices": [_tree(index) for index in expr.indices]}
    return {"call": expr.operator, "args": [_tree(arg) for arg in expr.args]}


def _expr(tree: Any) -> Expr:
    if isinstance(tree, str | int | float):
        return Number(float(tree) if isinstance(tree, str) else tree)
    if "index" in tree:
        return Var(tree["index"])
    if "length" in tree:
        return Size(tree["length"])
    if "tensor" in tree:
        return _access(tree)
    return Call(tree["call"], tuple(map(_expr, tree["args"])))


def _access(tree: Mapping[str, Any]) -> Access:
    return Access(tree["tensor"], tuple(map(_expr, tree["indices"])))


def _einsum_tree(einsum: Einsum) -> dict[str, Any]:
    return {
        "name": einsum.name,
        "text": einsum_text(einsum),
        "doc": einsum.doc,
        "ranks": list(einsum.ranks),
        "operators": list(einsum.operators),
        "indices": [_tree(index) for index in einsum.indices],
        "expression": _tree(einsum.expression),
        "reductions": [{"operator": r.operator, "indices": [v.name for v in r.indices]} for r in einsum.reductions],
        "where": [_tree(condition) for condition in einsum.where],
        "initial": None if einsum.initial is None else _tree(einsum.initial),
    }


def _einsum(tree: Mapping[str, Any]) -> Einsum:
    return Einsum(
        tree["name"],
        tuple(map(_expr, tree["indices"])),
        _expr(tree["expression"]),
        tuple(Reduction(r["operator"], tuple(map(Var, r["indices"]))) for r in tree["reductions"]),
        tuple(map(_expr, tree["where"])),
        None if tree["initial"] is None else _expr(tree["initial"]),
        tree["doc"],
    )


def _definition_tree(definition: Definition) -> dict[str, Any]:
    identity = None if definition.identity is None else _tree(Number(definition.identity))
    parameters = list(definition.parameters)
    return {
        "name": definition.name,
        "parameters": parameters,
        "expression": _tree(definition.expression),
        "identity": identity,
    }


def _definition(tree: Mapping[str, Any]) -> Definition:
    identity = None if tree["identity"] is None else float(tree["identity"])
    return Definition(tree["name"], tuple(tree["parameters"]), _expr(tree["expression"]), identity)


def _claim_tree(claim: Claim | None) -> dict[str, Any] | None:
    if claim is None:
        return None
    where = [_tree(condition) for condition in claim.where]
    return {"reference": claim.reference, "arguments": list(claim.arguments), "where": where, "over": list(claim.over)}


def _claim(tree: Mapping[str, Any] | None) -> Claim | None:
    if tree is None:
        return None
    where = tuple(map(_expr, tree["where"]))
    return Claim(tree["reference"], tuple(tree["arguments"]), where, tuple(tree["over"]))
