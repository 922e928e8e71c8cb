"""From a cascade to its canonical text; ``parse(to_text(cascade)) == cascade``."""

from attnscope.einsum_cascade.definitions import Definition
from attnscope.einsum_cascade.einsum import Claim, Einsum
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.operators import INFIX

PRECEDENCE = {
    "or": 0,
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), 1),
    **dict.fromkeys(("add", "sub"), 2),
    **dict.fromkeys(("mul", "div", "floordiv", "mod"), 3),
    "neg": 4,
    "pow": 5,
}
ATOM = 6


def number_text(value: float) -> str:
    """Return ``2`` for 2.0, ``-inf`` for minus infinity, the shortest exact decimal otherwise."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def expression_text(expr: Expr) -> str:
    """Return an expression with no more parentheses than it needs."""
    return _text(expr)[0]


def _text(expr: Expr) -> tuple[str, int]:
    if isinstance(expr, Number):
        return number_text(expr.value), ATOM if expr.value >= 0 else PRECEDENCE["neg"]
    if isinstance(expr, Var):
        return expr.name, ATOM
    if isinstance(expr, Size):
        return expr.rank, ATOM
    if isinstance(expr, Access):
        return f"{expr.tensor}[{', '.join(map(index_text, expr.indices))}]", ATOM
    return _call_text(expr)


def _call_text(call: Call) -> tuple[str, int]:
    level = PRECEDENCE.get(call.operator, ATOM)
    if call.operator == "neg":
        return f"-{_wrapped(call.args[0], level)}", level
    if call.operator in INFIX:
        left_level, right_level = (level, level + 1) if call.operator != "pow" else (level + 1, PRECEDENCE["neg"])
        left, right = _wrapped(call.args[0], left_level), _wrapped(call.args[1], right_level)
        return f"{left} {INFIX[call.operator]} {right}", level
    return f"{call.operator}({', '.join(map(expression_text, call.args))})", ATOM


def _wrapped(expr: Expr, least: int) -> str:
    text, level = _text(expr)
    return text if level >= least else f"({text})"


def index_text(index: Expr) -> str:
    """Return an index, tight where it is a shifted variable: ``m1+1``."""
    text = expression_text(index)
    return text.replace(" ", "") if isinstance(index, Call) and index.operator in ("add", "sub") else text


def conditions_text(where: tuple[Expr, ...]) -> str:
    """Return the ``where`` clause, or an empty string."""
    return "where " + ", ".join(map(expression_text, where)) if where else ""


def einsum_clauses(einsum: Einsum) -> tuple[str, str, str]:
    """Return the left side, the expression, and the clauses after it."""
    left = f"{einsum.name}[{', '.join(map(index_text, einsum.indices))}]"
    clauses = [f"{r.operator} {', '.join(var.name for var in r.indices)}" for r in einsum.reductions]
    clauses += [conditions_text(einsum.where)] if einsum.where else []
    if einsum.initial is not None:
        clauses.append(f"{einsum.name}[0] = {expression_text(einsum.initial)}")
    return left, expression_text(einsum.expression), "  ".join(clauses)


def einsum_text(einsum: Einsum) -> str:
    """Return one Einsum on one line, without its comment."""
    left, right, clauses = einsum_clauses(einsum)
    return f"{left} = {right}" + (f"  {clauses}" if clauses else "")


def comment_text(comment: str) -> list[str]:
    """Return the lines of a comment."""
    return [f"# {line}".rstrip() for line in comment.split("\n")] if comment else []


def definition_text(definition: Definition) -> str:
    """Return the ``operator`` line."""
    operands = ", ".join(definition.parameters)
    identity = "" if definition.identity is None else f"  identity {number_text(definition.identity)}"
    return f"operator {definition.name}({operands}) = {expression_text(definition.expression)}{identity}"


def claim_text(claim: Claim) -> str:
    """Return the ``equals`` line."""
    arguments = f"({', '.join(claim.arguments)})" if claim.arguments else ""
    over = f" over {', '.join(rank.lower() for rank in claim.over)}" if claim.over else ""
    return f"equals  {claim.reference}{arguments}{over} {conditions_text(claim.where)}".rstrip()


def to_text(cascade: Cascade) -> str:
    """Return the canonical text: comment, header lines, then the Einsums with '=' and clauses aligned."""
    lines = [*comment_text(cascade.doc), f"cascade {cascade.name}"]
    lines += [f"source  {cascade.source}"] if cascade.source else []
    lines += [f"ranks   {', '.join(map(str, cascade.ranks))}"] if cascade.ranks else []
    if cascade.declared_inputs:
        declared = (expression_text(a) if a.indices else a.tensor for a in cascade.declared_inputs)
        lines.append(f"inputs  {', '.join(declared)}")
    lines += [definition_text(definition) for definition in cascade.definitions]
    lines += [f"outputs {', '.join(cascade.declared_outputs)}"] if cascade.declared_outputs else []
    lines += [claim_text(cascade.claim)] if cascade.claim else []
    return "\n".join([*lines, "", *_einsum_lines(cascade), *comment_text(cascade.closing)]) + "\n"


def _einsum_lines(cascade: Cascade) -> list[str]:
    rows = [einsum_clauses(einsum) for einsum in cascade.einsums]
    left = max(len(row[0]) for row in rows)
    right = max((len(row[1]) for row in rows if row[2]), default=0)
    lines: list[str] = []
    for einsum, row in zip(cascade.einsums, rows, strict=True):
        lines += comment_text(einsum.doc)
        lines.append(f"{row[0]:<{left}} = {row[1]:<{right}}  {row[2]}".rstrip())
    return lines
