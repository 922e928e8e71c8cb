"""What a cascade is made of: ranks, reductions, Einsums, and the claim it makes.

Terms follow FuseMax (MICRO'24, section II) and EDGE (arXiv 2404.11591): a *rank* is a named dimension, an *Einsum*
defines a tensor over an iteration space by map and reduce actions, a *cascade* is a graph of Einsums.
"""

from dataclasses import dataclass, field
from functools import cached_property

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var, accesses, shifted, walk
from attnscope.einsum_cascade.operators import REDUCERS
from attnscope.einsum_cascade.spans import Span


@dataclass(frozen=True)
class Rank:
    """A declared rank; ``parts`` names what it is partitioned into, outermost first: M = M1 * M0."""

    name: str
    parts: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name} = {' * '.join(self.parts)}" if self.parts else self.name


@dataclass(frozen=True)
class Reduction:
    """A reduce action: an operator and the index variables it folds away."""

    operator: str
    indices: tuple[Var, ...]
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Einsum:
    """One Einsum: ``RM[m1+1, p] = max(RM[m1, p], LM[m1, p])   RM[0] = -inf``.

    Attributes:
        name: the tensor it writes.
        indices: index expressions on the left, variables or (iterative rank) ``v+1``.
        expression: the map actions.
        reductions: the reduce actions, applied left to right.
        where: conditions every point of the iteration space must meet.
        initial: value of generation 0 of an iterative tensor.
        doc: the comment above it.
    """

    name: str
    indices: tuple[Expr, ...]
    expression: Expr
    reductions: tuple[Reduction, ...] = ()
    where: tuple[Expr, ...] = ()
    initial: Expr | None = None
    doc: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)

    @cached_property
    def written(self) -> tuple[Var, ...]:
        """Index variables on the left, in order."""
        return tuple(pair[0] for pair in map(shifted, self.indices) if pair)

    @cached_property
    def iterative(self) -> Var | None:
        """The variable of the iterative (generative) rank, ``m1`` where ``RM[m1+1, p]`` is written."""
        return next((pair[0] for pair in map(shifted, self.indices) if pair and pair[1] == 1), None)

    @cached_property
    def step_position(self) -> int:
        """Position of the iterative rank among the written ones, -1 where there is none."""
        return self.written.index(self.iterative) if self.iterative is not None else -1

    @cached_property
    def folded(self) -> tuple[Var, ...]:
        """Index variables that are reduced away, in order."""
        return tuple(var for reduction in self.reductions for var in reduction.indices)

    @cached_property
    def produced(self) -> Var | None:
        """The new rank along which a ranked reduction (``top``, ``argtop``) puts what it keeps."""
        if not any(REDUCERS[r.operator].ranked for r in self.reductions if r.operator in REDUCERS):
            return None
        present = {node for expr in (self.expression, *self.where) for node in walk(expr)}
        return next((var for var in self.written if var not in present), None)

    @cached_property
    def variables(self) -> tuple[Var, ...]:
        """Index variables of the iteration space: the left side's, then the others in order of appearance."""
        reads = (node for expr in (self.expression, *self.where) for node in accesses(expr))
        used = (node for read in reads for index in read.indices for node in walk(index))
        left = (var for var in self.written if var != self.produced)
        return tuple(dict.fromkeys((*left, *(node for node in used if isinstance(node, Var)), *self.folded)))

    @cached_property
    def ranks(self) -> tuple[str, ...]:
        """Ranks of the iteration space: those of the written tensor, then the reduced ones."""
        return tuple(var.label for var in self.variables)

    @cached_property
    def reduced(self) -> tuple[str, ...]:
        """Ranks that are reduced away."""
        return tuple(var.label for var in self.folded)

    @cached_property
    def reads(self) -> tuple[Access, ...]:
        """Elements it reads, each once: expression first, then conditions, then the initial value."""
        exprs = (self.expression, *self.where, *((self.initial,) if self.initial is not None else ()))
        return tuple(dict.fromkeys(access for expr in exprs for access in accesses(expr)))

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """Scalar operators applied per point: map operators innermost first, then the reduce operators.

        Multiplying or dividing by a constant of the cascade, as in ``/ sqrt(E)``, is a scale that is folded into an
        operand beforehand; arithmetic on indices is addressing; ``default`` only fills in. None of these is counted.
        """
        calls = (node for node in walk(self.expression) if isinstance(node, Call) and accesses(node))
        return (*(c.operator for c in calls if not _is_scale(c)), *(r.operator for r in self.reductions))

    def __str__(self) -> str:
        from attnscope.einsum_cascade.text import einsum_text

        return einsum_text(self)


@dataclass(frozen=True)
class Claim:
    """``equals softmax-attention(Q, K, V) where m <= p``: the reference a cascade says it equals.

    Attributes:
        reference: name of a reference function or of another cascade.
        arguments: the tensors that take its roles, in order.
        where: visibility, in the cascade's own ranks.
        over: ranks the reference normalises over, where it needs to be told.
    """

    reference: str
    arguments: tuple[str, ...] = ()
    where: tuple[Expr, ...] = ()
    over: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


def index_rank(index: Expr) -> str:
    """Return the rank an index runs over, or an empty string where it cannot be told from the index alone."""
    pair = shifted(index)
    return pair[0].rank if pair else index.rank if isinstance(index, Size) else ""


def is_constant(expr: Expr) -> bool:
    """Whether ``expr`` is made of numbers and rank lengths alone."""
    return all(isinstance(node, Number | Size | Call) for node in walk(expr))


def _is_scale(call: Call) -> bool:
    if call.operator in ("mul", "default"):
        return any(is_constant(arg) for arg in call.args)
    return call.operator == "div" and is_constant(call.args[1])
