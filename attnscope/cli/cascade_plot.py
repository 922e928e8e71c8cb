"""A cascade drawn as a graph: inputs above, outputs below, passes in colours. Nothing is computed here."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attnscope.cli.cascade_layout import BOX_HEIGHT, BOX_WIDTH, GraphInfo, Node, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, PAPER, BACK = "#1c2329", "#8b949c", "#f4f2ee", "#b3483b"
PASS_COLORS = ("#e3e8ee", "#a9cce8", "#f7c88b", "#b8dba6", "#e2a9bd", "#cdbce6")
MARGIN, LEGEND = 0.35, 0.8
WIDTH_PER_LETTER = 0.078  # inches, at 7.4 points


def plot_cascade(info: GraphInfo) -> "Figure":
    """Return a figure as large as the cascade needs."""
    from matplotlib.figure import Figure

    xs, ys = [p[0] for p in _points(info)], [node.y for node in info.nodes]
    low_x, high_x = min(xs) - BOX_WIDTH / 2 - MARGIN, max(xs) + BOX_WIDTH / 2 + MARGIN + _room_for_returns(info)
    low_y, high_y = min(ys) - BOX_HEIGHT / 2 - LEGEND, max(ys) + BOX_HEIGHT / 2 + MARGIN
    high_x = max(high_x, low_x + 5.6)
    figure = Figure(figsize=(high_x - low_x, high_y - low_y), facecolor="white")
    ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_xlim(low_x, high_x)
    ax.set_ylim(low_y, high_y)
    ax.axis("off")
    places = {node.name: node for node in info.nodes}
    for edge in info.edges:
        source, target = places[edge.source], places[edge.target]
        _draw_return(ax, source, target) if edge.carried else _draw_edge(ax, source, target, edge.bends)
    for node in info.nodes:
        _draw_node(ax, node)
    _draw_legend(ax, info)
    return figure


def _points(info: GraphInfo) -> list[Point]:
    return [(node.x, node.y) for node in info.nodes] + [bend for edge in info.edges for bend in edge.bends]


def _room_for_returns(info: GraphInfo) -> float:
    return 0.3 if any(edge.carried for edge in info.edges) else 0.0


def _draw_node(ax: "Axes", node: Node) -> None:
    from matplotlib.patches import FancyBboxPatch

    box = FancyBboxPatch(
        (node.x - BOX_WIDTH / 2, node.y - BOX_HEIGHT / 2),
        BOX_WIDTH,
        BOX_HEIGHT,
        boxstyle=f"round,pad=0,rounding_size={0.28 if node.number < 0 else 0.06}",
        facecolor=PAPER if node.number < 0 else PASS_COLORS[node.number % len(PASS_COLORS)],
        edgecolor=INK,
        linewidth=2.2 if node.is_output else 0.9,
        zorder=3,
    )
    ax.add_patch(box)
    size = min(7.4, 7.4 * (BOX_WIDTH - 0.2) / (WIDTH_PER_LETTER * max(1, len(node.remark))))
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "zorder": 4}
    ax.text(node.x, node.y + 0.12, node.label, fontsize=10, fontweight="bold", **style)
    ax.text(node.x, node.y - 0.14, node.remark, fontsize=size, family="monospace", **style)


def _draw_edge(ax: "Axes", source: Node, target: Node, bends: tuple[Point, ...]) -> None:
    """A smooth line from the lower side of one box, through the bends, to the upper side of another."""
    through = [(source.x, source.y), *bends, (target.x, target.y)]
    start = (_port(source, through[1][0]), source.y - BOX_HEIGHT / 2)
    stop = (_port(target, through[-2][0]), target.y + BOX_HEIGHT / 2)
    _draw_curve(ax, [start, *bends, stop])


def _port(node: Node, towards: float) -> float:
    """Where an edge meets a box: towards where it comes from, so that edges of one box do not lie on each other."""
    return node.x + min(0.4 * BOX_WIDTH, max(-0.4 * BOX_WIDTH, 0.3 * (towards - node.x)))


def _draw_curve(ax: "Axes", points: list[Point], **style: Any) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Path.CURVE4] * 3
    look = {"arrowstyle": "-|>", "mutation_scale": 9, "linewidth": 1.0, "color": FAINT, "zorder": 2, **style}
    ax.add_patch(FancyArrowPatch(path=Path(vertices, codes), **look))


def _draw_return(ax: "Axes", source: Node, target: Node) -> None:
    """What a step hands to the next returns dashed: upwards to an earlier box, or to the box itself on its right."""
    style: dict[str, Any] = {"linestyle": (0, (4, 2)), "color": BACK, "linewidth": 1.1, "zorder": 5}
    if source.name != target.name:
        aside = 0.42 * BOX_WIDTH if target.x >= source.x else -0.42 * BOX_WIDTH
        start, stop = (source.x + aside, source.y + BOX_HEIGHT / 2), (target.x - aside, target.y - BOX_HEIGHT / 2)
        _draw_curve(ax, [start, stop], **style)
        return
    from matplotlib.patches import FancyArrowPatch

    side, bend = source.x + BOX_WIDTH / 2, "arc3,rad=1.6"
    ends = (side, source.y - 0.14), (side, source.y + 0.14)
    ax.add_patch(FancyArrowPatch(*ends, connectionstyle=bend, arrowstyle="-|>", mutation_scale=9, **style))


def _draw_legend(ax: "Axes", info: GraphInfo) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(facecolor=PAPER, edgecolor=INK, linewidth=0.8, label="input")]
    for number in sorted({node.number for node in info.nodes if node.number >= 0}):
        label = f"pass {number} over {info.rank}" if number else "in no pass" if info.rank else "Einsum"
        face = PASS_COLORS[number % len(PASS_COLORS)]
        handles.append(Patch(facecolor=face, edgecolor=INK, linewidth=0.8, label=label))
    if any(edge.carried for edge in info.edges):
        handles.append(Line2D([], [], color=BACK, linestyle=(0, (4, 2)), label="from the step before"))
    made = ax.legend(handles=handles, loc="lower left", ncols=3, frameon=False, fontsize=8.5, title=info.title)
    made.get_title().set_fontweight("bold")
    made.set_alignment("left")
