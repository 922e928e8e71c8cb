"""What a deployment gives: throughput, latency, price, busy shares, and the sentence that says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attnscope.mappings.offload import formulas
from attnscope.mappings.offload.deployment import Deployment
from attnscope.mappings.offload.numbers import Terms
from attnscope.units import format_bytes, format_si

_WORDS = {
    "compute": "the linear layers on the compute pool",
    "memory": "attention on the memory pool",
    "link": "the link",
    "round trip": "the round trip of each batch, which no other batch fills",
    "linear layers": "the linear layers",
    "attention": "attention",
}
_TIGHT = 1.0 - 1e-9


@dataclass(frozen=True)
class ServingEstimate:
    """The steady state of one deployment: `batch` requests in flight of `room` that fit, `context` tokens each."""

    deployment: Deployment
    batch: int
    room: int
    context: float
    terms: Terms

    @property
    def tokens_per_s(self) -> float:
        """Tokens of all requests per second."""
        return self.terms.tokens_per_s

    @property
    def time_between_tokens_s(self) -> float:
        """Time between two tokens of a request."""
        return self.terms.step_s

    @property
    def price_per_hour(self) -> float:
        """Price of all devices."""
        return self.deployment.price_per_hour

    @property
    def tokens_per_dollar(self) -> float:
        """Tokens for one unit of the price list."""
        return 3600.0 * self.tokens_per_s / self.price_per_hour

    @property
    def kv_bytes(self) -> float:
        """Keys and values kept for all requests in flight."""
        kept = self.deployment.policy.kept_tokens(self.context)
        return self.batch * kept * formulas.kv_token_bytes(self.deployment.numbers)

    @property
    def busy_fraction(self) -> dict[str, float]:
        """Share of the time in which each resource works."""
        t = self.terms
        if self.deployment.memory is None:
            return {"linear layers": t.model_s / t.period_s, "attention": t.attention_s / t.period_s}
        return {"compute": t.compute_busy, "memory": t.memory_busy, "link": t.link_busy}

    @property
    def limiter(self) -> str:
        """What sets the pace: the resource that is busy all the time, or the round trip of a batch."""
        busy = self.busy_fraction
        top = max(busy, key=lambda name: busy[name])
        return top if busy[top] >= _TIGHT or self.deployment.memory is None else "round trip"

    @property
    def parts_s(self) -> dict[str, float]:
        """A batch's own way through all layers, in parts that add up to the time between tokens."""
        t, layers = self.terms, self.deployment.numbers.layers
        network = t.out_s + t.back_s + self.deployment.link_numbers.round_trip_s
        parts = {"linear layers": t.model_s, "attention": t.attention_s, "network": network}
        parts |= {"hidden by early queries": -t.hidden_s, "waiting for other batches": t.period_s - t.chain_s}
        return {name: layers * seconds for name, seconds in parts.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "deployment": self.deployment.label,
            "batch": self.batch,
            "batch_that_fits": self.room,
            "context_tokens": self.context,
            "tokens_per_s": self.tokens_per_s,
            "time_between_tokens_s": self.time_between_tokens_s,
            "price_per_hour": self.price_per_hour,
            "tokens_per_dollar": self.tokens_per_dollar,
            "kv_bytes": self.kv_bytes,
            "limiter": self.limiter,
            "busy_fraction": self.busy_fraction,
            "parts_s": self.parts_s,
        }

    def to_record(self) -> dict[str, Any]:
        """Return one flat row."""
        plain = self.to_dict()
        busy, parts = plain.pop("busy_fraction"), plain.pop("parts_s")
        plain |= {f"busy_{name.replace(' ', '_')}_fraction": share for name, share in busy.items()}
        return plain | {f"{name.replace(' ', '_')}_s": seconds for name, seconds in parts.items()}


@dataclass(frozen=True)
class OffloadEstimate:
    """A deployment with offloaded attention and the homogeneous one of equal cost.

    Attributes:
        workload: model and trace or context.
        offload, baseline: both steady states; no baseline where none holds the model, `warnings` say why.
        slowdown: share of a step that moving data may add.
        step_bytes: what crosses the link in a step of one batch.
        minimum_bytes_per_s: bandwidth between the pools at which that share is met; see `minimum_per_nic`.
        warnings: what the reader has to know before using the figures.
    """

    workload: str
    offload: ServingEstimate
    baseline: ServingEstimate | None
    slowdown: float
    step_bytes: float
    minimum_bytes_per_s: float
    warnings: tuple[str, ...] = ()
    inputs: Mapping[str, Any] | None = None

    @property
    def minimum_per_nic(self) -> dict[str, float]:
        """The minimum bandwidth per device of each pool, both directions together [bytes/s]."""
        d = self.offload.deployment
        return {
            "compute": self.minimum_bytes_per_s / d.replica_devices,
            "memory": self.minimum_bytes_per_s / d.memory_devices,
        }

    @property
    def gain(self) -> float | None:
        """Throughput over the baseline's, minus one."""
        return self.offload.tokens_per_s / self.baseline.tokens_per_s - 1.0 if self.baseline else None

    @property
    def gain_per_dollar(self) -> float | None:
        """Tokens per dollar over the baseline's, minus one."""
        return self.offload.tokens_per_dollar / self.baseline.tokens_per_dollar - 1.0 if self.baseline else None

    @property
    def batch_ratio(self) -> float | None:
        """Requests in flight over the baseline's."""
        return self.offload.batch / self.baseline.batch if self.baseline else None

    @property
    def because(self) -> str:
        """Why the figures are what they are, in two or three sentences."""
        ours = self.offload
        shares = ", ".join(f"{name} {share:.0%}" for name, share in ours.busy_fraction.items())
        first = f"The pace is set by {_WORDS[ours.limiter]} (busy: {shares})."
        need = max(self.minimum_per_nic.values())
        link = ours.deployment.link
        have = link.bandwidth_bytes_per_s if link else 0.0
        verdict = "has" if have >= need else "misses that with"
        second = (
            f"Moving {format_bytes(self.step_bytes)} per step and batch within {self.slowdown:.0%} of its time needs "
            f"{need / 1e9:.1f} GB/s per NIC; the link {verdict} {have / 1e9:.1f} GB/s."
        )
        return f"{first} {second}{self._against_baseline()}"

    def _against_baseline(self) -> str:
        if self.baseline is None or self.gain is None or self.gain_per_dollar is None:
            return ""
        ours, base = self.offload, self.baseline
        word = "more" if self.gain >= 0 else "fewer"
        return (
            f" {abs(self.gain):.1%} {word} tokens/s than {base.deployment.label} ({self.gain_per_dollar:+.1%} per "
            f"dollar): {ours.batch} requests in flight against {base.batch}, "
            f"{format_si(ours.time_between_tokens_s, 's', 3)} between tokens against "
            f"{format_si(base.time_between_tokens_s, 's', 3)}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "workload": self.workload,
            "offload": self.offload.to_dict(),
            "baseline": self.baseline.to_dict() if self.baseline else None,
            "gain": self.gain,
            "gain_per_dollar": self.gain_per_dollar,
            "batch_ratio": self.batch_ratio,
            "step_bytes": self.step_bytes,
            "slowdown": self.slowdown,
            "minimum_bandwidth_bytes_per_s": self.minimum_bytes_per_s,
            "minimum_per_nic_bytes_per_s": self.minimum_per_nic,
            "because": self.because,
            "warnings": list(self.warnings),
            "inputs": dict(self.inputs or {}),
        }

    def to_records(self) -> list[dict[str, Any]]:
        """Return one flat row per deployment."""
        rows = [self.offload, self.baseline] if self.baseline else [self.offload]
        return [{"workload": self.workload, **row.to_record()} for row in rows]
