"""The cases of a check: rank lengths and random inputs that bring out what usually goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.einsum import Claim
from attnscope.einsum_cascade.expressions import accesses
from attnscope.einsum_cascade.families import REFERENCES
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.sizes import used_ranks
from attnscope.errors import CascadeError, did_you_mean

Array = NDArray[Any]
LENGTHS = (5, 7, 4, 11, 6, 3, 9, 8)
TILE = 4
LARGE = 100.0


@dataclass(frozen=True)
class Plan:
    """One case to come.

    Attributes:
        name: what is special about it.
        sizes: lengths of the ranks.
        dtype: floating type to run the cascade in.
        logits: factor on the tensors that make up the logits.
        masked: whether masks let nothing through.
    """

    name: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    dtype: str = "float64"
    logits: float = 1.0
    masked: bool = False

    @property
    def tolerance(self) -> float:
        """Largest relative difference allowed: rounding of the scores grows with their magnitude."""
        return (1e-11 if self.logits == 1 else 1e-9) if self.dtype == "float64" else 2e-5


def plans(cascade: Cascade, claim: Claim, forced: Mapping[str, int]) -> list[Plan]:
    """Return the cases for a cascade; ``forced`` lengths hold in all of them."""
    usual = _usual_sizes(cascade, TILE)
    partitioned = bool(cascade.partitions)
    masks = any(accesses(condition) for condition in claim.where)
    roots = [rank for rank in usual if rank not in {part for parts in cascade.partitions.values() for part in parts}]
    turned = {**usual, **dict(zip(roots, reversed([usual[rank] for rank in roots]), strict=True))}
    found = [Plan("random", usual)]
    found += [Plan("lengths exchanged", turned)] if turned != usual else []
    known = REFERENCES.get(claim.reference)
    found += [Plan("logits of 1e4", usual, logits=LARGE)] if known is None or known.scored else []
    if partitioned:
        even = {rank: 12 if rank in cascade.partitions else size for rank, size in usual.items()}
        found += [
            Plan("tiles divide the rank", even),
            Plan("tiles of one", _usual_sizes(cascade, 1)),
            Plan("one tile, not full", _usual_sizes(cascade, 16)),
        ]
    found.append(Plan("all lengths 1", dict.fromkeys(usual, 1)))
    if masks:
        found.append(Plan("nothing visible", usual, masked=True))
    found.append(Plan("random", usual, dtype="float32"))
    return [replace(plan, sizes={**plan.sizes, **_used(cascade, forced)}) for plan in found]


def _used(cascade: Cascade, forced: Mapping[str, int]) -> dict[str, int]:
    resolve = [rank for rank in forced if rank not in cascade.rank_names]
    if resolve:
        near = did_you_mean(resolve[0], cascade.rank_names)
        raise CascadeError(f"no rank named {resolve[0]!r}.{near}", source=cascade.name)
    return dict(forced)


def _usual_sizes(cascade: Cascade, tile: int) -> dict[str, int]:
    """Return small lengths, different from rank to rank; inner parts get ``tile``, outer ones follow from the whole."""
    sizes: dict[str, int] = {}
    parts = {part: position for rank in cascade.partitions for position, part in enumerate(cascade.partitions[rank])}
    new_ranks = {einsum.produced.rank for einsum in cascade.einsums if einsum.produced}
    lengths = iter(LENGTHS * 4)
    for rank in (*used_ranks(cascade), *cascade.partitions):
        if rank in sizes:
            continue
        if rank in cascade.partitions:
            sizes[rank] = 13
        elif rank in parts:
            if parts[rank] > 0:
                sizes[rank] = tile
        else:
            sizes[rank] = 3 if rank in new_ranks else next(lengths)
    return {rank: sizes[rank] for rank in cascade.rank_names if rank in sizes}


def draw(
    cascade: Cascade, claim: Claim, plan: Plan, sizes: Mapping[str, int], rng: np.random.Generator
) -> dict[str, Array]:
    """Return random inputs: normal, as the reference's role asks, or 0/1 for tensors that the claim uses as masks."""
    known = REFERENCES.get(claim.reference)
    roles = dict(zip(claim.arguments, known.roles if known else (), strict=False))
    masks = {access.tensor for condition in claim.where for access in accesses(condition)}
    drawn: dict[str, Array] = {}
    for name in cascade.inputs:
        shape = tuple(sizes[rank] for rank in cascade.tensor_ranks(name))
        role = roles.get(name, "")
        if name in masks:
            drawn[name] = _mask(rng, shape, nothing=plan.masked)
        elif known and role in known.draw:
            drawn[name] = known.draw[role](rng, shape)
        else:
            drawn[name] = rng.normal(size=shape)
            if plan.logits != 1 and (known is None or role in known.scored):
                drawn[name] = _large(drawn[name], plan.logits)
    return drawn


def _large(values: Array, factor: float) -> Array:
    """Scale values up, and make every second vector the same: without ties, large logits leave one key alone."""
    if values.ndim:
        values[..., ::2] = values[..., :1]
    return values * factor


def _mask(rng: np.random.Generator, shape: tuple[int, ...], *, nothing: bool) -> Array:
    """Draw a 0/1 mask in which the first coordinate of every rank sees nothing."""
    mask = (rng.random(shape) < 0.6) & (not nothing)
    for axis, size in enumerate(shape):
        if size > 1:
            np.moveaxis(mask, axis, 0)[0] = False
    return mask
