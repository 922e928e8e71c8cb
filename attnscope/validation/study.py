"""The FuseMax study: four models, six lengths, five configurations, attention alone and a whole encoder layer."""

from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, geometric_mean
from typing import Any

from attnscope.api import STUDY_PAIRS, Layers, estimate
from attnscope.mappings.spatial.energy import Accounting
from attnscope.simulator.estimate import Estimate
from attnscope.units import format_length

MODELS = ("bert", "trxl", "t5", "xlm")
LENGTHS = (2**10, 2**12, 2**14, 2**16, 2**18, 2**20)
MAPPINGS = tuple(mapping for mapping, _ in STUDY_PAIRS)
Case = tuple[str, int]


@dataclass(frozen=True)
class Mean:
    """A ratio averaged over the 24 cases, in both usual ways."""

    layers: Layers
    quantity: str
    mapping: str
    baseline: str
    arithmetic: float
    geometric: float


@dataclass(frozen=True)
class Study:
    """Estimates of every case by (layers, mapping, model, length)."""

    accounting: Accounting
    estimates: dict[tuple[Layers, str, str, int], Estimate]

    @property
    def cases(self) -> tuple[Case, ...]:
        """All (model, length) pairs."""
        return tuple((model, length) for model in MODELS for length in LENGTHS)

    def get(self, mapping: str, model: str, length: int, layers: Layers = "attention") -> Estimate:
        """Return one estimate."""
        return self.estimates[layers, mapping, model, length]

    def ratio(self, quantity: str, mapping: str, baseline: str, case: Case, layers: Layers = "attention") -> float:
        """Return the speed-up of `mapping` over `baseline`, or its `energy` as a share of the baseline's."""
        ours, base = self.get(mapping, *case, layers), self.get(baseline, *case, layers)
        return base.latency_s / ours.latency_s if quantity == "speedup" else ours.energy_j / base.energy_j

    def mean(self, quantity: str, mapping: str, baseline: str, layers: Layers = "attention") -> Mean:
        """Return the mean ratio over all cases: arithmetic as the study prints it, geometric beside it."""
        ratios = [self.ratio(quantity, mapping, baseline, case, layers) for case in self.cases]
        return Mean(layers, quantity, mapping, baseline, fmean(ratios), geometric_mean(ratios))

    @cached_property
    def means(self) -> tuple[Mean, ...]:
        """The headline means: FuseMax over FLAT and over unfused, attention and end to end."""
        kinds: tuple[Layers, ...] = ("attention", "block")
        return tuple(
            self.mean(quantity, "fusemax", baseline, layers)
            for layers in kinds
            for baseline in ("flat", "unfused")
            for quantity in ("speedup", "energy")
        )

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per estimate."""
        return [
            {"layers": layers, "model": model, "seq_len": length, **found.to_records()[0]}
            for (layers, _, model, length), found in self.estimates.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the means and all rows as plain values."""
        return {
            "energy_accounting": self.accounting,
            "means": [mean.__dict__ for mean in self.means],
            "rows": self.to_records(),
        }


def fusemax_study(accounting: Accounting = "corrected") -> Study:
    """Return the whole study: 4 models x 6 lengths x 5 configurations, attention alone and whole layers."""
    kinds: tuple[Layers, ...] = ("attention", "block")
    found: dict[tuple[Layers, str, str, int], Estimate] = {}
    for layers in kinds:
        for mapping, device in STUDY_PAIRS:
            for model in MODELS:
                for length in LENGTHS:
                    found[layers, mapping, model, length] = estimate(
                        model,
                        device=device,
                        mapping=mapping,
                        seq_len=length,
                        layers=layers,
                        energy_accounting=accounting,
                    )
    return Study(accounting, found)


def case_label(case: Case) -> str:
    """Return a case for tables: ``bert 64K``."""
    return f"{case[0]} {format_length(case[1])}"
