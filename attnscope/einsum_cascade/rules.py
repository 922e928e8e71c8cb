"""The rules of the language for one Einsum."""

from collections.abc import Iterator

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Call, Expr, Size, Var, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import flat_variable
from attnscope.einsum_cascade.operators import COMPARISONS, OPERATORS, REDUCERS
from attnscope.einsum_cascade.spans import Placed, refusal
from attnscope.einsum_cascade.text import expression_text, index_text
from attnscope.errors import did_you_mean


class EinsumRules:
    """The rules for one Einsum."""

    def __init__(self, cascade: Cascade, einsum: Einsum) -> None:
        self.cascade, self.einsum = cascade, einsum
        self.right = (einsum.expression, *einsum.where)

    def check(self) -> None:
        """Refuse the Einsum if it breaks a rule."""
        self.left_side()
        for expr in (*self.einsum.indices, *self.right, *self._initial()):
            self.nodes(expr)
        self.reductions()
        self.mixed_parts()
        self.values()
        self.definitions()
        self.start_value()

    def _initial(self) -> tuple[Expr, ...]:
        return () if self.einsum.initial is None else (self.einsum.initial,)

    def left_side(self) -> None:
        """Check that the left side has plain indices, or one `v+1`."""
        einsum = self.einsum
        for index in einsum.indices:
            pair = shifted(index)
            if pair is None or pair[1] not in (0, 1):
                raise refusal(
                    f"{index_text(index)!r} cannot stand on the left: write an index such as 'm', "
                    "or 'm+1' for an iterative rank",
                    index.span or einsum.span,
                )
        names = [var.name for var in einsum.written]
        if len(set(names)) < len(names):
            raise refusal(f"an index stands twice on the left of {einsum.name}; write 'm' and \"m'\"", einsum)
        if sum(pair[1] for pair in map(shifted, einsum.indices) if pair) > 1:
            raise refusal(f"{einsum.name} has two iterative ranks; a recurrence steps over one", einsum)

    def nodes(self, expr: Expr) -> None:
        """Check that every index, length and operator exists."""
        for node in walk(expr):
            if isinstance(node, Var):
                self.declared(node.rank, node.name, node)
            elif isinstance(node, Size):
                self.size(node)
            elif isinstance(node, Call):
                self.call(node)

    def declared(self, rank: str, shown: str, at: Placed) -> None:
        """Check that a rank is declared."""
        known = self.cascade.rank_names
        if rank not in known:
            spelled = [name.lower() for name in known] if shown.islower() or shown.endswith("'") else list(known)
            listed = ", ".join(known) or "none"
            raise refusal(f"rank {shown!r} is not declared.{did_you_mean(shown, spelled)} Declared: {listed}.", at)

    def size(self, node: Size) -> None:
        """Check that a bare upper-case name is a rank."""
        if node.rank in self.cascade.by_name:
            raise refusal(f"tensor {node.rank!r} needs its indices here, as in '{node.rank}[m, p]'", node)
        self.declared(node.rank, node.rank, node)

    def call(self, node: Call) -> None:
        """Check that an operator exists and has its operands."""
        known = {**OPERATORS, **self.cascade.operators}
        if node.operator not in known:
            near = did_you_mean(node.operator, known)
            mend = f"Define it with a line 'operator {node.operator}(x) = ...'."
            raise refusal(f"no operator named {node.operator!r}.{near} {mend}", node)
        arity = known[node.operator].arity
        if len(node.args) != arity:
            raise refusal(f"operator {node.operator!r} takes {arity} operands, {len(node.args)} are given", node)

    def reductions(self) -> None:
        """Check that every index is either written or reduced, and reduced once."""
        einsum, known = self.einsum, {**REDUCERS, **self.cascade.reducers}
        present = {node for expr in self.right for node in walk(expr) if isinstance(node, Var)}
        for reduction in einsum.reductions:
            if reduction.operator not in known:
                near = did_you_mean(reduction.operator, known)
                raise refusal(
                    f"no reduce operator named {reduction.operator!r}.{near} Known: {', '.join(sorted(known))}.",
                    reduction,
                )
            for var in reduction.indices:
                self.declared(var.rank, var.name, var)
                if var in einsum.written:
                    raise refusal(f"index {var.name!r} is reduced, yet {einsum.name} is written over it", var)
                if var not in present:
                    raise refusal(f"index {var.name!r} is reduced, but nothing on the right runs over it", var)
                if einsum.folded.count(var) > 1:
                    raise refusal(f"index {var.name!r} is reduced twice", var)
        for var in einsum.variables:
            if var not in einsum.written and var not in einsum.folded:
                raise refusal(
                    f"index {var.name!r} is on the right of {einsum.name} only: say how it is reduced, "
                    f"as in 'sum {var.name}'",
                    var,
                )

    def mixed_parts(self) -> None:
        """Check that a rank and its parts are not both indices."""
        labels = {var.rank: var for var in self.einsum.variables}
        for rank, var in labels.items():
            clash = next((part for part in self._all_parts(rank) if part in labels), None)
            if clash is not None:
                raise refusal(
                    f"{var.name!r} and its part {clash.lower()!r} index the same Einsum; use the parts alone",
                    var.span or self.einsum.span,
                )

    def _all_parts(self, rank: str) -> Iterator[str]:
        for part in self.cascade.partitions.get(rank, ()):
            yield part
            yield from self._all_parts(part)

    def values(self) -> None:
        """Indices used as numbers (``m <= p``) must be given by the iteration space."""
        for expr in self.right:
            for var in _value_variables(expr):
                known = var in self.einsum.variables
                if not known and flat_variable(self.cascade, var.name, self.einsum.variables) is None:
                    near = did_you_mean(var.name, [v.name for v in self.einsum.variables])
                    raise refusal(f"{self.einsum.name} does not run over {var.name!r}.{near}", var)
        comparisons = (n for n in walk(self.einsum.expression) if isinstance(n, Call) and n.operator in COMPARISONS)
        for node in comparisons:
            raise refusal(f"a comparison belongs in a condition: 'where {expression_text(node)}'", node)

    def definitions(self) -> None:
        """Check that what is read is written by some Einsum or is an input."""
        declared = {access.tensor for access in self.cascade.declared_inputs}
        for access in self.einsum.reads:
            if declared and access.tensor not in declared and access.tensor not in self.cascade.by_name:
                near = did_you_mean(access.tensor, (*declared, *self.cascade.by_name))
                raise refusal(
                    f"{access.tensor!r} is used before its definition: no Einsum writes it and it is no input.{near}",
                    access,
                )

    def start_value(self) -> None:
        """Check that an iterative tensor, and only that, has a start value."""
        einsum = self.einsum
        if einsum.iterative is not None and einsum.initial is None:
            raise refusal(
                f"{einsum.name} is iterative over {einsum.iterative.name!r} and has no start value: "
                f"add '{einsum.name}[0] = ...' (0 for a sum, -inf for a max)",
                einsum,
            )
        allowed = [var for var in einsum.written if var != einsum.iterative]
        for expr in self._initial():
            for node in walk(expr):
                if isinstance(node, Var) and node not in allowed:
                    raise refusal(f"the start value of {einsum.name} may not run over {node.name!r}", node)


def _value_variables(expr: Expr) -> Iterator[Var]:
    if isinstance(expr, Var):
        yield expr
    elif isinstance(expr, Call):
        for arg in expr.args:
            yield from _value_variables(arg)
