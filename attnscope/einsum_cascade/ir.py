"""The cascade itself: declared ranks, Einsums, and what follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from attnscope.einsum_cascade.definitions import Definition
from attnscope.einsum_cascade.einsum import Claim, Einsum, Rank, index_rank
from attnscope.einsum_cascade.expressions import Access
from attnscope.einsum_cascade.operators import OPERATORS, REDUCERS, Operator, Reducer
from attnscope.errors import UnknownNameError

if TYPE_CHECKING:
    from attnscope.einsum_cascade.order import Stage


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
    def stages(self) -> "tuple[Stage, ...]":
        """The Einsums in an order that can be executed; see :func:`attnscope.einsum_cascade.order.stages`."""
        from attnscope.einsum_cascade.order import find_stages

        return find_stages(self)

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
