"""Cutting a model at its attentions: minimum cut of the operator graph, order inside the slices, what is sent.

After Lamina's model converter (arXiv 2405.01814 v2, section 4.2): remove an attention operator, find the cheapest set
of tensors that has to be kept while it runs elsewhere, and order each slice so that queries leave as early as possible.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attnscope.mappings.offload.deployment import resolve_model
from attnscope.units import format_bytes
from attnscope.workloads.blocks import BlockGraph, Style, block_graph, read_block_graph, read_json
from attnscope.workloads.models import Model

Action = Literal["receive", "run", "send query", "send key and value"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step of a slice: an operator to run, or a message."""

    action: Action
    operator: str
    bytes_per_token: float = 0.0

    @property
    def text(self) -> str:
        """As a line of a listing."""
        return self.operator if self.action == "run" else f"{self.action} ({self.operator})"


@dataclass(frozen=True, slots=True)
class Cut:
    """What is kept while one attention runs elsewhere, and what crosses the link for it, per token.

    Attributes:
        attention: the operator. `kept`: tensors that later slices read, with their bytes.
        query_bytes, kv_bytes, output_bytes: to the memory pool and back.
        overlapped: operators of the slice that run after the queries are sent.
    """

    attention: str
    kept: tuple[tuple[str, float], ...]
    query_bytes: float
    kv_bytes: float
    output_bytes: float
    overlapped: tuple[str, ...]

    @property
    def kept_bytes(self) -> float:
        """Weight of the cut: bytes per token that a batch takes along."""
        return sum(weight for _, weight in self.kept)


@dataclass(frozen=True)
class Slices:
    """A model cut into slices around its attentions.

    Attributes:
        name: of the model. `layers`: copies of the block that was cut.
        cuts: one per attention of the block. `pieces`: the slices of the block, one more than `cuts`.
        inputs: operators that only stand for the block's input.
    """

    name: str
    layers: int
    cuts: tuple[Cut, ...]
    pieces: tuple[tuple[Instruction, ...], ...]
    inputs: tuple[str, ...] = ()

    @property
    def n_attentions(self) -> int:
        """Attentions of the whole model."""
        return self.layers * len(self.cuts)

    @property
    def n_slices(self) -> int:
        """Slices of the whole model: the last slice of a block and the first of the next are one."""
        return self.n_attentions + 1

    def slice(self, index: int) -> tuple[Instruction, ...]:
        """Return the instructions of one slice of the whole model.

        Raises:
            IndexError: there is no such slice.
        """
        if not 0 <= index < self.n_slices:
            raise IndexError(f"slice {index}: there are {self.n_slices}, from 0.")
        within = index % len(self.cuts)
        begins = self.pieces[within] if index < self.n_attentions else ()
        if within or not index:
            return begins
        return (*self.pieces[-1], *(s for s in begins if s.action != "run" or s.operator not in self.inputs))

    @property
    def because(self) -> str:
        """What the cut says, in one or two sentences."""
        cut = self.cuts[0]
        kept = ", ".join(name for name, _ in cut.kept)
        crossing = cut.query_bytes + cut.kv_bytes + cut.output_bytes
        early = ", ".join(cut.overlapped) or "nothing"
        return (
            f"{self.n_attentions} attentions make {self.n_slices} slices. Each keeps {kept} "
            f"({format_bytes(cut.kept_bytes)} per token) and moves {format_bytes(crossing)} per token over the link; "
            f"queries leave before: {early}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "name": self.name,
            "n_attentions": self.n_attentions,
            "n_slices": self.n_slices,
            "cuts": [
                {
                    "attention": cut.attention,
                    "kept": dict(cut.kept),
                    "kept_bytes_per_token": cut.kept_bytes,
                    "query_bytes_per_token": cut.query_bytes,
                    "kv_bytes_per_token": cut.kv_bytes,
                    "output_bytes_per_token": cut.output_bytes,
                    "overlapped": list(cut.overlapped),
                }
                for cut in self.cuts
            ],
            "slices": [[step.text for step in piece] for piece in self.pieces],
            "because": self.because,
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return one row per instruction of the slices of one block."""
        return [
            {"slice": i, "step": j, "action": s.action, "operator": s.operator, "bytes_per_token": s.bytes_per_token}
            for i, piece in enumerate(self.pieces)
            for j, s in enumerate(piece)
        ]


def slice_block(model: str | Model | BlockGraph, *, style: Style = "sequential") -> Slices:
    """Return a model cut into slices around its attentions.

    Args:
        model: a model's name, a `Model`, a `BlockGraph`, or the path of a JSON file: an operator graph, or a Hugging
            Face ``config.json``.
        style: of the block where the graph is built from the sizes of a model.

    Raises:
        UsageError: a name nobody owns, or a file that is no graph.
    """
    return slice_graph(_graph(model, style))


def _graph(model: str | Model | BlockGraph, style: Style) -> BlockGraph:
    if isinstance(model, BlockGraph):
        return model
    if isinstance(model, str) and model.endswith(".json") and "operators" in read_json(Path(model)):
        return read_block_graph(model)
    return block_graph(resolve_model(model), style)


def slice_graph(graph: BlockGraph) -> Slices:
    """Return the slices of a block.

    Every tensor before the block's input and after its result is on a fixed side of each cut, so one block suffices.
    """
    ordered = _topological(graph)
    attentions = [name for name in ordered if graph.by_name[name].kind == "attention"]
    before: set[str] = set()
    cuts, pieces = [], []
    received: tuple[Instruction, ...] = ()
    for name in attentions:
        side = minimum_cut(graph, name)
        steps = _sequence(graph, side - before, name)
        pieces.append((*received, *steps))
        cuts.append(_cut(graph, name, side, steps))
        received = (Instruction("receive", name, graph.by_name[name].bytes_per_token),)
        before |= side | {name}
    rest = tuple(Instruction("run", op) for op in ordered if op not in before)
    inputs = tuple(op.name for op in graph.operators if op.kind == "input")
    return Slices(graph.name, graph.layers, tuple(cuts), (*pieces, (*received, *rest)), inputs)


def minimum_cut(graph: BlockGraph, attention: str) -> set[str]:
    """Return the operators that run before `attention`, chosen so that the tensors kept across it weigh least.

    A tensor read by several operators is kept once: every operator is an edge of its tensor's bytes from an entry to
    an exit, and edges between operators cannot be cut, backwards too, so that nothing runs before what it reads. Among
    equal cuts the one with the fewest operators before the attention counts.
    """
    import networkx as nx

    flow: nx.DiGraph[Any] = nx.DiGraph()
    attended = graph.by_name[attention]
    for op in graph.operators:
        if op.name == attention:
            continue
        flow.add_edge((op.name, "in"), (op.name, "out"), capacity=op.bytes_per_token)
        flow.add_edge((op.name, "out"), (op.name, "in"))
        for source in op.inputs:
            if source == attention:
                flow.add_edge((op.name, "in"), "after")
            else:
                flow.add_edge((source, "out"), (op.name, "in"))
                flow.add_edge((op.name, "in"), (source, "in"))
    for name in _closure(graph, attended.inputs):
        flow.add_edge("before", (name, "in"))
    for name in graph.results:
        flow.add_edge((name, "in"), "after")
    _, (early, _) = nx.minimum_cut(flow, "before", "after")
    return {op.name for op in graph.operators if (op.name, "in") in early}


def _closure(graph: BlockGraph, names: Iterable[str]) -> set[str]:
    """The operators and all that they read, directly or not, other attentions included."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(graph.by_name[name].inputs)
    return found


def _cut(graph: BlockGraph, attention: str, side: set[str], steps: tuple[Instruction, ...]) -> Cut:
    attended = graph.by_name[attention]
    readers = [op for op in graph.operators if op.name not in side and op.name != attention]
    kept = dict.fromkeys(source for op in readers for source in op.inputs if source in side)
    weights = {name: graph.by_name[name].bytes_per_token for name in (*kept, *attended.inputs)}
    query, *others = attended.inputs
    actions = [step.action for step in steps]
    after = steps[actions.index("send query") + 1 :]
    return Cut(
        attention,
        tuple((name, weights[name]) for name in kept),
        weights[query],
        sum(weights[name] for name in dict.fromkeys(others)),
        attended.bytes_per_token,
        tuple(step.operator for step in after if step.action == "run"),
    )


def _topological(graph: BlockGraph) -> list[str]:
    """Operators in the order given, moved back only behind what they read."""
    done: list[str] = []
    left = list(graph.operators)
    while left:
        index = next(i for i, op in enumerate(left) if set(done).issuperset(op.inputs))
        done.append(left.pop(index).name)
    return done


def _sequence(graph: BlockGraph, members: set[str], attention: str) -> tuple[Instruction, ...]:
    """The slice before an attention: the query first, then key and value, then the rest; messages leave at once."""
    query, *others = graph.by_name[attention].inputs
    first, second = _closure(graph, [query]), _closure(graph, others)
    ordered = [name for name in _topological(graph) if name in members]
    sent = tuple(dict.fromkeys(others))
    weight = sum(graph.by_name[name].bytes_per_token for name in sent)
    return (
        *(Instruction("run", name) for name in ordered if name in first),
        Instruction("send query", query, graph.by_name[query].bytes_per_token),
        *(Instruction("run", name) for name in ordered if name in second - first),
        Instruction("send key and value", " and ".join(sent), weight),
        *(Instruction("run", name) for name in ordered if name not in first | second),
    )
