"""The page of a report: HTML put together from text, tables and figures, with nothing to load from anywhere."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from attnscope.explore.report_data import Effect, LimiterMap

_COLOURS = {
    "array_2d": "#4f7cac",
    "array_1d": "#c49a2c",
    "dram": "#b5482a",
    "drain": "#8a5a99",
    "not legal": "#e4e6e8",
}
_NAMES = {"array_2d": "2D array", "array_1d": "1D array", "dram": "DRAM", "drain": "drain of the 2D array"}


def page(title: str, sections: Iterable[str], data: dict[str, Any]) -> str:
    """Return the whole document."""
    body = "\n".join(sections)
    # A closing tag inside the data would end the script element early.
    packed = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{_asset('report.css')}</style>\n</head>\n<body>\n{body}\n"
        f'<div id="tip"></div>\n<script type="application/json" id="data">{packed}</script>\n'
        f"<script>\n{_asset('report.js')}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return (resources.files("attnscope.explore") / "assets" / name).read_text(encoding="utf-8")


def number(value: Any) -> str:
    """Return a figure as a reader wants it: five digits, powers of ten only far from 1."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}" if abs(int(value)) < 10**9 else f"{float(value):.4g}"
    if isinstance(value, float | np.floating):
        return f"{float(value):.5g}"
    return str(value)


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, points: Sequence[int] = (), texts: Iterable[int] = ()
) -> str:
    """Return a table; `points` gives the number of the point on the chart that each row stands for."""
    left = set(texts)
    cells = [f'<th class="text">{escape(h)}</th>' if k in left else f"<th>{escape(h)}</th>" for k, h in enumerate(head)]
    out = [f'<div class="scroll"><table><thead><tr>{"".join(cells)}</tr></thead><tbody>']
    for i, row in enumerate(rows):
        mark = f' data-i="{points[i]}"' if i < len(points) else ""
        data = [
            f'<td class="text">{escape(number(v))}</td>' if k in left else f"<td>{escape(number(v))}</td>"
            for k, v in enumerate(row)
        ]
        out.append(f"<tr{mark}>{''.join(data)}</tr>")
    return "".join([*out, "</tbody></table></div>"])


def chart(note: str) -> str:
    """Return the frame of the interactive front."""
    return (
        '<div class="controls"><label>across <select id="x"></select></label>'
        '<label>up <select id="y"></select></label><button id="reset">whole view</button>'
        f'<span class="note">{escape(note)}</span></div>'
        '<svg id="front" viewBox="0 0 960 480" role="img" aria-label="Pareto front"></svg>'
    )


def bars(effects: Sequence[Effect], objectives: Sequence[str]) -> str:
    """Return the range of each objective over each parameter as bars on a logarithmic scale around the reference."""
    out = []
    for k, objective in enumerate(objectives):
        widest = max((max(e.most[k], 1 / max(e.least[k], 1e-12)) for e in effects), default=1.0)
        scale = np.log(max(widest, 1.0001))
        lines = []
        for effect in sorted(effects, key=lambda e: -(e.most[k] / e.least[k])):
            left, right = (50 + 50 * np.log(v) / scale for v in (effect.least[k], effect.most[k]))
            lines.append(
                f'<tr><td class="text">{escape(effect.path)}</td><td><div class="bar">'
                f'<i style="left:{left:.1f}%;width:{max(right - left, 0.5):.1f}%"></i>'
                '<i class="mark" style="left:50%"></i>'
                f"</div></td><td>{effect.least[k]:.3g} to {effect.most[k]:.3g}</td>"
                f"<td>best at {escape(number(effect.best[k]))}</td></tr>"
            )
        out.append(f'<h3>{escape(objective)}</h3><table class="bars">{"".join(lines)}</table>')
    return "".join(out)


def limiters(found: LimiterMap) -> str:
    """Return the map of limiters as a coloured table with its key."""
    names = list(dict.fromkeys(name for row in found.limiters for name in row))
    key = "".join(f'<span class="key" style="background:{_colour(n)}"></span>{escape(_NAMES.get(n, n))}' for n in names)
    head = "".join(f"<th>{escape(_brief(v))}</th>" for v in found.columns)
    rows = "".join(
        f"<tr><th>{escape(_brief(value))}</th>"
        + "".join(f'<td style="background:{_colour(n)}" title="{escape(_NAMES.get(n, n))}"></td>' for n in row)
        + "</tr>"
        for value, row in zip(found.rows, found.limiters, strict=True)
    )
    return (
        f'<p class="note">{escape(found.down)} down, {escape(found.across)} across.{key}</p>'
        f'<div class="scroll"><table class="map"><tr><th></th>{head}</tr>{rows}</table></div>'
    )


def _brief(value: Any) -> str:
    return f"{float(value):.3g}"


def _colour(name: str) -> str:
    return _COLOURS.get(name, "#7a6a58")


def figure(svg: bytes, caption: str) -> str:
    """Return an SVG as an image of its own, so that its names do not meet those of another."""
    packed = base64.b64encode(svg).decode("ascii")
    source = f"data:image/svg+xml;base64,{packed}"
    shown = f'<img alt="{escape(caption)}" src="{source}">'
    return f'<figure>{shown}<figcaption class="note">{escape(caption)}</figcaption></figure>'
