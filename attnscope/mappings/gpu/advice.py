"""What the tile advisor answers: ranked choices, and reasons in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attnscope.mappings.gpu.backends import Kernel, no_such_pair
from attnscope.mappings.gpu.tiles import TilePair, format_axes
from attnscope.simulator.gpu_device import GpuDevice

_PART_WORDS = {
    "tiles": "more or slower tile visits",
    "mask": "mask evaluation",
    "fixed": "pipeline fill of more CTAs",
    "tail": "idle SMs in the last wave",
    "memory": "L2 and DRAM traffic",
    "copies": "token permutation and padding",
    "launch": "kernel launches",
}


@dataclass(frozen=True)
class TileChoice:
    """One stride and tile pair with its cost.

    Attributes:
        backend, pair, stride: the choice.
        latency_s: everything; `kernel_s` the attention kernel, `copies_s` padding and token permutation.
        parts_s: the latency as a sum, by cause.
        flopwise_speedup: dense pairs over visible pairs. `mean_speedup`: dense visits over mean visits per Q tile.
        worst_speedup: dense visits over visits of the worst Q tile. `predicted_speedup`: the vendor's dense kernel over
            this choice, copies included.
        visits_total, visits_mean, visits_worst: KV tiles visited, per head: all Q tiles, mean, worst.
        computed_fraction: scores computed over all scores of dense attention.
        partial_fraction: share of visits that need the mask; `masked_fraction` share that evaluates it.
        block_sparse: no visited tile is partial.
        query_padding_fraction, key_padding_fraction: padded tokens over real ones.
        waves: CTAs over the slots of all SMs.
        limiter: what takes most time.
    """

    backend: str
    pair: TilePair
    stride: tuple[int, ...]
    latency_s: float
    kernel_s: float
    copies_s: float
    parts_s: Mapping[str, float]
    flopwise_speedup: float
    mean_speedup: float
    worst_speedup: float
    predicted_speedup: float
    visits_total: int
    visits_mean: float
    visits_worst: int
    computed_fraction: float
    partial_fraction: float
    masked_fraction: float
    block_sparse: bool
    query_padding_fraction: float
    key_padding_fraction: float
    waves: float
    limiter: str

    @property
    def label(self) -> str:
        """Such as ``hopper-fna 2x8x8/2x8x8 stride 16x8x8``."""
        return f"{self.backend} {self.pair} stride {format_axes(self.stride)}"

    def to_record(self) -> dict[str, Any]:
        """One flat row."""
        row = {n: v for n, v in vars(self).items() if n != "parts_s"}
        row |= {"pair": str(self.pair), "stride": format_axes(self.stride)}
        return row | {f"part_{n}_s": v for n, v in self.parts_s.items()}


@dataclass(frozen=True)
class Advice:
    """Choices ranked by predicted latency.

    Attributes:
        problem, device: what and where.
        dense_s: the vendor's dense kernel on the same tokens.
        choices: fastest first; strides that a smaller stride matches in speed are left out.
        flat: the best choice's tile sizes on the flattened token sequence, to show what that would cost.
        because: why the first choice wins.
        n_evaluated: strides times tile pairs looked at.
    """

    problem: Mapping[str, Any]
    device: str
    dense_s: float
    choices: tuple[TileChoice, ...]
    flat: TileChoice
    because: str
    n_evaluated: int
    kernels: tuple[Kernel, ...] = field(repr=False)
    gpu: GpuDevice = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> TileChoice:
        """The fastest choice."""
        return self.choices[0]

    def why_not(self, pair: str | TilePair) -> str:
        """Why a tile pair is not the first choice: it has no kernel on the GPU, or it is slower, and for what reason.

        Raises:
            UsageError: `pair` is not a tile pair at all.
        """
        wanted = TilePair.parse(pair)
        mine = [c for c in self.choices if c.pair == wanted]
        if not mine:
            return _sentence(no_such_pair(list(self.kernels), wanted, self.gpu))
        same = [c for c in mine if c.stride == self.best.stride] or mine
        choice = min(same, key=lambda c: c.latency_s)
        if choice is self.best:
            return f"{choice.label} is the best choice. {self.because}"
        return f"{wanted} is legal but {slower(choice, self.best)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "problem": dict(self.problem),
            "device": self.device,
            "dense_s": self.dense_s,
            "because": self.because,
            "n_evaluated": self.n_evaluated,
            "warnings": list(self.warnings),
            "flat": self.flat.to_record(),
            "choices": self.to_records(),
        }

    def to_records(self) -> list[dict[str, Any]]:
        """One flat row per choice, fastest first."""
        return [{"rank": i + 1, **c.to_record()} for i, c in enumerate(self.choices)]

    def frontier(self) -> list[TileChoice]:
        """The fastest choice of each stride, fastest first."""
        seen: dict[tuple[int, ...], TileChoice] = {}
        for choice in self.choices:
            seen.setdefault(choice.stride, choice)
        return list(seen.values())


def slower(choice: TileChoice, best: TileChoice) -> str:
    """How much slower than the best a choice is, and the causes that make up most of the gap."""
    gap = choice.latency_s - best.latency_s
    causes = sorted(((choice.parts_s[n] - best.parts_s[n], n) for n in choice.parts_s), reverse=True)
    told = [f"{_PART_WORDS[n]} {d / gap:+.0%} of the gap" for d, n in causes[:2] if gap > 0 and d > 0.1 * gap]
    factor = f"{choice.latency_s / best.latency_s:.2f}x slower than {best.label}"
    detail = f": {', '.join(told)}" if told else ""
    return (
        f"{factor} ({choice.label}: {choice.latency_s * 1e3:.4g} ms against {best.latency_s * 1e3:.4g} ms){detail}. "
        f"{_facts(choice)}"
    )


def _facts(c: TileChoice) -> str:
    mask = "no visit needs the mask" if c.masked_fraction == 0 else f"{c.masked_fraction:.0%} of the visits evaluate it"
    sizes = f"{c.visits_total:,} visits of {c.pair.q_size} x {c.pair.kv_size} scores"
    return f"It makes {sizes} per head; {mask}; {c.waves:.4g} waves."


def why_best(best: TileChoice, others: list[TileChoice]) -> str:
    """Why the best choice wins, against the best choice with another tile pair or backend and the same stride."""
    mask = "the mask is perfectly block-sparse, so no visit evaluates it" if best.block_sparse else _mask_words(best)
    head = f"{best.label} is fastest: {mask}; {best.mean_speedup:.4g}x fewer visits than dense on average"
    rival = next(
        (c for c in others if c.stride == best.stride and (c.pair, c.backend) != (best.pair, best.backend)), None
    )
    if rival is None:
        return f"{head}."
    gap = rival.latency_s - best.latency_s
    if gap <= 1e-9 * best.latency_s:
        return f"{head}; {rival.backend} {rival.pair} is equally fast."
    cause = max(rival.parts_s, key=lambda n: rival.parts_s[n] - best.parts_s[n])
    words = f"{rival.latency_s / best.latency_s - 1:.1%} slower, mostly by {_PART_WORDS[cause]}"
    return f"{head}; the next pair, {rival.backend} {rival.pair}, is {words}."


def _mask_words(best: TileChoice) -> str:
    return (
        f"{best.partial_fraction:.0%} of the visited tiles are partial and {best.masked_fraction:.0%} evaluate the mask"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
