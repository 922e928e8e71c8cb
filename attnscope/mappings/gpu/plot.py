"""Figure of an `Advice`: computed scores against predicted time. Draws only; saves nothing and opens no window."""

from typing import Any

from attnscope.mappings.gpu.advice import Advice

_COLORS = {"hopper-fna": "#0072B2", "blackwell-fna": "#009E73", "cutlass-fna": "#E69F00", "flex-fna": "#CC79A7"}
_GREY = "#666666"


def plot_advice(advice: Advice, ax: Any = None) -> Any:
    """Draw every choice: share of the dense scores that it computes against its latency.

    Filled marks evaluate no mask (block-sparse), hollow ones do; the line is the dense kernel's rate.

    Args:
        advice: what to draw.
        ax: matplotlib axes; a new figure without it.

    Returns:
        The axes.
    """
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.5, 4.8), layout="constrained").subplots()
    for backend in sorted({c.backend for c in advice.choices}):
        for sparse in (True, False):
            _scatter(advice, ax, backend, sparse)
    _frame(advice, ax)
    return ax


def _scatter(advice: Advice, ax: Any, backend: str, sparse: bool) -> None:
    mine = [c for c in advice.choices if c.backend == backend and (c.masked_fraction == 0) == sparse]
    if not mine:
        return
    color = _COLORS.get(backend, _GREY)
    ax.scatter(
        [100 * c.computed_fraction for c in mine],
        [1e3 * c.latency_s for c in mine],
        s=22,
        facecolors=color if sparse else "none",
        edgecolors=color,
        linewidths=0.8,
        label=f"{backend}, {'no mask' if sparse else 'masked'}",
    )


def _frame(advice: Advice, ax: Any) -> None:
    best, shape = advice.best, advice.problem
    most = max(c.computed_fraction for c in advice.choices)
    ax.plot(
        [0, 100 * most], [0, 1e3 * advice.dense_s * most], color=_GREY, lw=1, ls="--", label="rate of the dense kernel"
    )
    ax.axvline(100 / best.flopwise_speedup, color=_GREY, lw=0.8, ls=":", label="visible scores")
    ax.annotate(
        f"best: {best.pair}\nstride {'x'.join(map(str, best.stride))}, {best.latency_s * 1e3:.3g} ms",
        (100 * best.computed_fraction, 1e3 * best.latency_s),
        xytext=(12, -4),
        textcoords="offset points",
        fontsize=8,
        va="top",
    )
    ax.set(xlabel="scores computed, % of dense attention", ylabel="predicted latency [ms]")
    ax.set(xlim=(0, None), ylim=(0, None))
    ax.set_title(
        f"{shape['layout']} window {shape['window']}, {shape['heads']} heads x {shape['head_dim']} on {advice.device}"
    )
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
