"""Passes of a cascade over a rank."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from attnscope.cli.output import Record
from attnscope.cli.render import facts, heading, left, paragraph, remarked, table
from attnscope.cli.views.estimate import section
from attnscope.einsum_cascade import Boundary, Cascade, Live, PassAnalysis
from attnscope.errors import UnknownNameError

_WHERE = {"element": "", "tile": "# once per tile", "outside": "# not along the rank"}


@dataclass(frozen=True)
class Passes:
    """An analysis with the lengths to evaluate its footprints for."""

    cascade: Cascade
    analysis: PassAnalysis
    sizes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis; footprints in elements where the lengths are given."""
        plain = self.analysis.to_dict()
        boundaries = (*self.analysis.live, self.analysis.carried)
        for row, boundary in zip((*plain["live"], plain["carried"]), boundaries, strict=True):
            row["elements"] = elements(boundary, self.sizes)
        return {**plain, "sizes": dict(self.sizes)}

    def to_records(self) -> list[Record]:
        """Return one row per Einsum."""
        found = self.analysis
        return [
            {
                "cascade": found.cascade,
                "rank": found.rank,
                "einsum": name,
                "pass": number,
                "level": found.level[name],
                "opens": found.opened_by[number].einsum == name if number in found.opened_by else False,
            }
            for name, number in found.einsum_pass.items()
        ]


def passes_view(found: Passes) -> Iterator[Any]:
    """Yield the count, the tensors, then pass after pass with what opens it and what stays live."""
    analysis, n_passes = found.analysis, found.analysis.n_passes()
    yield heading(f"{analysis.cascade}: {_count(n_passes)} over {analysis.rank}")
    if analysis.passes:
        yield facts([("traversed", ", ".join(f"{name} {_times(n)}" for name, n in analysis.passes.items()))])
    for number in range(n_passes + 1):
        yield from _pass(found, number)
    if analysis.carried.tensors:
        yield from section("Carried from step to step", _live(analysis.carried, found.sizes))


def _count(n: int) -> str:
    return f"{n} pass{'' if n == 1 else 'es'}"


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def _pass(found: Passes, number: int) -> Iterator[Any]:
    analysis = found.analysis
    names = [name for name, at in analysis.einsum_pass.items() if at == number]
    if names:
        yield ""
        yield heading(f"Pass {number}" if number else "Before the first pass")
        if number in analysis.opened_by:
            yield paragraph(f"opened because {analysis.opened_by[number].reason}", "yellow")
        yield facts(_einsums(found, names), "")
    for boundary in analysis.live:
        if boundary.after_pass == number and boundary.tensors:
            yield from section(f"Live between pass {number} and pass {number + 1}", _live(boundary, found.sizes))


def _einsums(found: Passes, names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        written, _, expression = str(found.cascade.by_name[name]).partition(" = ")
        yield written, remarked(f"= {expression}", _WHERE[found.analysis.level[name]])


def _live(boundary: Boundary, sizes: Mapping[str, int]) -> Any:
    rows = [(live.tensor, live.role, live.footprint, _number(live, sizes)) for live in boundary.tensors]
    if len(rows) > 1:
        rows.append(("together", "", boundary.footprint, _number(boundary, sizes)))
    columns = [left("tensor"), left("role"), left("footprint"), "elements" if sizes else ""]
    return table(columns, rows, total=len(rows) > 1)


def _number(part: Live | Boundary, sizes: Mapping[str, int]) -> str:
    found = elements(part, sizes)
    return "" if found is None else f"{found:,}"


def elements(part: Live | Boundary, sizes: Mapping[str, int]) -> int | None:
    """Return the footprint in elements; None where a length is not given."""
    try:
        return part.elements(sizes) if sizes else None
    except UnknownNameError:
        return None
