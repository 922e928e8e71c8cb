"""Energy and area of a spatial array from the reference tables that Accelergy writes (ERT and ART, YAML).

An ERT lists the energy of each action of each component, an ART the area of each component. Components are named by
their place in the design, such as ``system.chip.global_buffer[1..1]``; the last part decides which field they fill:

=========================================== ==================================================================
last part of the name                       fields of the device
=========================================== ==================================================================
dram, main_memory, offchip                  dram.energy_pj_per_bit (per action of `dram_action_bits`)
global_buffer, glb, buffer, l3              buffer: energy of a row read and written, area
reg_file, register_file, rf, regs           registers of the array: energy per word, area
mac, add, max, divide, exp, ...             unit of the array: energy per operation, area
=========================================== ==================================================================

A name that contains ``1d`` or ``vector`` belongs to the 1D array, any other to the 2D array.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attnscope.errors import MissingHardwareError, SpecError
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.specs import validate

_DRAM = {"dram", "main_memory", "offchip", "off_chip"}
_BUFFER = {"global_buffer", "glb", "buffer", "l3", "shared_buffer"}
_REGISTERS = {"reg_file", "register_file", "rf", "regs", "registers", "regfile"}
_UNITS = {
    "mac": "mac", "intmac": "mac", "fpmac": "mac", "macc": "mac", "compute": "mac",
    "add": "add", "adder": "add", "fpadd": "add",
    "max": "max", "comparator": "max",
    "exp": "exp", "exponential": "exp",
    "divide": "divide", "div": "divide", "divider": "divide",
}  # fmt: skip
_READ, _WRITE, _COMPUTE = ("read",), ("write", "update"), ("compute", "mac_random", "mac", "add", "op")


def with_accelergy(
    device: SpatialDevice, ert: str | Path, art: str | Path | None = None, *, dram_action_bits: int = 64
) -> SpatialDevice:
    """Return `device` with energies of the ERT and areas of the ART; what they do not name stays as it was.

    Args:
        device: the spatial array to re-price.
        ert: path of an energy reference table.
        art: path of an area reference table, where there is one.
        dram_action_bits: bits that one read or write action of the DRAM moves.

    Raises:
        SpecError: a file is missing, is not such a table, or names no component that the device has.
        MissingHardwareError: PyYAML is not installed.
    """
    table = device.model_dump()
    used = [_energy(table, *entry, dram_action_bits) for entry in _entries(Path(ert), "ERT", "actions")]
    if not any(used):
        raise SpecError(f"{ert}: no component of this table fits {device.name}; known last parts: {_known()}.")
    if art is not None:
        for name, area in _entries(Path(art), "ART", "area"):
            _area(table, name, area)
    table["sources"] = {**table["sources"], "energy": f"Accelergy table {Path(ert).name}"}
    return validate(SpatialDevice, table, str(ert))


def _known() -> str:
    return ", ".join(sorted(_DRAM | _BUFFER | _REGISTERS | set(_UNITS)))


def _entries(path: Path, root: str, key: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, value of `key`) of each component of a table."""
    document = _load(path)
    body = document.get(root, document) if isinstance(document, Mapping) else None
    tables = body.get("tables") if isinstance(body, Mapping) else None
    if not isinstance(tables, list):
        raise SpecError(f"{path}: not an Accelergy {root}: expected a list under '{root}: tables:'.")
    for entry in tables:
        if not isinstance(entry, Mapping) or "name" not in entry or key not in entry:
            raise SpecError(f"{path}: an entry of '{root}: tables:' lacks 'name' or '{key}': {entry!r}.")
        yield str(entry["name"]), entry[key]


def _load(path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingHardwareError("Reading Accelergy tables needs PyYAML: pip install 'attnscope[yaml]'.") from None
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file. Give the path of an Accelergy table.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: not valid YAML: {error}.") from None


def _place(name: str) -> tuple[str, str]:
    """Return (array, last part) of a component's name, in lower case and without ranges such as ``[1..256]``."""
    plain = re.sub(r"\[[^\]]*\]", "", name).casefold()
    array = "array_1d" if "1d" in plain or "vector" in plain else "array_2d"
    return array, re.sub(r"_?(1d|2d)$", "", plain.rsplit(".", 1)[-1])


def _action(actions: Any, names: tuple[str, ...]) -> float | None:
    """Energy of the first action with one of `names`; None where there is none."""
    for action in actions if isinstance(actions, list) else []:
        if str(action.get("name", "")).casefold() in names:
            return float(action.get("energy", 0.0))
    return None


def _energy(table: dict[str, Any], name: str, actions: Any, dram_action_bits: int) -> bool:
    """Put the energies of one component into the device's table; tell whether the device has such a component."""
    array, part = _place(name)
    read, write, compute = (_action(actions, names) for names in (_READ, _WRITE, _COMPUTE))
    if part in _DRAM:
        return _put(table["dram"], energy_pj_per_bit=None if read is None else read / dram_action_bits)
    if part in _BUFFER:
        return _put(table["buffer"], read_energy_pj_per_row=read, write_energy_pj_per_row=write)
    if part in _REGISTERS:
        registers = table[array]["registers"]
        return _put(registers, read_energy_pj_per_word=read, write_energy_pj_per_word=write)
    unit = table[array]["units"].get(_UNITS.get(part, ""))
    return unit is not None and _put(unit, energy_pj=compute)


def _area(table: dict[str, Any], name: str, area: Any) -> bool:
    array, part = _place(name)
    if part in _BUFFER:
        return _put(table["buffer"], area_um2=float(area))
    if part in _REGISTERS:
        return _put(table[array]["registers"], area_um2=float(area))
    unit = table[array]["units"].get(_UNITS.get(part, ""))
    return unit is not None and _put(unit, area_um2=float(area))


def _put(fields: dict[str, Any], **values: float | None) -> bool:
    given = {key: value for key, value in values.items() if value is not None}
    fields.update(given)
    return bool(given)
