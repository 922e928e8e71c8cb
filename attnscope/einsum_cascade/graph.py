"""The cascade as a graph of tensors: dependence, critical path, cheapest cut."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import dependences, stages, successors
from attnscope.einsum_cascade.sizes import resolve_sizes
from attnscope.einsum_cascade.text import einsum_text, index_text
from attnscope.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import networkx as nx


def to_graph(cascade: Cascade, *, carried: bool = True) -> "nx.DiGraph[str]":
    """Return a directed graph with a node for each tensor and an edge from what is read to what is written.

    Nodes carry ``kind`` (``input``, ``tensor`` or ``output``), ``ranks``, and for written tensors ``einsum`` (the
    text) and ``operators``; edges carry ``indices`` (how it is read) and ``carried`` (whether only the generation of
    the step before is read).

    Args:
        cascade: the cascade.
        carried: whether to draw carried reads; without them the graph has no cycle.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph(name=cascade.name)
    for name in cascade.tensors:
        kind = "input" if name in cascade.inputs else "output" if name in cascade.outputs else "tensor"
        graph.add_node(name, kind=kind, ranks=cascade.tensor_ranks(name))
    known = {(d.reader, d.access) for d in dependences(cascade) if d.carried}
    for einsum in cascade.einsums:
        graph.add_node(einsum.name, einsum=einsum_text(einsum), operators=einsum.operators)
        for access in einsum.reads:
            is_carried = (einsum.name, access) in known
            if carried or not is_carried:
                indices = ", ".join(map(index_text, access.indices))
                graph.add_edge(access.tensor, einsum.name, indices=indices, carried=is_carried)
    return graph


def topological_order(cascade: Cascade) -> tuple[str, ...]:
    """Return the Einsums in an order in which they can be computed (within a recurrence, in one step)."""
    return tuple(einsum.name for stage in stages(cascade) for einsum in stage.einsums)


@dataclass(frozen=True)
class Path:
    """A chain of Einsums, each needing the one before."""

    einsums: tuple[str, ...]
    weight: float

    def to_dict(self) -> dict[str, Any]:
        """Return the path as JSON-ready values."""
        return {"einsums": list(self.einsums), "weight": self.weight}

    def __str__(self) -> str:
        return f"{' -> '.join(self.einsums)} (weight {self.weight:g})"


def critical_path(cascade: Cascade, weights: Mapping[str, float] | None = None) -> Path:
    """Return the heaviest chain of dependent Einsums within one step of every recurrence.

    Args:
        cascade: the cascade.
        weights: weight of each Einsum; 1 where absent. Ties go to the Einsum first in text order.
    """
    readers = successors(cascade, carried=False)
    best: dict[str, Path] = {}
    for name in reversed(topological_order(cascade)):
        after = max((best[reader] for reader in readers[name]), key=lambda path: path.weight, default=Path((), 0.0))
        best[name] = Path((name, *after.einsums), float((weights or {}).get(name, 1.0)) + after.weight)
    return max((best[einsum.name] for einsum in cascade.einsums), key=lambda path: path.weight)


@dataclass(frozen=True)
class Cut:
    """The cheapest place to cut a cascade in two.

    Attributes:
        tensors: the tensors that cross the cut.
        elements: how many elements they have together.
        before: Einsums on the side of the inputs.
        after: Einsums on the other side.
    """

    tensors: tuple[str, ...]
    elements: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the cut as JSON-ready values."""
        return {
            "tensors": list(self.tensors),
            "elements": self.elements,
            "before": list(self.before),
            "after": list(self.after),
        }

    def __str__(self) -> str:
        sides = f"{', '.join(self.before)} | {', '.join(self.after)}"
        return f"{sides}: {', '.join(self.tensors)} cross, {self.elements:,} elements"


def min_cut(cascade: Cascade, sizes: Mapping[str, int], before: Iterable[str] = (), after: Iterable[str] = ()) -> Cut:
    """Return the cut that moves the fewest elements from one part of the cascade to the other.

    Whole tensors cross, each counted once however many read it. Recurrences are never cut.

    Args:
        cascade: the cascade.
        sizes: lengths of the ranks.
        before: Einsums that must be on the inputs' side; those that read inputs alone by default.
        after: Einsums that must be on the other side; those that write the outputs by default.

    Raises:
        UnknownNameError: an Einsum is unknown.
        UsageError: an Einsum that must come before needs one that must come after.
    """
    import networkx as nx

    found = resolve_sizes(cascade, sizes)
    first = set(before) or {e.name for e in cascade.einsums if all(a.tensor in cascade.inputs for a in e.reads)}
    last = set(after) or set(cascade.outputs)
    for name in sorted(first | last):
        if name not in cascade.by_name:
            raise UnknownNameError("Einsum", name, cascade.by_name, cascade.name)
    network: nx.DiGraph[str] = nx.DiGraph()
    for name in cascade.tensors:
        elements = math.prod(found[rank] for rank in cascade.tensor_ranks(name))
        network.add_edge(f"make {name}", f"use {name}", capacity=float(elements))
    for einsum in cascade.einsums:
        for access in einsum.reads:
            network.add_edge(f"use {access.tensor}", f"make {einsum.name}")
            network.add_edge(f"make {einsum.name}", f"make {access.tensor}")  # nothing flows back over the cut
    for stage in stages(cascade):
        for left, right in zip(stage.einsums, stage.einsums[1:], strict=False):
            network.add_edge(f"make {left.name}", f"make {right.name}")
            network.add_edge(f"make {right.name}", f"make {left.name}")
    for name in sorted(first):
        network.add_edge("source", f"make {name}")
    for name in sorted(last):
        network.add_edge(f"make {name}", "sink")
    return _cut(cascade, network)


def _cut(cascade: Cascade, network: "nx.DiGraph[str]") -> Cut:
    import networkx as nx

    try:
        elements, (near, _far) = nx.minimum_cut(network, "source", "sink")
    except nx.NetworkXUnbounded as error:
        raise UsageError(f"{cascade.name}: an Einsum that must come before needs one that must come after") from error
    crossing = tuple(name for name in cascade.tensors if f"make {name}" in near and f"use {name}" not in near)
    before = tuple(einsum.name for einsum in cascade.einsums if f"make {einsum.name}" in near)
    after = tuple(einsum.name for einsum in cascade.einsums if einsum.name not in before)
    return Cut(crossing, int(elements), before, after)
