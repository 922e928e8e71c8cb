"""The closed form of a mapping over a range of sizes and device fields, as one graph of operations.

`trace` runs the code of the single estimate on symbolic numbers: first the rule that chooses the tiling, then, for each
kind of tiling that the rule can choose, `evaluate`. So a batch repeats no formula and rounds as the estimate does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial import choose as rules
from attnscope.mappings.spatial.batch_choose import flat_tiling
from attnscope.mappings.spatial.batch_paths import explore, joined, mapped, outcomes
from attnscope.mappings.spatial.batch_rebind import added, over_symbols
from attnscope.mappings.spatial.batch_symbols import Graph, Number, Scalar
from attnscope.mappings.spatial.description import SpatialMapping
from attnscope.mappings.spatial.energy import Accounting
from attnscope.mappings.spatial.evaluate import evaluate, problem
from attnscope.mappings.spatial.plan import compile_plan
from attnscope.mappings.spatial.tiling import Tiling
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.specs import Frozen
from attnscope.workloads.shape import AttentionShape

METRICS = ("latency_s", "energy_j", "area_mm2", "dram_bytes", "buffer_bytes", "occupancy_bytes")
TENSORS = ("Q", "K", "V", "AV")
Inputs = Mapping[str, Number | Scalar]


@dataclass(frozen=True)
class Traced:
    """The outputs of a mapping as numbers of `graph`; `legal` where the mapping fits.

    `refusal` says why, where it fits nowhere; `outputs` is empty then.
    """

    graph: Graph
    legal: Number
    outputs: Mapping[str, Number]
    refusal: str = ""


@dataclass(frozen=True)
class _Case:
    """What every run of the trace starts from: base values, and the symbols that replace some of their fields."""

    shape: AttentionShape
    mapping: SpatialMapping
    device: SpatialDevice
    accounting: Accounting
    inputs: Inputs

    def start(self) -> tuple[Any, SpatialMapping, SpatialDevice]:
        """Return shape, mapping and device over symbols; new ones each time, as plans are kept by identity."""
        sizes = {f.name: getattr(self.shape, f.name) for f in fields(self.shape)}
        shape = SimpleNamespace(**{**sizes, **_below(self.inputs, "workload.")})
        mapping = _over(self.mapping, _below(self.inputs, "mapping."))
        return shape, mapping, _over(self.device, _below(self.inputs, "device."))


def trace(
    graph: Graph,
    shape: AttentionShape,
    mapping: SpatialMapping,
    device: SpatialDevice,
    inputs: Inputs,
    accounting: Accounting = "corrected",
) -> Traced:
    """Return what `evaluate` gives for every value of the inputs at once.

    Args:
        graph: holds the nodes.
        shape: sizes that `inputs` do not replace.
        mapping: its parameters likewise.
        device: its fields likewise.
        inputs: by dotted path: ``workload.queries``, ``device.dram.bandwidth_bytes_per_s``, ``mapping.row_cap``, and
            ``mapping.block`` for the query tiles per block.
        accounting: of the energy.
    """
    case = _Case(shape, mapping, device, accounting, inputs)
    chosen = explore(graph, lambda: _tiling(case))
    found = outcomes(chosen)
    reasons = [item for item in found if isinstance(item, str)]
    kinds = {_kind(t): t for t in reversed(found) if isinstance(t, Tiling)}
    if not kinds:
        return Traced(graph, graph.lift(False), {}, reasons[0])
    results = {kind: _figures(case, graph, chosen, kind, tiling) for kind, tiling in kinds.items()}

    def of_point(name: str) -> Number:
        value = joined(graph, chosen, lambda t: results[_kind(t)][name] if isinstance(t, Tiling) else None)
        return graph.lift(value).real()

    legal = joined(graph, chosen, lambda t: isinstance(t, Tiling))
    return Traced(graph, graph.lift(legal), {name: of_point(name) for name in METRICS})


def _figures(case: _Case, graph: Graph, chosen: Any, kind: object, tiling: Tiling) -> dict[str, Number | None]:
    """The figures of all points whose tiling is of one kind."""
    general = _general(graph, mapped(chosen, lambda t: t if _kind(t) == kind else None), tiling)
    answers = explore(graph, lambda: _answers(case, general))

    def of_kind(name: str) -> Number | None:
        return joined(graph, answers, lambda answer: answer[name])

    return {name: of_kind(name) for name in METRICS}


def _tiling(case: _Case) -> Tiling | str:
    """The tiling that the mapping's rule chooses, or the reason why there is none."""
    shape, mapping, device = case.start()
    block: Any = case.inputs.get("mapping.block")
    known: dict[Any, Any] = {rules._flat: lambda plan, s, given: flat_tiling(plan, s, given, known)}
    try:
        plan = over_symbols(compile_plan, known)(mapping, device)
        s = over_symbols(problem, known)(shape, plan)
        return over_symbols(rules.choose, known)(plan, s, block)
    except IllegalMappingError as reason:
        return str(reason)


def _answers(case: _Case, tiling: Tiling) -> dict[str, Any]:
    """The figures of the estimate under a tiling."""
    shape, mapping, device = case.start()
    known: dict[Any, Any] = {}
    plan = over_symbols(compile_plan, known)(mapping, device, tiling.dataflow)
    s = over_symbols(problem, known)(shape, plan)
    again = over_symbols(evaluate, {_resolve(): lambda *_: (plan, s, tiling)})
    estimate = again(shape, mapping, device, accounting=case.accounting, workload=" ")
    moved = estimate.bytes
    return {
        "latency_s": estimate.latency_s,
        "energy_j": added(estimate.energy_parts_j.values()),
        "area_mm2": added(device.area_parts_um2.values()) / 1e6,
        "dram_bytes": moved.get("dram", 0.0),
        "buffer_bytes": moved.get("buffer", 0.0),
        "occupancy_bytes": estimate.occupancy_bytes["buffer"],
    }


def _resolve() -> Any:
    return evaluate.__globals__["resolve"]


def _kind(tiling: Tiling | str | None) -> object:
    """What of a tiling decides which code `evaluate` runs; its numbers do not."""
    if not isinstance(tiling, Tiling):
        return None
    return tiling.dataflow, tuple(sorted(tiling.places.items())), tiling.accumulate, tiling.spilled


def _general(graph: Graph, tree: Any, tiling: Tiling) -> Tiling:
    """One tiling for all points of a kind: its numbers are those of the path that a point takes."""

    def number(get: Any) -> Any:
        found = joined(graph, tree, lambda t: None if t is None else get(t))
        return found.node.value if found is not None and found.node.op == "const" else found

    def refetch(tensor: str) -> Any:
        return number(lambda t: t.refetch.get(tensor, 1))

    return Tiling(
        dataflow=tiling.dataflow,
        block_tiles=number(lambda t: t.block_tiles),
        blocks=number(lambda t: t.blocks),
        places=tiling.places,
        refetch={name: refetch(name) for name in TENSORS},
        accumulate=tiling.accumulate,
        spilled=tiling.spilled,
        rows_spill=number(lambda t: t.rows_spill),
        spill_fraction=number(lambda t: t.spill_fraction),
        occupancy_bytes=number(lambda t: t.occupancy_bytes),
    )


def _below(inputs: Inputs, prefix: str) -> dict[str, Any]:
    return {path.removeprefix(prefix): value for path, value in inputs.items() if path.startswith(prefix)}


def _over(spec: Any, values: Mapping[str, Any], path: str = "") -> Any:
    """The specification with symbols in place of the fields at the given dotted paths, unchecked."""
    if path in values:
        return values[path]
    below = f"{path}." if path else ""
    if isinstance(spec, dict):
        return {key: _over(item, values, f"{below}{key}") for key, item in spec.items()}
    if isinstance(spec, Frozen):
        parts = {name: _over(getattr(spec, name), values, f"{below}{name}") for name in type(spec).model_fields}
        return type(spec).model_construct(**parts)
    return spec
