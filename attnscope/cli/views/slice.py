"""A model cut at its attentions."""

from collections.abc import Iterator
from typing import Any

from attnscope.cli.render import BARS, bar, facts, heading, left, styled, table
from attnscope.cli.views.estimate import section
from attnscope.mappings.offload.slicing import Cut, Instruction, Slices
from attnscope.units import format_bytes


def slice_view(found: Slices) -> Iterator[Any]:
    """Yield the counts, what each cut costs, then the slices step by step."""
    yield heading(f"{found.name}: {found.n_attentions:,} attentions, {found.n_slices:,} slices")
    yield facts(_headline(found))
    for cut in found.cuts:
        yield from section(f"Around {cut.attention}", _cut(cut), "bytes per token")
    for number, piece in enumerate(found.pieces):
        yield from section(_title(found, number), _piece(piece))


def _headline(found: Slices) -> Iterator[tuple[str, str]]:
    yield "because", found.because
    if found.layers > 1:
        yield "below", f"one of {found.layers} blocks; its last slice and the first of the next are one"


def _title(found: Slices, number: int) -> str:
    if not number:
        return f"Slice before {found.cuts[0].attention}"
    return f"Slice after {found.cuts[number - 1].attention}"


def _cut(cut: Cut) -> Any:
    tensors = (
        *((f"{name}, kept", weight) for name, weight in cut.kept),
        ("query, sent first", cut.query_bytes),
        ("key and value, sent later", cut.kv_bytes),
        ("output, received", cut.output_bytes),
    )
    top = max(weight for _, weight in tensors)
    rows = ((name, format_bytes(weight), bar(weight / top if top else 0.0)) for name, weight in tensors)
    return table([left("tensor"), "size", BARS], rows)


def _piece(piece: tuple[Instruction, ...]) -> Any:
    rows = (
        (f"{i}", _action(step), step.operator, format_bytes(step.bytes_per_token) if step.bytes_per_token else "")
        for i, step in enumerate(piece, 1)
    )
    return table(["#", left("step"), left("operator"), "per token"], rows)


def _action(step: Instruction) -> Any:
    return step.action if step.action == "run" else styled(step.action, "bold")
