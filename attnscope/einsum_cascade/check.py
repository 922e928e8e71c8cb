"""Proof by execution: a cascade against the reference it claims to equal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnscope.einsum_cascade.cases import Plan, draw, plans
from attnscope.einsum_cascade.catalog import library, load
from attnscope.einsum_cascade.einsum import Claim
from attnscope.einsum_cascade.execute import execute
from attnscope.einsum_cascade.families import REFERENCES
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.judges import Judge, against_cascade, against_reference
from attnscope.einsum_cascade.parse import parse_claim
from attnscope.einsum_cascade.sizes import resolve_sizes
from attnscope.einsum_cascade.validate import check_claim
from attnscope.errors import CascadeError


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
    if claim is not cascade.claim:
        check_claim(cascade, claim)
    judge = against_cascade(other) if other is not None else against_reference(cascade, claim)
    cases = [_run(cascade, claim, plan, judge, seed) for plan in plans(cascade, claim, sizes or {})]
    return CheckReport(cascade.name, claim.reference, tuple(cases))


def _run(cascade: Cascade, claim: Claim, plan: Plan, judge: Judge, seed: int) -> Case:
    sizes = resolve_sizes(cascade, plan.sizes)
    inputs = draw(cascade, claim, plan, sizes, np.random.default_rng(seed))
    given = {name: array.astype(plan.dtype) if array.dtype.kind == "f" else array for name, array in inputs.items()}
    got = execute(cascade, given, plan.sizes)[cascade.outputs[0]].astype(np.float64)
    expected = judge(given, sizes)
    worst = float(np.max(np.abs(got - expected), initial=0.0)) if got.shape == expected.shape else float("inf")
    scale = float(np.max(np.abs(expected), initial=0.0))
    relative = worst / scale if scale > 0 else worst
    return Case(plan.name, dict(plan.sizes), plan.dtype, worst, relative, plan.tolerance)
