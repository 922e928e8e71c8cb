"""Where the tensors of a cascade stand in a picture: layers from top to bottom, few crossings, room for long edges.

A layered drawing after Sugiyama, Tagawa and Toda (IEEE Trans. SMC, 1981): a tensor's layer is the longest chain of
dependence above it within one step of every recurrence; an edge over several layers gets a bend in each; the order
within a layer follows the mean place of the neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from attnscope.cli.ranks import main_rank
from attnscope.einsum_cascade import Cascade, analyse_passes, to_graph
from attnscope.einsum_cascade.text import expression_text
from attnscope.errors import CascadeError

BOX_WIDTH, BOX_HEIGHT, BEND_WIDTH = 2.7, 0.6, 0.5
GAP, LAYER = 0.4, 1.15
SWEEPS = 80

Point = tuple[float, float]
Key = tuple[str, str, int]  # a tensor (name, "", 0), or the bend of an edge (from, to, layer)


@dataclass(frozen=True)
class Node:
    """A tensor in the picture.

    Attributes:
        name: its name.
        x, y: middle of its box.
        label: name and ranks. `remark`: what computes it.
        number: its pass; 0 where it is in none, -1 for inputs.
        is_output: whether it is a result.
    """

    name: str
    x: float
    y: float
    label: str
    remark: str
    number: int
    is_output: bool


@dataclass(frozen=True)
class Edge:
    """A read, through `bends`, from the tensor read to the tensor written; `carried` where of the step before."""

    source: str
    target: str
    bends: tuple[Point, ...]
    carried: bool


@dataclass(frozen=True)
class GraphInfo:
    """All that the picture shows; places in inches, y upwards."""

    title: str
    rank: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_info(cascade: Cascade, rank: str = "") -> GraphInfo:
    """Return what the picture of a cascade shows, with passes over `rank`, or over its main rank."""
    chosen, passes = _passes(cascade, rank)
    edges = {(a, b): bool(d["carried"]) for a, b, d in to_graph(cascade).edges(data=True)}
    forward = [pair for pair, carried in edges.items() if not carried]
    layers = layers_of(cascade)
    chains = {(a, b): tuple((a, b, at) for at in range(layers[a] + 1, layers[b])) for a, b in forward}
    place = _places(cascade, layers, chains)
    nodes = tuple(_node(cascade, name, place[name, "", 0], passes) for name in cascade.tensors)
    return GraphInfo(
        cascade.name,
        chosen,
        nodes,
        tuple(
            Edge(a, b, tuple(place[k] for k in chains.get((a, b), ())), carried) for (a, b), carried in edges.items()
        ),
    )


def _passes(cascade: Cascade, rank: str) -> tuple[str, Mapping[str, int]]:
    """The rank and each Einsum's pass over it; neither where nobody asked and the count depends on a length."""
    try:
        chosen = rank or main_rank(cascade)
        return chosen, analyse_passes(cascade, chosen).einsum_pass if chosen else {}
    except CascadeError:
        if rank:
            raise
        return "", {}


def layers_of(cascade: Cascade) -> dict[str, int]:
    """Return each tensor's layer; an input stands just above what reads it first."""
    import networkx as nx

    acyclic = to_graph(cascade, carried=False)
    layer = dict.fromkeys(cascade.tensors, 0)
    for name in nx.lexicographical_topological_sort(acyclic, key=list(cascade.tensors).index):
        layer[name] = max((layer[before] + 1 for before in acyclic.predecessors(name)), default=0)
    for name in cascade.inputs:
        layer[name] = min((layer[after] for after in acyclic.successors(name)), default=1) - 1
    return layer


def _places(
    cascade: Cascade, layers: Mapping[str, int], chains: Mapping[tuple[str, str], tuple[Key, ...]]
) -> dict[Key, Point]:
    members: dict[int, list[Key]] = {}
    for name in cascade.tensors:
        members.setdefault(layers[name], []).append((name, "", 0))
    for bend in (bend for chain in chains.values() for bend in chain):
        members.setdefault(bend[2], []).append(bend)
    near: dict[Key, list[Key]] = {key: [] for keys in members.values() for key in keys}
    for (a, b), chain in chains.items():
        path: list[Key] = [(a, "", 0), *chain, (b, "", 0)]
        for one, two in pairwise(path):
            near[one].append(two)
            near[two].append(one)
    x = {key: (i - (len(keys) - 1) / 2) * BOX_WIDTH for keys in members.values() for i, key in enumerate(keys)}
    for sweep in range(SWEEPS):
        for layer in sorted(members, reverse=bool(sweep % 2)):
            x |= _spread(members[layer], {key: _mean([x[n] for n in near[key]], x[key]) for key in members[layer]})
    return {key: (x[key], -layer * LAYER) for layer, keys in members.items() for key in keys}


def _spread(keys: Sequence[Key], wanted: Mapping[Key, float]) -> dict[Key, float]:
    """Return the places nearest to the wanted ones (least squares) at which nothing overlaps.

    Less their distances from the first, the places must not fall: pool adjacent violators, as in isotonic regression.
    """
    ordered = sorted(keys, key=lambda key: (wanted[key], key))
    widths = [BEND_WIDTH if key[1] else BOX_WIDTH for key in ordered]
    offsets = [0.0]
    for one, two in pairwise(widths):
        offsets.append(offsets[-1] + (one + two) / 2 + GAP)
    pools: list[list[float]] = []
    for key, offset in zip(ordered, offsets, strict=True):
        pools.append([wanted[key] - offset])
        while len(pools) > 1 and _mean(pools[-2], 0.0) > _mean(pools[-1], 0.0):
            pools[-2:] = [pools[-2] + pools[-1]]
    levels = [_mean(pool, 0.0) for pool in pools for _ in pool]
    return {key: level + offset for key, level, offset in zip(ordered, levels, offsets, strict=True)}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _node(cascade: Cascade, name: str, place: Point, passes: Mapping[str, int]) -> Node:
    label = f"{name}[{', '.join(cascade.merged(cascade.tensor_ranks(name)))}]"
    remark, number = "input", -1
    if name in cascade.by_name:
        einsum = cascade.by_name[name]
        folds = " ".join(f"{r.operator} {', '.join(v.name for v in r.indices)}" for r in einsum.reductions)
        remark, number = f"{expression_text(einsum.expression)}   {folds}".rstrip(), passes.get(name, 0)
    return Node(name, *place, label, remark, number, name in cascade.outputs)
