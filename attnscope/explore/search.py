"""`search`: the best mapping of attention on a spatial array over the general space of loop nests, with its proof."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from attnscope.einsum_cascade import load
from attnscope.errors import IllegalMappingError, UnknownNameError, UsageError
from attnscope.explore.search_core import (
    Best,
    Counts,
    Floats,
    Objective,
    OutOfTimeError,
    Searcher,
    space_size,
)
from attnscope.explore.workload import Workload, shape_of
from attnscope.mappings.compare import Refusal
from attnscope.mappings.spatial.description import list_spatial_mappings, load_mapping
from attnscope.mappings.spatial.evaluate import evaluate
from attnscope.mappings.spatial.loopnest import LoopNest, Options
from attnscope.mappings.spatial.loopnest_price import Price, can_interleave, price, sizes_on
from attnscope.mappings.spatial.loopnest_terms import Terms
from attnscope.mappings.spatial.plan import Sizes
from attnscope.simulator.device import spatial_device
from attnscope.simulator.estimate import MODEL_VERSION, Estimate
from attnscope.simulator.spatial_device import SpatialDevice

Goal = Literal["latency", "energy", "edp", "dram"]
CASCADES = ("attention-1pass", "attention-3pass", "attention-3pass-deferred")
_QUICK = 8


def _by_latency(latency: Floats, energy: Floats, _: Floats) -> tuple[Floats, Floats]:
    return latency, energy


def _by_energy(latency: Floats, energy: Floats, _: Floats) -> tuple[Floats, Floats]:
    return energy, latency


def _by_edp(latency: Floats, energy: Floats, _: Floats) -> tuple[Floats, Floats]:
    return latency * energy, latency


def _by_dram(_: Floats, energy: Floats, words: Floats) -> tuple[Floats, Floats]:
    return words, energy


OBJECTIVES: dict[str, Objective] = {
    "latency": _by_latency,
    "energy": _by_energy,
    "edp": _by_edp,
    "dram": _by_dram,
}


@dataclass(frozen=True)
class Found:
    """One mapping of the search with what it costs; `value` is the objective: s, J, Js or bytes."""

    value: float
    nest: LoopNest
    price: Price

    @property
    def text(self) -> str:
        """The loop tree."""
        return self.nest.text

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {
            "value": self.value,
            "latency_s": self.price.latency_s,
            "energy_j": self.price.energy_j,
            "dram_bytes": self.price.dram_bytes,
            "cascade": self.nest.cascade,
            "interleaved": self.nest.interleaved,
            "phases": [
                {
                    "einsums": {name: str(self.nest.choices[name]) for name in phase.einsums},
                    "order": phase.order,
                    "blocks": phase.blocks,
                    "places": dict(phase.places),
                    "rows_spill": phase.rows_spill,
                    "spill_fraction": phase.spill,
                    "occupancy_bytes": phase.occupancy_bytes,
                }
                for phase in self.nest.phases
            ],
            "tree": self.text,
        }


@dataclass(frozen=True)
class Search:
    """The outcome of a search.

    Attributes:
        workload, device, objective: what was asked.
        best: the best mappings, best first. Ties in the objective go to the lower energy (to the lower latency where
            energy or EDP is the objective), then to less DRAM traffic, fewer phases, and the order of names.
        size: points of the space, legal or not. counts: partial mappings made, and dropped for each reason.
        proven: the search ended, so that nothing in the space is better. bound: no mapping is below it.
        known: estimates of the shipped mappings on the device, for comparison. refused: those that cannot run there.
    """

    workload: str
    device: str
    objective: Goal
    best: tuple[Found, ...]
    size: int
    counts: Counts
    proven: bool
    bound: float
    known: tuple[Estimate, ...]
    refused: tuple[Refusal, ...]

    @property
    def gap(self) -> float:
        """How far the best can be above the optimum: 0 where it is proven."""
        return 0.0 if self.proven else self.best[0].value / self.bound - 1.0

    @property
    def share_pruned(self) -> float:
        """Share of the space that was never made, not even in part."""
        return 1.0 - min(1.0, self.counts.made / self.size)

    @property
    def proof(self) -> str:
        """What is proven, in one sentence."""
        if self.proven:
            return (
                f"Proven optimal over {self.size:.3g} mappings: {self.counts.made:,} partial ones were made, of which "
                f"{self.counts.bounded:,} were bounded, {self.counts.dominated:,} dominated and "
                f"{self.counts.illegal:,} illegal."
            )
        return (
            f"Stopped early: the best is at most {self.gap:.1%} above the optimum of {self.size:.3g} mappings, "
            f"which is at least {self.bound:.6g}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready values."""
        return {
            "workload": self.workload,
            "device": self.device,
            "objective": self.objective,
            "model_version": MODEL_VERSION,
            "best": [found.to_dict() for found in self.best],
            "size": self.size,
            "n_made": self.counts.made,
            "n_bounded": self.counts.bounded,
            "n_dominated": self.counts.dominated,
            "n_illegal": self.counts.illegal,
            "share_pruned": self.share_pruned,
            "proven": self.proven,
            "gap": self.gap,
            "bound": self.bound,
            "known": [estimate.to_records()[0] for estimate in self.known],
            "refused": [{"mapping": r.mapping, "reason": r.reason} for r in self.refused],
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per mapping found, then per shipped mapping."""
        rows = [
            {
                "rank": rank,
                "mapping": found.nest.cascade,
                "value": found.value,
                "latency_s": found.price.latency_s,
                "energy_j": found.price.energy_j,
                "dram_bytes": found.price.dram_bytes,
                "phases": " | ".join(" ".join(phase.einsums) for phase in found.nest.phases),
            }
            for rank, found in enumerate(self.best, 1)
        ]
        return rows + [
            {
                "rank": 0,
                "mapping": e.mapping,
                "value": _value(self.objective, e.latency_s, e.energy_j, e.bytes.get("dram", 0.0)),
                "latency_s": e.latency_s,
                "energy_j": e.energy_j,
                "dram_bytes": e.bytes.get("dram", 0.0),
                "phases": "",
            }
            for e in self.known
        ]


def search(
    workload: Workload,
    *,
    device: str = "fusemax",
    objective: Goal = "edp",
    seq_len: int | None = None,
    cascades: Sequence[str] = CASCADES,
    fusion: Literal["any", "all"] | Sequence[Sequence[str]] = "any",
    top: int = 10,
    time_limit_s: float | None = None,
    fields: Mapping[str, Any] | None = None,
    **sizes: int | None,
) -> Search:
    """Return the best mappings of attention on a spatial array, proven over a general space of loop nests.

    The space: which Einsums are fused, where each runs and which of its ranks are spread, whether blocks of queries or
    of keys are outside, how many blocks there are, what waits in the buffer and what is streamed, whether rows of
    scores spill, and whether tiles are interleaved so that the arrays overlap. Each cascade is searched by branch and
    bound. Shipped mappings such as FuseMax's and FLAT's are points of the space.

    Args:
        workload: a model's name, the path of a configuration, a `Model` or an `AttentionShape`.
        device: name of a spatial array or path of its file.
        objective: `latency`, `energy`, `edp` (their product) or `dram` (bytes moved).
        seq_len: queries and keys per sequence; the model's default where it is left out.
        cascades: names of cascades to choose from.
        fusion: `any` sets of Einsums, `all` in one, or the sets themselves in order.
        top: how many of the best to return.
        time_limit_s: stop then, with the best so far and the gap to the bound.
        fields: device fields to replace by dotted path.
        **sizes: single sizes of `AttentionShape` to replace.

    Raises:
        UsageError: a name, size or field that cannot be used, or no legal mapping.
    """
    if objective not in OBJECTIVES:
        raise UnknownNameError("objective", objective, OBJECTIVES, "search")
    if top < 1:
        raise UsageError(f"search: top = {top} mappings; ask for at least 1.")
    if not cascades:
        raise UsageError(f"search: no cascades to choose from. Name some of: {', '.join(CASCADES)}.")
    shape, name = shape_of(workload, seq_len, sizes)
    hardware = spatial_device(device, fields)
    deadline = time.monotonic() + (math.inf if time_limit_s is None else time_limit_s)
    jobs = _jobs(shape, hardware, cascades, fusion)
    counts, best, proven = Counts(), Best(top), True
    for quick in (True, False):
        for terms, cuts, forced in jobs:
            limit = _QUICK if quick else None
            try:
                Searcher(
                    terms, OBJECTIVES[objective], best, counts if not quick else Counts(),
                    math.inf if quick else deadline, cuts, forced, limit,
                ).run()  # fmt: skip
            except OutOfTimeError:
                proven = False
    found = _ranked(best, jobs, objective, top)
    if not found:
        raise IllegalMappingError(
            f"search: no mapping of {', '.join(cascades)} fits {hardware.name}. Give the buffer more capacity."
        )
    known, refused = _known(shape, hardware, name)
    return Search(
        workload=name,
        device=hardware.name,
        objective=objective,
        best=found,
        size=sum(space_size(terms, cuts, forced) for terms, cuts, forced in jobs),
        counts=counts,
        proven=proven,
        bound=min(_bound(terms, objective, best, hardware) for terms, _, _ in jobs),
        known=known,
        refused=refused,
    )


Job = tuple[Terms, tuple[int, ...], bool]


def _jobs(shape: Any, device: SpatialDevice, cascades: Sequence[str], fusion: Any) -> list[Job]:
    """One search for each cascade, and for one tile at a time where the registers hold no more."""
    jobs: list[Job] = []
    reasons: list[str] = []
    for name in dict.fromkeys(cascades):
        options = Options(load(name), device)
        try:
            _ = options.works
        except IllegalMappingError as reason:
            reasons.append(str(reason))
            continue
        s = sizes_on(shape, options)
        cuts, forced = _cuts(options, fusion)
        jobs += [
            (Terms(options, s, mode), cuts, forced) for mode in ((True, False) if can_interleave(device) else (False,))
        ]
    if not jobs:
        raise IllegalMappingError(reasons[0])
    return jobs


def _cuts(options: Options, fusion: Any) -> tuple[tuple[int, ...], bool]:
    if fusion == "any":
        return options.cuts, False
    if fusion == "all":
        return (0, len(options.names)), True
    flat = [name for group in fusion for name in group]
    if flat != list(options.names):
        raise UsageError(
            f"search: the fusion sets name {', '.join(flat)}; {options.cascade.name} has, in order: "
            f"{', '.join(options.names)}. Name every Einsum once, in this order."
        )
    cuts, at = [0], 0
    for group in fusion:
        at += len(group)
        if at not in options.cuts:
            raise IllegalMappingError(
                f"search: a phase cannot end after {options.names[at - 1]}, which is part of a recurrence along the "
                f"keys. Nearest cut: after {options.names[max(c for c in options.cuts if c < at) - 1]}."
            )
        cuts.append(at)
    return tuple(cuts), True


def _ranked(best: Best, jobs: Sequence[Job], objective: Goal, top: int) -> tuple[Found, ...]:
    """The candidates priced exactly, best first."""
    by_cascade: dict[str, tuple[Options, Sizes]] = {t.options.cascade.name: (t.options, t.s) for t, _, _ in jobs}
    out = []
    for nest in best.found:
        cost = price(nest, *by_cascade[nest.cascade])
        out.append(Found(_value(objective, cost.latency_s, cost.energy_j, cost.dram_bytes), nest, cost))
    second = {"latency": "energy_j", "dram": "energy_j"}.get(objective, "latency_s")
    out.sort(key=lambda f: (f.value, getattr(f.price, second), f.price.dram_bytes, repr(f.nest.signature)))
    return tuple(out[:top])


def _value(objective: str, latency_s: float, energy_j: float, dram_bytes: float) -> float:
    return {"latency": latency_s, "energy": energy_j, "edp": latency_s * energy_j, "dram": dram_bytes}[objective]


def _bound(terms: Terms, objective: Goal, best: Best, device: SpatialDevice) -> float:
    """The bound in the units of the objective; the search works in cycles and words."""
    value = Searcher(terms, OBJECTIVES[objective], best, Counts(), math.inf, terms.options.cuts).bound()
    scale = {"latency": 1 / device.clock.frequency_hz, "edp": 1 / device.clock.frequency_hz}
    return value * scale.get(objective, terms.s.word_bytes if objective == "dram" else 1.0)


def _known(shape: Any, device: SpatialDevice, workload: str) -> tuple[tuple[Estimate, ...], tuple[Refusal, ...]]:
    known, refused = [], []
    for name in list_spatial_mappings():
        try:
            known.append(evaluate(shape, load_mapping(name), device, workload=workload))
        except IllegalMappingError as reason:
            refused.append(Refusal(name, device.name, str(reason)))
    return tuple(known), tuple(refused)
