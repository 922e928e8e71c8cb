"""One device, model or mapping as fields with their sources."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from attnscope.cli.output import Record
from attnscope.errors import UnknownNameError
from attnscope.simulator.device import load_device
from attnscope.simulator.spatial_device import SpatialDevice
from attnscope.specs import dotted


@dataclass(frozen=True)
class Fields:
    """A specification field by field.

    Attributes:
        kind: device, model or mapping.
        name: its name.
        summary: what it is, in a line.
        source: where it was published, where one source holds for all.
        values: fields by dotted path.
        sources: source of each field that has one of its own.
        area_mm2: area by component, of devices that have one.
    """

    kind: str
    name: str
    summary: str
    source: str
    values: dict[str, Any]
    sources: dict[str, str] = field(default_factory=dict)
    area_mm2: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        area = {"area_mm2": {**self.area_mm2, "total": sum(self.area_mm2.values())}} if self.area_mm2 else {}
        return {
            "kind": self.kind,
            "name": self.name,
            "summary": self.summary,
            "source": self.source,
            "fields": self.values,
            **area,
            "sources": self.sources,
        }

    def to_records(self) -> list[Record]:
        """Return one row per field."""
        return [
            {"field": path, "value": value, "source": self.sources.get(path, self.source)}
            for path, value in self.values.items()
        ]


def fields_of(kind: str, name: str) -> Fields:
    """Return the fields of a device, model or mapping.

    Raises:
        UnknownNameError: no such name; suggests the nearest.
        SpecError: a file that breaks its schema.
    """
    readers: dict[str, Callable[[str], Any]] = {"device": load_device, "model": _model, "mapping": _mapping}
    spec = readers[kind](name)
    table = spec.model_dump(mode="json", exclude_defaults=kind == "mapping")
    sources = table.pop("sources", {})
    heads = {key: table.pop(key, "") for key in ("name", "summary", "source", "title")}
    values = dotted(table)
    area = {n: um2 / 1e6 for n, um2 in spec.area_parts_um2.items()} if isinstance(spec, SpatialDevice) else {}
    found = {path: source for path in values if (source := _source(path, sources))}
    return Fields(kind, heads["name"], heads["summary"], heads["source"], values, found, area)


def _source(path: str, sources: dict[str, str]) -> str:
    """The source of the longest path that leads to the field."""
    parts = path.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((sources[prefix] for prefix in prefixes if prefix in sources), "")


def _model(name: str) -> BaseModel:
    from attnscope.workloads.models import list_models, load_model, model_from_config
    from attnscope.workloads.vision import list_vision_models, load_vision_model

    if name.endswith(".json"):
        return model_from_config(name)
    if name.casefold() in list_vision_models():
        return load_vision_model(name)
    if name.casefold() not in list_models() and not name.endswith(".toml"):
        raise UnknownNameError("model", name, (*list_models(), *list_vision_models()))
    return load_model(name)


def _mapping(name: str) -> BaseModel:
    from attnscope.mappings.spatial import load_mapping

    return load_mapping(name)
