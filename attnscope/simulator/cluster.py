"""Pools of devices and the links between them: data with sources, and how people write them (``h100:2``)."""

from dataclasses import dataclass
from functools import cache

from pydantic import Field, model_validator

from attnscope.errors import UsageError
from attnscope.specs import Frozen, find, packaged, read_toml, validate

_PACKAGE, _FOLDER = "attnscope.simulator", "links"


class AllReduce(Frozen):
    """Ring all-reduce: ``base + per_device n + 2 (n - 1) / n bytes / bandwidth``."""

    base_s: float = Field(ge=0)
    per_device_s: float = Field(ge=0)
    bandwidth_bytes_per_s: float = Field(gt=0)


class Link(Frozen):
    """A network between devices; every figure has a line in `sources`.

    Attributes:
        round_trip_s: end of the producing kernel to start of the consuming one, both directions, without payload.
        bandwidth_bytes_per_s: what the software reaches per device (NIC) and direction.
        line_rate_bytes_per_s: what the wire carries per device and direction.
        all_reduce: collective inside a pool, where it was measured.
    """

    name: str
    summary: str
    round_trip_s: float = Field(ge=0)
    bandwidth_bytes_per_s: float = Field(gt=0)
    line_rate_bytes_per_s: float = Field(gt=0)
    all_reduce: AllReduce | None = None
    sources: dict[str, str]

    @model_validator(mode="after")
    def _every_figure_has_a_source(self) -> "Link":
        figures = ("round_trip_s", "bandwidth_bytes_per_s", "line_rate_bytes_per_s")
        needed = (*figures, "all_reduce") if self.all_reduce else figures
        missing = [name for name in needed if name not in self.sources]
        if missing:
            raise ValueError(f"no source is given for {', '.join(missing)}. Add a line to [sources].")
        return self

    @property
    def line_share(self) -> float:
        """Share of the line rate that the software reaches."""
        return self.bandwidth_bytes_per_s / self.line_rate_bytes_per_s


def list_links() -> tuple[str, ...]:
    """Return the names of the shipped links."""
    return tuple(packaged(_PACKAGE, _FOLDER))


@cache
def load_link(name: str) -> Link:
    """Return a shipped link by name, or the one in a user's TOML file.

    Raises:
        UnknownNameError: no such link; suggests the nearest.
        SpecError: the file breaks the schema; names the field.
    """
    path = find("link", name, _PACKAGE, _FOLDER)
    where = name if name.endswith(".toml") else f"link {name}"
    return validate(Link, {"name": path.stem, **read_toml(path)}, where)


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A device's name and how many of them.

    Raises:
        UsageError: a count below 1.
    """

    device: str
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(
                f"pool {self.device}:{self.count}: a pool needs at least 1 device. Nearest: {self.device}:1."
            )

    @property
    def label(self) -> str:
        """As people write it: ``h100:2``."""
        return f"{self.device}:{self.count}"


def parse_pool(text: "str | PoolSpec", what: str = "pool") -> PoolSpec:
    """Return a pool written as ``device:count``; the count is 1 where it is left out.

    Raises:
        UsageError: no device, or a count that is not a whole number of at least 1.

    >>> parse_pool("h100:2")
    PoolSpec(device='h100', count=2)
    """
    if isinstance(text, PoolSpec):
        return text
    device, colon, count = text.strip().rpartition(":")
    if not colon:
        device, count = text.strip(), "1"
    if not device:
        raise UsageError(f"{what}: {text!r} names no device. Write a device and a count, such as h100:2.")
    try:
        number = int(count)
    except ValueError:
        raise UsageError(
            f"{what}: {count!r} in {text!r} is not a count. Write a device and a whole number, such as {device}:2."
        ) from None
    if number < 1:
        raise UsageError(f"{what}: {text!r} has {number} devices; a pool needs at least 1. Nearest: {device}:1.")
    return PoolSpec(device, number)
