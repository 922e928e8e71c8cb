"""What a device costs per hour: lists with their source, a user's own list, or single prices."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from attnscope.errors import UnknownNameError, UsageError
from attnscope.specs import Frozen, read_toml, validate

DEFAULT_LIST = "lamina"


class PriceList(Frozen):
    """Prices per device and hour; `unit` says whether in dollars or relative to one device of the list."""

    name: str
    unit: Literal["dollar", "relative"]
    source: str
    prices: dict[str, float]

    def of(self, device: str, own: Mapping[str, float] | None = None) -> float:
        """Return the price of one device for an hour; `own` prices go first.

        Raises:
            UsageError: no price is known, or it is not above zero.
        """
        table = {**self.prices, **(own or {})}
        if device not in table:
            raise UsageError(
                f"price list {self.name}: no price for {device!r} (known: {', '.join(sorted(self.prices))}). "
                f"Give one, such as {device}=2.50 per hour."
            )
        price = table[device]
        if not price > 0.0:
            raise UsageError(f"price of {device}: {price:g} per hour is refused; a price must be above zero.")
        return float(price)


@cache
def shipped_prices() -> dict[str, PriceList]:
    """The lists of the package by name."""
    with resources.as_file(resources.files("attnscope.mappings.offload") / "prices.toml") as path:
        table = read_toml(Path(path))
    return {name: validate(PriceList, {"name": name, **fields}, f"price list {name}") for name, fields in table.items()}


def load_prices(name: str | PriceList = DEFAULT_LIST) -> PriceList:
    """Return a shipped list by name, or a user's: a TOML file with ``unit``, ``source`` and a table ``prices``.

    Raises:
        UnknownNameError: no such list; suggests the nearest.
        SpecError: the file breaks the schema.
    """
    if isinstance(name, PriceList):
        return name
    if name.endswith(".toml"):
        return validate(PriceList, {"name": Path(name).stem, **read_toml(Path(name))}, name)
    known = shipped_prices()
    if name.casefold() not in known:
        raise UnknownNameError("price list", name, known)
    return known[name.casefold()]
