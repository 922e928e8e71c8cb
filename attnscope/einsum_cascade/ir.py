"""The frozen values a cascade is made of: ranks, Einsums, the claim it makes, the cascade itself.

Terms follow FuseMax (MICRO'24, section II) and EDGE (arXiv 2404.11591): a *rank* is a named dimension, an *Einsum*
defines a tensor over an iteration space by map and reduce actions, a *cascade* is a graph of Einsums.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from attnscope.einsum_cascade.definitions import Definition
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var, accesses, shifted, walk
from attnscope.einsum_cascade.operators import OPERATORS, REDUCERS, Operator, Reducer
from attnscope.einsum_cascade.spans import Span
from attnscope.errors import UnknownNameError


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


@dataclass(frozen=True)
class Cascade:
    """A cascade of Einsums; valid by construction (every rule of the language is checked when it is made).

    Attributes:
        name: its name.
        ranks: declared ranks, with their partitions.
        einsums: the Einsums in text order.
        doc: the comment at its head.
        source: where it was published.
        declared_inputs: the ``inputs`` line, empty where there is none.
        declared_outputs: the ``outputs`` line, empty where there is none.
        claim: the reference it says it equals.
        closing: comment after the last Einsum.
        definitions: the operators it defines for itself.
    """

    name: str
    ranks: tuple[Rank, ...]
    einsums: tuple[Einsum, ...]
    doc: str = ""
    source: str = ""
    declared_inputs: tuple[Access, ...] = ()
    declared_outputs: tuple[str, ...] = ()
    claim: Claim | None = None
    closing: str = ""
    definitions: tuple[Definition, ...] = ()

    def __post_init__(self) -> None:
        from attnscope.einsum_cascade.validate import validate

        validate(self)

    @cached_property
    def by_name(self) -> dict[str, Einsum]:
        """The Einsum that writes each tensor."""
        return {einsum.name: einsum for einsum in self.einsums}

    @cached_property
    def operators(self) -> dict[str, Operator]:
        """The map operators that the cascade defines for itself."""
        found: dict[str, Operator] = {}
        for definition in self.definitions:
            found[definition.name] = definition.operator(dict(found))
        return found

    @cached_property
    def reducers(self) -> dict[str, Reducer]:
        """The reduce operators that the cascade defines for itself."""
        found = (definition.reducer(self.operators) for definition in self.definitions)
        return {reducer.name: reducer for reducer in found if reducer is not None}

    def operator(self, name: str) -> Operator:
        """Return a map operator, the cascade's own or a general one."""
        return self.operators[name] if name in self.operators else OPERATORS[name]

    def reducer(self, name: str) -> Reducer:
        """Return a reduce operator, the cascade's own or a general one."""
        return self.reducers[name] if name in self.reducers else REDUCERS[name]

    def einsum(self, name: str) -> Einsum:
        """Return the Einsum that writes ``name``; an unknown name is refused with the nearest one."""
        if name not in self.by_name:
            raise UnknownNameError("Einsum", name, self.by_name, self.name)
        return self.by_name[name]

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Tensors that no Einsum writes, in the declared order or in order of first use."""
        if self.declared_inputs:
            return tuple(access.tensor for access in self.declared_inputs)
        read = (access.tensor for einsum in self.einsums for access in einsum.reads)
        return tuple(dict.fromkeys(tensor for tensor in read if tensor not in self.by_name))

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Declared outputs, or the tensors that no other Einsum reads."""
        if self.declared_outputs:
            return self.declared_outputs
        read = {a.tensor for einsum in self.einsums for a in einsum.reads if a.tensor != einsum.name}
        return tuple(name for name in self.by_name if name not in read)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """All tensors: inputs, then the written ones in text order."""
        return (*self.inputs, *self.by_name)

    @cached_property
    def partitions(self) -> dict[str, tuple[str, ...]]:
        """Parts of each partitioned rank, outermost first."""
        return {rank.name: rank.parts for rank in self.ranks if rank.parts}

    @cached_property
    def rank_names(self) -> tuple[str, ...]:
        """Every declared rank, parts included, in order."""
        return tuple(dict.fromkeys(name for rank in self.ranks for name in (rank.name, *rank.parts)))

    @cached_property
    def layouts(self) -> dict[str, tuple[str, ...]]:
        """Ranks of each tensor in the order they are stored; see :meth:`tensor_ranks`."""
        return {name: self._layout(name) for name in self.tensors}

    def tensor_ranks(self, name: str) -> tuple[str, ...]:
        """Return the ranks of a tensor, upper case, in storage order.

        A written tensor has the ranks of its Einsum's left side. An input is stored whole: it is declared over M even
        where it is read as ``K[e, m1, m0]``.
        """
        if name not in self.layouts:
            raise UnknownNameError("tensor", name, self.tensors, self.name)
        return self.layouts[name]

    def leaves(self, rank: str) -> tuple[str, ...]:
        """Return the innermost parts of a rank, outermost first; the rank itself where it is not partitioned."""
        parts = self.partitions.get(rank)
        return tuple(leaf for part in parts for leaf in self.leaves(part)) if parts else (rank,)

    def merged(self, ranks: Iterable[str]) -> tuple[str, ...]:
        """Return ``ranks`` with every complete run of parts replaced by its partitioned rank: M1, M0 -> M."""
        out = tuple(ranks)
        for rank, parts in self.partitions.items():
            for i in range(len(out) - len(parts) + 1):
                if out[i : i + len(parts)] == parts:
                    return self.merged((*out[:i], rank, *out[i + len(parts) :]))
        return out

    def _layout(self, name: str) -> tuple[str, ...]:
        if name in self.by_name:
            return tuple(var.rank for var in self.by_name[name].written)
        declared = next((a for a in self.declared_inputs if a.tensor == name and a.indices), None)
        reads = (a for einsum in self.einsums for a in einsum.reads if a.tensor == name)
        access = declared or next(reads, None)
        indices = access.indices if access else ()
        return self.merged(index_rank(index) for index in indices)

    def __str__(self) -> str:
        from attnscope.einsum_cascade.text import to_text

        return to_text(self)


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
