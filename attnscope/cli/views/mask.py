"""A mask as people look at it."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.mask_answer import MaskAnswer
from attnscope.cli.render import BARS, Fitted, bar, facts, heading, left, percent, stacked, table
from attnscope.cli.views.estimate import section
from attnscope.workloads.visibility import render_text, render_tiles


def mask_view(found: MaskAnswer) -> Iterator[Any]:
    """Yield the counts, the keys that queries see, then the tiles."""
    yield heading(f"mask {found.name}", ", ".join(f"{n} {v}" for n, v in found.params.items()))
    yield facts(_counts(found))
    for title, mask in found.parts:
        yield ""
        if title:
            yield heading(title)
        yield Fitted(lambda width, mask=mask: render_text(mask, found.queries, width))  # type: ignore[misc]
    if found.tiles and found.tile_picture:
        yield from section("Tiles", _tiles(found))
        yield ""
        picture = found.tile_picture
        yield Fitted(lambda width: render_tiles(picture, width))


def _counts(found: MaskAnswer) -> Iterator[tuple[str, str]]:
    keys, mask = found.keys, found.mask
    per_unit = f" in each of {mask.n_units} heads or layers" if mask.n_units > 1 else ""
    yield "tokens", f"{mask.n_queries:,} queries, {mask.n_keys:,} keys{per_unit}"
    yield "keys per query", f"{keys.min:,} least, {keys.mean:,.4g} mean, {keys.max:,} most"
    yield "density", f"{percent(keys.density, 2)} of all pairs; {1 / keys.density:.4g}x fewer than dense attention"


def _tiles(found: MaskAnswer) -> Any:
    t = found.tiles
    assert t is not None
    whole = t.n_q_tiles * t.n_kv_tiles
    rows = [
        (name, f"{count:,}", percent(count / whole), bar(count / whole, track=True))
        for name, count in (("empty", t.empty), ("partial", t.partial), ("full", t.full))
    ]
    sparse = "no visited tile is partial: perfectly block-sparse" if t.block_sparse else ""
    speedups = (("FLOPs", t.flopwise_speedup), ("mean", t.mean_speedup), ("worst", t.worst_speedup))
    notes = (
        ("visits", f"{t.visits_mean:,.4g} mean and {t.visits_max:,} worst of {t.n_kv_tiles:,} KV tiles per Q tile"),
        ("speed-up", ", ".join(f"{value:.4g}x by {name}" for name, value in speedups)),
        ("efficiency", f"{percent(t.efficiency)} of the pairs computed are visible; {sparse}".rstrip("; ")),
    )
    return stacked(table([left("tiles"), "count", "share", BARS], rows), "", facts(notes))
