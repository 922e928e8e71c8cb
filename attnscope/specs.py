"""Reading specifications: frozen, closed values from TOML files and dotted overrides.

Every reader of a file goes through here, so that every wrong file is refused in the same words.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from attnscope.errors import SpecError, UnknownNameError, did_you_mean

Table = dict[str, Any]
M = TypeVar("M", bound=BaseModel)
_CONTAINERS = (dict, tuple, list)
_TABLE = re.compile(r"a valid dictionary( or instance of \w+)?")


class Frozen(BaseModel):
    """A specification: never changes after loading, refuses keys it does not know and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_toml(path: Path) -> Table:
    """Return the table of a TOML file.

    Raises:
        SpecError: the file is missing or is not TOML; names the file, the line and what was found.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file. Give the path of a TOML file that exists.") from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}. Give the path of a TOML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: not valid TOML: {error}.") from None


def packaged(package: str, folder: str) -> dict[str, Path]:
    """Return the TOML files shipped in `package`/`folder` by name, sorted."""
    root = resources.files(package) / folder
    with resources.as_file(root) as path:
        return {file.stem: file for file in sorted(path.glob("*.toml"), key=lambda file: file.stem)}


def find(kind: str, name: str, package: str, folder: str) -> Path:
    """Return the shipped file called `name`, or the user's file when `name` is a path to a TOML file.

    Raises:
        UnknownNameError: neither; suggests the nearest shipped name.
    """
    if name.endswith(".toml"):
        return Path(name)
    known = packaged(package, folder)
    by_fold = {k.casefold(): path for k, path in known.items()}
    path = by_fold.get(name.casefold())
    if path is None:
        raise UnknownNameError(kind, name, known)
    return path


def edition(name: str) -> tuple[int, int]:
    """Return what changes when the user's file called `name` is edited, so that it is read again in the same session.

    Shipped files never change; a missing file is refused where it is read.
    """
    try:
        found = Path(name).stat() if name.endswith(".toml") else None
    except OSError:
        found = None
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)


def validate(model: type[M], table: Mapping[str, Any], where: str) -> M:
    """Return `table` as a `model`.

    Raises:
        SpecError: the first field that is wrong, with its dotted path, its value and what is expected there.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise SpecError("\n".join(_sentence(model, issue, where) for issue in error.errors()[:3])) from None


def _sentence(model: type[BaseModel], issue: Any, where: str) -> str:
    location = tuple(str(part) for part in issue["loc"])
    path = ".".join(location)
    if issue["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        hint = did_you_mean(location[-1], known)
        listing = f" Known here: {', '.join(sorted(known))}." if known else ""
        return f"{where}: unknown key {path!r}.{hint}{listing}"
    if issue["type"] == "missing":
        return f"{where}: the key {path!r} is missing."
    if issue["type"] == "value_error":
        return f"{where}: {path + ': ' if path else ''}{issue['msg'].removeprefix('Value error, ')}"
    expected = _TABLE.sub("a table", issue["msg"].removeprefix("Input should be "))
    return f"{where}: {path} = {issue['input']!r} is refused: should be {expected}."


def _fields_at(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Names of the fields of the model found by walking `path`; empty where the path ends in free-form keys."""
    current: Any = model
    for part in path:
        if get_origin(current) in _CONTAINERS:  # `part` is a key or a place in a row of models
            current = _model_in(current)
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return []
        current = field.annotation if get_origin(field.annotation) in _CONTAINERS else _model_in(field.annotation)
    return list(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    """The model inside an annotation such as `Dram`, `Dram | None`, `dict[str, Unit]`; the annotation otherwise."""
    inner = [a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")]
    return inner[0] if inner else annotation


def merged(base: Table, over: Mapping[str, Any]) -> Table:
    """Return `base` with the tables of `over` laid over it, key by key."""
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(out.get(key), Mapping):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


def with_fields(spec: M, fields: Mapping[str, Any], where: str) -> M:
    """Return `spec` with dotted fields replaced: ``{"dram.bandwidth_bytes_per_s": 100e9}``.

    Raises:
        SpecError: a path that names no field (suggests the nearest), or a value the field refuses.
    """
    if not fields:
        return spec
    table = spec.model_dump()
    known = sorted(dotted(table))
    for path, value in fields.items():
        node = table
        *parents, last = path.split(".")
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None  # type: ignore[assignment]
        if not isinstance(node, dict) or path not in known:
            group = [k for k in known if k.split(".")[0] == path.split(".")[0]] or sorted(table)
            raise SpecError(f"{where}: no field {path!r}.{did_you_mean(path, known)} Known there: {', '.join(group)}.")
        node[last] = value
    return validate(type(spec), table, where)


def dotted(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested tables to dotted paths of their leaves.

    >>> dotted({"dram": {"bandwidth_bytes_per_s": 1.0}})
    {'dram.bandwidth_bytes_per_s': 1.0}
    """
    flat: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        flat |= dotted(value, f"{path}.") if isinstance(value, Mapping) and value else {path: value}
    return flat
