"""What a spatial mapping says: where each Einsum runs, in which steps, how tiles are chosen. Data, no code."""

from functools import cache
from typing import Literal

from pydantic import Field

from attnscope.specs import Frozen, edition, find, packaged, read_toml, validate

_PACKAGE, _FOLDER = "attnscope.mappings.spatial", "library"
Rank = Literal["", "E", "F", "M", "P"]
Dataflow = Literal["output", "weight"]


class Bind(Frozen):
    """Einsums bound to one array with the ranks that are spread over its rows and columns.

    `chained` operators feed each other through pipelined units, so an Einsum issues at the rate of its slowest
    operator; otherwise its operators take turns. `dataflow` restricts the binding to one of the mapping's dataflows.
    """

    einsums: tuple[str, ...]
    array: Literal["array_2d", "array_1d"]
    rows: Rank = ""
    columns: Rank
    chained: bool = False
    dataflow: Dataflow | None = None


class Step(Frozen):
    """Einsums whose totals overlap across the arrays; steps follow one another."""

    array_2d: tuple[str, ...] = ()
    array_1d: tuple[str, ...] = ()


class Published(Frozen):
    """What the published accounting of energy leaves out for this mapping."""

    uncounted_units: tuple[str, ...] = ()


class SpatialMapping(Frozen):
    """One mapping of a cascade onto a two-dimensional and a one-dimensional array.

    Attributes:
        tiling: how free sizes are chosen: `fused` (largest query block that fits), `flat` (FLAT's rule),
            `unfused` (search).
        phases: groups of Einsums separated by DRAM; empty for one fused phase.
        steps: the steady state of one tile; empty where all Einsums overlap freely.
        drains: Einsums of the 2D array whose results are complete only once they have left it.
        in_flight: score tiles in the array at once: `one`, or as many as the `registers` of a PE hold.
        buffer_share: part of the buffer that tiles may fill.
        row_cap: most query rows of a block, where the mapping has such a limit.
    """

    name: str
    title: str
    summary: str
    source: str
    cascade: str
    tiling: Literal["fused", "flat", "unfused"]
    bind: tuple[Bind, ...]
    phases: tuple[tuple[str, ...], ...] = ()
    steps: tuple[Step, ...] = ()
    drains: tuple[str, ...] = ()
    in_flight: Literal["one", "registers"] = "registers"
    buffer_share: float = Field(default=1.0, gt=0, le=1)
    row_cap: int | None = Field(default=None, gt=0)
    published: Published = Published()


def list_spatial_mappings() -> tuple[str, ...]:
    """Return the names of the shipped spatial mappings, in the order of the FuseMax study."""
    order = ("unfused", "flat", "cascade", "fusemax-serial", "fusemax")
    return tuple(
        sorted(packaged(_PACKAGE, _FOLDER), key=lambda name: order.index(name) if name in order else len(order))
    )


def load_mapping(name: str) -> SpatialMapping:
    """Return a shipped mapping, or the one in a user's TOML file (a path that ends in ``.toml``).

    Raises:
        UnknownNameError: no such mapping; suggests the nearest.
        SpecError: the file breaks the schema.
    """
    return _load(name, edition(name))


@cache
def _load(name: str, _: tuple[int, int]) -> SpatialMapping:
    path = find("mapping", name, _PACKAGE, _FOLDER)
    return validate(SpatialMapping, {"name": path.stem, **read_toml(path)}, f"mapping {name}")
