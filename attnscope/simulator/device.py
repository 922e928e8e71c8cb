"""Devices as data: one TOML file each, validated by the schema of its family."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attnscope.errors import SpecError, UnknownNameError
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.specs import Table, edition, find, merged, packaged, read_toml, validate, with_fields

Device = SpatialDevice | GpuDevice
FAMILIES: dict[str, type[SpatialDevice] | type[GpuDevice]] = {"spatial": SpatialDevice, "gpu": GpuDevice}
_PACKAGE, _FOLDER = "attnscope.simulator", "devices"


def list_devices(family: str | None = None) -> tuple[str, ...]:
    """Return the names of the shipped devices, of one family where it is given."""
    names = packaged(_PACKAGE, _FOLDER)
    return tuple(name for name in names if family is None or _table(name)["family"] == family)


def load_device(name: str) -> Device:
    """Return a shipped device by name, or the one in a user's TOML file (a path that ends in ``.toml``).

    Raises:
        UnknownNameError: no such device; suggests the nearest.
        SpecError: the file breaks the schema of its family; names the field.
    """
    return _load(name, edition(name))


@cache
def _load(name: str, _: tuple[int, int]) -> Device:
    table = _table(name)
    where = name if name.endswith(".toml") else f"device {name}"
    family = table.get("family")
    if family is None:
        raise SpecError(f"{where}: the key 'family' is missing. Known families: {', '.join(FAMILIES)}.")
    if family not in FAMILIES:
        raise UnknownNameError("device family", str(family), FAMILIES, where)
    return validate(FAMILIES[family], table, where)


def spatial_device(name: str, fields: Mapping[str, Any] | None = None) -> SpatialDevice:
    """Return a spatial array, with dotted `fields` replaced.

    Raises:
        UnknownNameError, SpecError: as `load_device`; also where the device is of another family.
    """
    device = load_device(name)
    if not isinstance(device, SpatialDevice):
        known = ", ".join(list_devices("spatial"))
        raise SpecError(
            f"device {name}: is of the family {device.family!r}; this mapping needs a spatial array: {known}."
        )
    return with_fields(device, fields or {}, f"device {name}")


def _table(name: str, seen: tuple[str, ...] = ()) -> Table:
    """The table of a device file, laid over the device it extends."""
    if name in seen:
        chain = " -> ".join((*seen, name))
        raise SpecError(
            f"device {seen[0]}: 'extends' goes round in a circle: {chain}. Let one of them stand on its own."
        )
    path = find("device", name, _PACKAGE, _FOLDER)
    table = {"name": Path(path).stem, **read_toml(path)}
    base = table.pop("extends", None)
    if base is not None and not isinstance(base, str):
        raise SpecError(f"device {name}: extends = {base!r} is refused: should be the name of a device or a TOML file.")
    if base is None:
        return table
    beside = path.parent / base if base.endswith(".toml") else None
    return merged(_table(str(beside) if beside else base, (*seen, name)), table)
