"""Whether a mapping fits its cascade: what does not is refused here with the reason, never costed wrongly later."""

from collections.abc import Iterable
from functools import cache

from attnscope.einsum_cascade import Cascade, analyse_passes
from attnscope.errors import IllegalMappingError, UnknownNameError
from attnscope.mappings.spatial.description import Bind, Dataflow, SpatialMapping

INPUTS, OUTPUTS = ("Q", "K", "V"), ("AV",)
RANKS = ("E", "F", "P", "M", "M1", "M0")


def bindings(mapping: SpatialMapping, cascade: Cascade, dataflow: Dataflow) -> dict[str, Bind]:
    """Return the binding of each Einsum of `cascade`, once everything the mapping says about them is found legal.

    Raises:
        IllegalMappingError: the cascade is not dense attention, or takes more passes than the tiling; an Einsum is
            bound, stepped or phased other than once; a step names an Einsum of the other array.
        UnknownNameError: the mapping names an Einsum that the cascade lacks; suggests the nearest.
    """
    where = f"mapping {mapping.name}"
    _check_cascade(where, cascade)
    passes = max(key_passes(cascade).values())
    if mapping.tiling == "fused" and passes > 1:
        raise IllegalMappingError(
            f"{where}: tiling 'fused' never returns to a score tile, but {cascade.name} takes {passes} passes over the "
            "keys. Choose tiling 'flat' or 'unfused', or a 1-pass cascade such as attention-1pass."
        )
    active = [bind for bind in mapping.bind if bind.dataflow in (None, dataflow)]
    _each_once(f"{where} [bind]", (name for bind in active for name in bind.einsums), cascade)
    binds = {name: bind for bind in active for name in bind.einsums}
    if mapping.phases:
        _each_once(f"{where} [phases]", (name for group in mapping.phases for name in group), cascade)
    if mapping.steps:
        _check_steps(where, mapping, cascade, binds)
    for name in mapping.drains:
        _known(f"{where} [drains]", name, cascade)
    return binds


@cache
def key_passes(cascade: Cascade) -> dict[str, int]:
    """Return the pass over the keys in which each Einsum runs; found once per cascade, as plans are made often."""
    return dict(analyse_passes(cascade, "M").einsum_pass)


def _check_cascade(where: str, cascade: Cascade) -> None:
    """Sizes are those of dense attention; a cascade over other ranks or fewer points has no price here."""
    strange = [rank for rank in cascade.rank_names if rank not in RANKS]
    masked = next((e.name for e in cascade.einsums if e.where), "")
    if set(cascade.inputs) != {*INPUTS} or cascade.outputs != OUTPUTS:
        reason = f"it maps {', '.join(cascade.inputs)} to {', '.join(cascade.outputs)}, not Q, K, V to AV"
    elif strange:
        reason = f"it has the ranks {', '.join(strange)} beside {', '.join(RANKS)}"
    elif masked:
        reason = f"the points of {masked} are under a condition, and masks are not costed"
    else:
        return
    raise IllegalMappingError(
        f"{where}: cascade {cascade.name} cannot be mapped to a spatial array: {reason}. "
        "Choose a dense one such as attention-1pass or attention-3pass."
    )


def _known(where: str, name: str, cascade: Cascade) -> None:
    if name not in cascade.by_name:
        raise UnknownNameError("Einsum", name, cascade.by_name, where)


def _each_once(where: str, names: Iterable[str], cascade: Cascade) -> None:
    seen: set[str] = set()
    for name in names:
        _known(where, name, cascade)
        if name in seen:
            raise IllegalMappingError(f"{where}: {name} is listed twice; list every Einsum once.")
        seen.add(name)
    left = [name for name in cascade.by_name if name not in seen]
    if left:
        raise IllegalMappingError(
            f"{where}: Einsums of {cascade.name} are left out: {', '.join(left)}. "
            f"List each of: {', '.join(cascade.by_name)}."
        )


def _check_steps(where: str, mapping: SpatialMapping, cascade: Cascade, binds: dict[str, Bind]) -> None:
    if mapping.phases:
        raise IllegalMappingError(
            f"{where}: has steps and phases; steps overlap within one phase. Leave one of them out."
        )
    listed = [("array_2d", n) for s in mapping.steps for n in s.array_2d]
    listed += [("array_1d", n) for s in mapping.steps for n in s.array_1d]
    _each_once(f"{where} [steps]", (name for _, name in listed), cascade)
    for array, name in listed:
        if binds[name].array != array:
            raise IllegalMappingError(
                f"{where} [steps]: {name} is listed under {array} but bound to {binds[name].array}. "
                f"Move it to {binds[name].array}."
            )
