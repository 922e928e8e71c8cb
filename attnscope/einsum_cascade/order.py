"""Which Einsum needs which, and the orders that follow from it. Text order never matters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, shifted
from attnscope.einsum_cascade.ir import Cascade


@dataclass(frozen=True)
class Dependence:
    """``reader`` needs ``writer``; ``carried`` where it needs only the generation made one step earlier."""

    writer: str
    reader: str
    access: Access
    carried: bool


def dependences(cascade: Cascade) -> Iterator[Dependence]:
    """Yield every read of a written tensor."""
    for einsum in cascade.einsums:
        for access in einsum.reads:
            if access.tensor in cascade.by_name:
                carried = _is_carried(cascade.by_name[access.tensor], einsum, access)
                yield Dependence(access.tensor, einsum.name, access, carried)


def _is_carried(writer: Einsum, reader: Einsum, access: Access) -> bool:
    """Whether the read is of ``X[i]`` by an Einsum that runs over i, while ``X[i+1]`` is what is written."""
    step = writer.iterative
    return step is not None and step in reader.written and any(shifted(i) == (step, 0) for i in access.indices)


def successors(cascade: Cascade, *, carried: bool = True) -> dict[str, tuple[str, ...]]:
    """Return the readers of each Einsum, with or without the carried reads."""
    found: dict[str, list[str]] = {einsum.name: [] for einsum in cascade.einsums}
    for dependence in dependences(cascade):
        if (carried or not dependence.carried) and dependence.reader not in found[dependence.writer]:
            found[dependence.writer].append(dependence.reader)
    return {name: tuple(readers) for name, readers in found.items()}


def components(graph: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the strongly connected components in topological order (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[tuple[str, ...]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for after in graph[node]:
            if after not in index:
                visit(after)
            if after in stack:
                low[node] = min(low[node], low[after])
        if low[node] == index[node]:
            cut = stack.index(node)
            found.append(tuple(stack[cut:]))
            del stack[cut:]

    for node in graph:
        if node not in index:
            visit(node)
    return found[::-1]


def find_cycle(graph: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the nodes of one cycle in order, or nothing."""
    for component in components(graph):
        if len(component) > 1 or component[0] in graph[component[0]]:
            path = [component[0]]
            while path.count(path[-1]) < 2:
                path.append(next(node for node in graph[path[-1]] if node in component))
            return tuple(path[path.index(path[-1]) : -1])
    return ()


@dataclass(frozen=True)
class Stage:
    """Einsums that run together: one alone, or a recurrence that steps over ``step`` (a variable's name)."""

    einsums: tuple[Einsum, ...]
    step: str = ""


def stages(cascade: Cascade) -> tuple[Stage, ...]:
    """Return the cascade in an order that can be executed; recurrences stay together, ordered within one step."""
    return cascade.stages


def find_stages(cascade: Cascade) -> tuple[Stage, ...]:
    """Work out :func:`stages`, which a cascade keeps."""
    whole = successors(cascade)
    within = successors(cascade, carried=False)
    found = []
    for component in components(whole):
        members = {name: tuple(n for n in within[name] if n in component) for name in component}
        ordered = tuple(cascade.by_name[group[0]] for group in components(members))
        steps = [e.iterative.name for e in ordered if e.iterative is not None and _recurs(e, component, whole)]
        found.append(Stage(ordered, steps[0] if steps else ""))
    return tuple(found)


def _recurs(einsum: Einsum, component: Sequence[str], graph: Mapping[str, Sequence[str]]) -> bool:
    return len(component) > 1 or einsum.name in graph[einsum.name]
