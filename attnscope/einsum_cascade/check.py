"""Proof by execution: a cascade against the reference it claims to equal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.catalog import library, load
from attnscope.einsum_cascade.execute import execute
from attnscope.einsum_cascade.expressions import Var, accesses
from attnscope.einsum_cascade.frame import Frame, Tensor
from attnscope.einsum_cascade.ir import Cascade, Claim
from attnscope.einsum_cascade.parse import parse_claim
from attnscope.einsum_cascade.reference import REFERENCES, Named, Question, Reference, reference, required_roles
from attnscope.einsum_cascade.sizes import resolve_sizes, used_ranks
from attnscope.einsum_cascade.spans import refusal
from attnscope.errors import CascadeError, did_you_mean

Array = NDArray[Any]
Judge = Callable[[Mapping[str, Array], Mapping[str, int]], Array]
LENGTHS = (5, 7, 4, 11, 6, 3, 9, 8)
TILE = 4
LARGE = 100.0


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        name: what is special about it.
        sizes: lengths of the ranks.
        dtype: floating type that the cascade ran in; the reference always runs in fp64.
        max_abs_error: largest difference.
        max_rel_error: largest difference, relative to the largest magnitude of the reference.
        tolerance: largest relative difference allowed.
    """

    name: str
    sizes: Mapping[str, int]
    dtype: str
    max_abs_error: float
    max_rel_error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; NaN never is."""
        return self.max_rel_error <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the case as JSON-ready values."""
        fields = {
            name: getattr(self, name) for name in ("name", "dtype", "max_abs_error", "max_rel_error", "tolerance")
        }
        return {**fields, "sizes": dict(self.sizes), "passed": self.passed}

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        sizes = " ".join(f"{rank}={size}" for rank, size in self.sizes.items())
        error = f"max error {self.max_rel_error:.1e} (allowed {self.tolerance:.0e})"
        return f"{verdict} {self.name:<20} {self.dtype:<7} {error}  {sizes}"


@dataclass(frozen=True)
class CheckReport:
    """All comparisons of one cascade with its reference."""

    cascade: str
    reference: str
    cases: tuple[Case, ...]

    @property
    def passed(self) -> bool:
        """Whether every case is within its tolerance."""
        return all(case.passed for case in self.cases)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values."""
        cases = [case.to_dict() for case in self.cases]
        return {"cascade": self.cascade, "reference": self.reference, "passed": self.passed, "cases": cases}

    def __str__(self) -> str:
        n_passed = sum(case.passed for case in self.cases)
        verdict = "equals" if self.passed else "does NOT equal"
        head = f"{self.cascade} {verdict} {self.reference}: {n_passed} of {len(self.cases)} cases"
        return "\n".join([head, *(f"  {case}" for case in self.cases)])


@dataclass(frozen=True)
class _Plan:
    """One case to come."""

    name: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    dtype: str = "float64"
    logits: float = 1.0
    masked: bool = False

    @property
    def tolerance(self) -> float:
        return (1e-11 if self.logits == 1 else 1e-9) if self.dtype == "float64" else 2e-5


def check(
    cascade: Cascade,
    *,
    equals: str | Cascade | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> CheckReport:
    """Run a cascade and its reference on random inputs and compare.

    The cases cover ordinary values, logits of +-1e4, tiles that do not divide their rank, tiles of one element and
    tiles longer than the rank, ranks of length 1, rows in which nothing is visible (where the claim names a mask),
    and fp32.

    Args:
        cascade: any cascade.
        equals: the claim, as after ``equals`` in a cascade text, or a cascade to compare with; by default the
            cascade's own claim.
        sizes: lengths that every case must use.
        seed: seed of the random inputs.

    Raises:
        CascadeError: there is no claim, or it does not fit the reference.
        UnknownNameError: the reference is unknown.
    """
    other = equals if isinstance(equals, Cascade) else None
    claim = parse_claim(equals) if isinstance(equals, str) else Claim(other.name) if other else cascade.claim
    if claim is None:
        raise CascadeError(
            "the cascade claims no reference: add a line such as 'equals softmax-attention(Q, K, V)'; "
            f"references: {', '.join(REFERENCES)}",
            source=cascade.name,
        )
    if other is None and claim.reference in library():
        other = load(claim.reference)
    judge = _against_cascade(other) if other is not None else _against_reference(cascade, claim)
    cases = [_run(cascade, claim, plan, judge, seed) for plan in _plans(cascade, claim, sizes or {})]
    return CheckReport(cascade.name, claim.reference, tuple(cases))


# ---- cases


def _plans(cascade: Cascade, claim: Claim, forced: Mapping[str, int]) -> list[_Plan]:
    usual = _usual_sizes(cascade, TILE)
    partitioned = bool(cascade.partitions)
    masks = any(accesses(condition) for condition in claim.where)
    roots = [rank for rank in usual if rank not in {part for parts in cascade.partitions.values() for part in parts}]
    turned = {**usual, **dict(zip(roots, reversed([usual[rank] for rank in roots]), strict=True))}
    plans = [_Plan("random", usual)]
    plans += [_Plan("lengths exchanged", turned)] if turned != usual else []
    known = REFERENCES.get(claim.reference)
    plans += [_Plan("logits of 1e4", usual, logits=LARGE)] if known is None or known.scored else []
    if partitioned:
        even = {rank: 12 if rank in cascade.partitions else size for rank, size in usual.items()}
        plans += [
            _Plan("tiles divide the rank", even),
            _Plan("tiles of one", _usual_sizes(cascade, 1)),
            _Plan("one tile, not full", _usual_sizes(cascade, 16)),
        ]
    plans.append(_Plan("all lengths 1", dict.fromkeys(usual, 1)))
    if masks:
        plans.append(_Plan("nothing visible", usual, masked=True))
    plans.append(_Plan("random", usual, dtype="float32"))
    return [replace(plan, sizes={**plan.sizes, **_used(cascade, forced)}) for plan in plans]


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


def _run(cascade: Cascade, claim: Claim, plan: _Plan, judge: Judge, seed: int) -> Case:
    sizes = resolve_sizes(cascade, plan.sizes)
    inputs = _draw(cascade, claim, plan, sizes, np.random.default_rng(seed))
    given = {name: array.astype(plan.dtype) if array.dtype.kind == "f" else array for name, array in inputs.items()}
    got = execute(cascade, given, plan.sizes)[cascade.outputs[0]].astype(np.float64)
    expected = judge(given, sizes)
    worst = float(np.max(np.abs(got - expected), initial=0.0)) if got.shape == expected.shape else float("inf")
    scale = float(np.max(np.abs(expected), initial=0.0))
    relative = worst / scale if scale > 0 else worst
    return Case(plan.name, dict(plan.sizes), plan.dtype, worst, relative, plan.tolerance)


def _draw(
    cascade: Cascade, claim: Claim, plan: _Plan, sizes: Mapping[str, int], rng: np.random.Generator
) -> dict[str, Array]:
    """Draw the inputs: normal, as the reference's role asks, or 0/1 for tensors that the claim uses as masks."""
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
            drawn[name] = rng.normal(size=shape) * (plan.logits if known and role in known.scored else 1.0)
    return drawn


def _mask(rng: np.random.Generator, shape: tuple[int, ...], *, nothing: bool) -> Array:
    """Draw a 0/1 mask in which the first coordinate of every rank sees nothing."""
    mask = (rng.random(shape) < 0.6) & (not nothing)
    for axis, size in enumerate(shape):
        if size > 1:
            np.moveaxis(mask, axis, 0)[0] = False
    return mask


# ---- judges


def _against_cascade(other: Cascade) -> Judge:
    def judge(inputs: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
        wide = {name: array.astype(np.float64) for name, array in inputs.items() if name in other.inputs}
        known = {rank: sizes.get(rank, TILE) for rank in _inner_parts(other)}
        return execute(other, wide, known)[other.outputs[0]]

    return judge


def _inner_parts(cascade: Cascade) -> list[str]:
    return [part for parts in cascade.partitions.values() for part in parts[1:]]


def _against_reference(cascade: Cascade, claim: Claim) -> Judge:
    found = reference(claim.reference)
    _check_roles(cascade, claim, found)
    layouts = [cascade.merged(cascade.tensor_ranks(name)) for name in (*claim.arguments, cascade.outputs[0])]
    split = {r: parts for r, parts in cascade.partitions.items() if any(set(parts) & set(ranks) for ranks in layouts)}

    def judge(inputs: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
        wide = {name: array.astype(np.float64) for name, array in inputs.items()}
        pairs = zip(claim.arguments, layouts, strict=False)
        tensors = tuple(_split(Named(wide[name], ranks), split, sizes) for name, ranks in pairs)
        out = tuple(part for rank in layouts[-1] for part in split.get(rank, (rank,)))
        visible = partial(_visible, cascade, claim, wide, sizes)
        answer = found.answer(Question(tensors, out, claim.over, visible, sizes))
        return _rejoin(answer, layouts[-1], split, sizes)

    return judge


def _split(named: Named, split: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]) -> Named:
    """Give a whole rank its parts where other tensors have only one of them, as heads in grouped attention."""
    values, ranks = named.values, named.ranks
    for whole, parts in split.items():
        if whole in ranks:
            at, extents = ranks.index(whole), [sizes[part] for part in parts]
            room = [(0, int(np.prod(extents)) - sizes[whole] if axis == at else 0) for axis in range(values.ndim)]
            values = np.pad(values, room).reshape(*values.shape[:at], *extents, *values.shape[at + 1 :])
            ranks = (*ranks[:at], *parts, *ranks[at + 1 :])
    return Named(values, ranks)


def _rejoin(
    values: Array, layout: tuple[str, ...], split: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]
) -> Array:
    for at, rank in enumerate(layout):
        if rank in split:
            values = values.reshape(*values.shape[:at], -1, *values.shape[at + len(split[rank]) :])
            values = values.take(range(sizes[rank]), axis=at)
    return values


def _check_roles(cascade: Cascade, claim: Claim, found: Reference) -> None:
    least, most = required_roles(found), len(found.roles)
    if not least <= len(claim.arguments) <= most:
        raise refusal(
            f"{found.name} takes the tensors ({', '.join(found.roles)}), {len(claim.arguments)} are given", claim
        )
    for name in claim.arguments:
        if name not in cascade.inputs:
            near = did_you_mean(name, cascade.inputs)
            raise refusal(f"the claim names {name!r}, which is no input of the cascade.{near}", claim)


def _visible(
    cascade: Cascade, claim: Claim, inputs: Mapping[str, Array], sizes: Mapping[str, int], ranks: tuple[str, ...]
) -> Array | None:
    """Evaluate the claim's conditions over the ranks of the scores."""
    if not claim.where:
        return None
    space = tuple(Var(rank.lower()) for rank in ranks)
    tensors = {name: Tensor(array) for name, array in inputs.items()}
    return Frame(cascade, space, sizes, tensors, np.dtype(np.float64)).holds(claim.where)
