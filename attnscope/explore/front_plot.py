"""Drawing a Pareto front; nothing is computed here."""

from typing import Any

from attnscope.explore.asking import Front

_MARKS = "osD^vP*X<>"


def plot_front(front: Front, ax: Any = None) -> Any:
    """Draw the first two objectives of a front; the third, where there is one, as colour. Return the axes.

    Points of one mapping share a mark. Nothing is shown or saved.
    """
    from matplotlib.figure import Figure

    if ax is None:
        ax = Figure(figsize=(7, 4.5), layout="constrained").subplots()
    names = list(dict.fromkeys(front.records["mapping"].tolist()))
    x, y = front.values[:, 0], front.values[:, min(1, front.values.shape[1] - 1)]
    colour = front.values[:, 2] if front.values.shape[1] > 2 else None
    drawn = None
    for k, name in enumerate(names):
        rows = front.records["mapping"] == name
        options: dict[str, Any] = {"marker": _MARKS[k % len(_MARKS)], "label": name, "s": 28, "linewidths": 0.4}
        if colour is not None:
            options |= {"c": colour[rows], "vmin": colour.min(), "vmax": colour.max(), "cmap": "viridis"}
        drawn = ax.scatter(x[rows], y[rows], edgecolors="black", **options)
    ax.set(xscale="log", yscale="log", xlabel=front.objectives[0], title=front.title)
    ax.set_ylabel(front.objectives[min(1, len(front.objectives) - 1)])
    if colour is not None:
        ax.figure.colorbar(drawn, ax=ax, label=front.objectives[2])
    ax.grid(alpha=0.3, which="both", linewidth=0.5)
    ax.legend(title="mapping")
    return ax
