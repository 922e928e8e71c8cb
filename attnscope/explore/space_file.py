"""Reading a space from TOML or a dictionary; whatever cannot be used is refused here, before anything is computed."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from pydantic import Field

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.explore.axes import Axis, Range, numbers
from attnscope.explore.expressions import Expression, bound, conjuncts, near_names
from attnscope.explore.figures import FIGURES
from attnscope.explore.space import MAPPING_FIELDS, NAMED, SHORTHANDS, SIZES, Group, Space, grouped, is_whole, speed
from attnscope.mappings.spatial.description import load_mapping
from attnscope.mappings.spatial.energy import ACCOUNTINGS
from attnscope.simulator.device import spatial_device
from attnscope.specs import Frozen, read_toml, validate, with_fields
from attnscope.workloads.models import load_model, model_from_config

MOST_OBJECTIVES = 3
DEFAULT_OBJECTIVES = ("latency_s", "energy_j", "area_mm2")
SpaceLike = Space | Mapping[str, Any] | str | Path
_RANGE_KEYS = {"from", "to", *(name for name in Range.model_fields if name != "from_")}


class SpaceFile(Frozen):
    """The file as it is written. `axes` and `derived` hold dotted paths or nested tables of them."""

    title: str = ""
    question: str = ""
    axes: dict[str, Any]
    derived: dict[str, Any] = Field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    minimize: tuple[str, ...] = DEFAULT_OBJECTIVES


def read_space(space: SpaceLike) -> Space:
    """Return the space that a TOML file, a dictionary or a `Space` describes.

    Raises:
        SpecError: a key, a field path or a value that cannot be used, an empty space, or constraints that no point of
            the space can satisfy together; says where and what would do.
    """
    if isinstance(space, Space):
        return space
    where = str(space) if isinstance(space, str | Path) else "space"
    table = read_toml(Path(space)) if isinstance(space, str | Path) else space
    spec = validate(SpaceFile, table, where)
    given = _flat(spec.axes)
    groups = _groups(given, where)
    axes = tuple(sorted(_axes(given, groups, where), key=lambda axis: speed(axis.path)))
    points = prod(len(axis) for axis in axes)
    out = Space(
        title=spec.title or Path(where).stem,
        question=spec.question,
        groups=tuple(_renumbered(groups, points)),
        axes=axes,
        derived=_derived(_flat(spec.derived), axes, groups, where),
        constraints=tuple(Expression(text, f"{where}: constraint") for text in spec.constraints),
        minimize=_objectives(spec.minimize, where),
        where=where,
    )
    for expression in (*out.constraints, *out.minimize):
        expression.check_names(out.names)
    _check_free_axes(out)
    _check_sizes(out)
    _check_contradictions(out)
    return out


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted paths; a table that is a range stays whole."""
    out: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and not (set(value) & {"from", "to"}):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out


def _names(given: Mapping[str, Any], key: str, default: Sequence[str], where: str) -> list[str]:
    value = given.get(key, default)
    names = [value] if isinstance(value, str) else list(value)
    if not names:
        raise SpecError(f"{where}: axis {key} has no values, so the space is empty. Give at least one name.")
    if not all(isinstance(name, str) for name in names):
        raise SpecError(f"{where}: axis {key} = {value!r} should be names, such as {key} = [{default[0]!r}].")
    return list(dict.fromkeys(names))


def _groups(given: Mapping[str, Any], where: str) -> list[Group]:
    try:
        workloads = [
            (Path(name).stem if name.endswith((".json", ".toml")) else name,
             model_from_config(name) if name.endswith(".json") else load_model(name))
            for name in _names(given, "workload", ("bert",), where)
        ]  # fmt: skip
        devices = [spatial_device(name) for name in _names(given, "device", ("fusemax",), where)]
        mappings = [load_mapping(name) for name in _names(given, "mapping", ("fusemax",), where)]
        accountings: list[Any] = _names(given, "accounting", ("corrected",), where)
        for name in accountings:
            if name not in ACCOUNTINGS:
                raise UnknownNameError("energy accounting", name, ACCOUNTINGS)
    except UsageError as error:
        raise SpecError(f"{where}: {error}" if not str(error).startswith(where) else str(error)) from None
    return list(grouped(workloads, mappings, devices, accountings, 0))


def _renumbered(groups: Sequence[Group], points: int) -> list[Group]:
    return [Group(g.number, g.workload, g.shape, g.mapping, g.device, g.accounting, g.number * points) for g in groups]


def _axes(given: Mapping[str, Any], groups: Sequence[Group], where: str) -> list[Axis]:
    axes = []
    for path, value in given.items():
        if path in NAMED:
            continue
        if path in FIGURES or (not path.isidentifier() and "." not in path):
            raise SpecError(f"{where}: an axis cannot be called {path!r}. Choose another name, such as 'scale'.")
        whole = _checked_path(path, groups, where) if "." in path else None
        axis = Axis(path, numbers(value, path, whole, where))
        _check_values(axis, groups, where)
        axes.append(axis)
    return axes


def _checked_path(path: str, groups: Sequence[Group], where: str) -> bool:
    """Whether the field holds whole numbers; refuses a path that some device, workload or mapping lacks."""
    if path in SHORTHANDS:
        return True
    kind = path.partition(".")[0]
    for group in groups:
        known = [name for name in (*group.base, *SHORTHANDS) if name.startswith(f"{kind}.")]
        if kind not in ("workload", "mapping", "device"):
            raise UnknownNameError("kind of axis", kind, ("workload", "mapping", "device"), f"{where}: axis {path}")
        if path not in known:
            owner = {"device": f" of device {group.device.name}"}.get(kind, "")
            raise UnknownNameError("field", path, near_names(path, known), f"{where}: axis{owner}")
    return is_whole(path, groups[0])


def _check_values(axis: Axis, groups: Sequence[Group], where: str) -> None:
    """Refuse values outside of what the field allows; limits of fields are intervals, so the ends are enough."""
    for value in dict.fromkeys((min(axis.values), max(axis.values))):
        for target in SHORTHANDS.get(axis.path, (axis.path,)):
            kind, _, field = target.partition(".")
            if kind == "device":
                for device in {group.device.name: group.device for group in groups}.values():
                    with_fields(device, {field: value}, f"{where}: device {device.name}")
            elif kind == "mapping" and field != "block":
                with_fields(groups[0].mapping, {field: value}, f"{where}: mapping")
            elif kind in ("mapping", "workload") and field in (*SIZES, *MAPPING_FIELDS) and value < 1:
                raise SpecError(f"{where}: axis {axis.path}: {value} must be at least 1. Nearest: 1.")


def _derived(
    given: Mapping[str, Any], axes: Sequence[Axis], groups: Sequence[Group], where: str
) -> dict[str, Expression]:
    out = {}
    for path, text in given.items():
        if not isinstance(text, str):
            raise SpecError(f'{where}: derived {path} = {text!r} should be an expression, such as "device.pe_dim * 2".')
        _checked_path(path, groups, where)
        if any(path == axis.path for axis in axes):
            raise SpecError(f"{where}: {path} is both an axis and derived. Remove one of the two.")
        expression = Expression(text, f"{where}: derived {path}")
        expression.check_names([*groups[0].base, *SHORTHANDS, *(axis.path for axis in axes)])
        out[path] = expression
    return out


def _objectives(texts: Sequence[str], where: str) -> tuple[Expression, ...]:
    if not 1 <= len(texts) <= MOST_OBJECTIVES:
        raise SpecError(
            f"{where}: minimize names {len(texts)} objectives; a sweep keeps the front of one to {MOST_OBJECTIVES}. "
            "Keep all points and ask `pareto` for more."
        )
    return tuple(Expression(text, f"{where}: minimize") for text in texts)


def _check_sizes(space: Space) -> None:
    """Refuse sizes that make no attention layer, such as heads that do not share KV heads evenly."""
    sized = [axis for axis in space.axes if axis.path.startswith("workload.")]
    ends = [axis.values if len(axis) <= 64 else (axis.values[0], axis.values[-1]) for axis in sized]
    first = {axis.path: axis.values[0] for axis in space.axes}
    for group in {group.workload: group for group in space.groups}.values():
        for combination in product(*ends):
            chosen = {**first, **dict(zip((axis.path for axis in sized), combination, strict=True))}
            fields = space.fields(group, chosen)
            try:
                group.shape.with_sizes(**{k[9:]: v for k, v in fields.items() if k.startswith("workload.")})
            except UsageError as error:
                raise SpecError(f"{space.where}: {error}") from None


def _check_free_axes(space: Space) -> None:
    """Refuse a free name that nothing uses: most likely a field without its group, such as seq_len."""
    used = {n for e in (*space.derived.values(), *space.constraints, *space.minimize) for n in e.names}
    known = dict.fromkeys(name for group in space.groups for name in (*group.base, *SHORTHANDS))
    for axis in space.axes:
        if "." not in axis.path and axis.path not in used:
            meant = [name for name in known if name.rpartition(".")[2] == axis.path]
            hint = f" Did you mean {meant[0]!r}?" if meant else ""
            raise SpecError(
                f"{space.where}: axis {axis.path} changes nothing: it is no field, and no derived field, constraint or "
                f"objective uses it.{hint}"
            )


def _check_contradictions(space: Space) -> None:
    """Refuse two bounds on one quantity that exclude each other."""
    lowest: dict[str, tuple[float, str]] = {}
    highest: dict[str, tuple[float, str]] = {}
    for constraint in (part for whole in space.constraints for part in conjuncts(whole)):
        found = bound(constraint)
        if found is None:
            continue
        side, direction, limit = found
        table, sign = (highest, 1) if direction == "<" else (lowest, -1)
        if side not in table or sign * limit < sign * table[side][0]:
            table[side] = (limit, constraint.text)
        if side in lowest and side in highest and lowest[side][0] > highest[side][0]:
            raise SpecError(
                f"{space.where}: the constraints {lowest[side][1]!r} and {highest[side][1]!r} exclude each other, so "
                "no point of the space satisfies both. Relax one of them."
            )
