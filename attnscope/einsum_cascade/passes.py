"""How often a rank must be traversed, and why: pass analysis by inference on the graph.

A *pass* over the fibres of a rank of a tensor is one traversal of all their elements (FuseMax, MICRO'24, section III).
One more is needed wherever a dependency forces **all** reads of an earlier traversal before **any** read of a later
one, whatever the mapping. The inference below walks the graph once. A value is, at every moment, in a *state*:

* *pointwise in pass k*: its element at coordinate c is known when pass k stands at c;
* *complete after pass k*: it is known only when pass k has ended, because the rank was reduced away, or the final
  generation of an iterative rank, or another coordinate than the running one is read.

An Einsum that touches the elements of the fibre runs in pass k if all it reads is pointwise in pass k or earlier, and
opens pass k + 1 if it reads anything that is complete only after pass k. Names and text order play no part. Conditions
count as met (a causal mask saves no pass), and a read at a constant distance, ``X[m-1]``, follows the traversal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Var
from attnscope.einsum_cascade.family import Family
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import stages
from attnscope.errors import CascadeError, UnknownNameError


@dataclass(frozen=True)
class Opening:
    """Why a pass is needed: ``einsum`` may not start before ``forced_by`` is complete."""

    number: int
    einsum: str
    forced_by: str
    completed_by: str
    reason: str

    def __str__(self) -> str:
        return f"pass {self.number}: {self.reason}"


# A state is an even number 2k for "pointwise in pass k", an odd one 2k+1 for "complete after pass k"; 0 is free.


class Inference:
    """States of all tensors for one family, given which Einsums count as traversals."""

    def __init__(self, family: Family, touching: Sequence[str], sizes: Mapping[str, int]) -> None:
        self.family, self.touching = family, frozenset(touching)
        self.cascade = family.cascade
        self.state: dict[str, int] = dict.fromkeys(self.cascade.inputs, 0)
        self.needed: dict[str, int] = {}
        for stage in stages(self.cascade):
            self._run(stage.einsums, stage.step, sizes)

    def _run(self, einsums: Sequence[Einsum], step: str, sizes: Mapping[str, int]) -> None:
        if not step:
            self._infer(einsums[0])
            return
        for einsum in einsums:
            self.state[einsum.name] = 0
        rank = Var(step).rank
        given = None if self.family.is_sweep(Var(step)) else sizes.get(rank)
        for _ in range(given if given is not None else 2 * len(einsums) + 4):
            before = [self.state[einsum.name] for einsum in einsums]
            for einsum in einsums:
                self._infer(einsum)
            if before == [self.state[einsum.name] for einsum in einsums]:
                return
        if given is None:
            raise CascadeError(
                f"each step of the recurrence over {rank} ({', '.join(e.name for e in einsums)}) traverses "
                f"{self.family.rank} again, so the number of passes grows with {rank}; give its length, as in "
                f"sizes={{{rank!r}: 4}}",
                source=self.cascade.name,
            )

    def seen(self, access: Access) -> int:
        """Return the state in which a reader finds what it reads."""
        state = self.state[access.tensor]
        return state if state % 2 or not state or self.family.pointwise(access) else state + 1

    def _infer(self, einsum: Einsum) -> None:
        state = max((self.seen(access) for access in einsum.reads), default=0)
        if einsum.name in self.touching:
            state = 2 * max(1, (state + 1) // 2)
        self.needed[einsum.name] = state
        complete = state % 2 == 0 and state > 0 and self.family.reduces(einsum)
        self.state[einsum.name] = state + complete

    def passes(self) -> dict[str, int]:
        """Return the pass each Einsum runs in (or right after); 0 is before the first."""
        return {name: state // 2 for name, state in self.needed.items()}

    def completed_by(self, tensor: str) -> str:
        """Return the tensor whose completion is waited for, following complete values upstream."""
        seen: set[str] = set()
        while self.needed.get(tensor, 0) % 2 and tensor not in seen:
            seen.add(tensor)
            reads = self.cascade.by_name[tensor].reads
            waited = [a.tensor for a in reads if self.seen(a) == self.needed[tensor] and a.tensor not in seen]
            tensor = waited[0] if waited else tensor
        return tensor


def openings(inference: Inference) -> Iterator[Opening]:
    """Yield, for every pass beyond the first, one opening: that of its first Einsum in the order of execution."""
    family, passes = inference.family, inference.passes()
    found: set[int] = set()
    for stage in stages(family.cascade):
        for einsum in stage.einsums:
            number = passes[einsum.name]
            if einsum.name in inference.touching and number > 1 and number not in found:
                forcing = [a for a in einsum.reads if inference.seen(a) == 2 * number - 1]
                if forcing:
                    found.add(number)
                    yield _opening(inference, einsum, number, forcing[0])


def _opening(inference: Inference, einsum: Einsum, number: int, forcing: Access) -> Opening:
    family, cascade = inference.family, inference.cascade
    state = inference.state[forcing.tensor]
    last = inference.completed_by(forcing.tensor) if state % 2 else forcing.tensor
    maker = cascade.by_name.get(last)
    if state % 2 and maker is not None and family.reduces(maker):
        how = f"{last} reduces {family.rank} by {maker.reductions[-1].operator}"
    else:
        how = f"the final generation of {last} is read" if maker and maker.iterative else f"all of {last} is read"
    elements = [a.tensor for a in einsum.reads if family.touches(a)]
    along = (
        f"reads {', '.join(dict.fromkeys(elements))} along {family.rank}" if elements else f"runs over {family.rank}"
    )
    via = "" if last == forcing.tensor else f" (through {last})"
    reason = f"{einsum.name} {along} and needs {forcing.tensor}, complete only after pass {number - 1}{via}: {how}"
    return Opening(number, einsum.name, forcing.tensor, last, reason)


def touching(family: Family, tensor: str) -> tuple[str, ...]:
    """Return the Einsums that read elements of the tensor's fibres, directly or through what is derived from them."""
    derived, found = {tensor}, []
    for stage in stages(family.cascade):
        for _ in stage.einsums:
            for einsum in stage.einsums:
                reads = any(access.tensor in derived and family.touches(access) for access in einsum.reads)
                if reads and family.level(einsum) == "element" and einsum.name not in found:
                    found.append(einsum.name)
                    derived |= {einsum.name} if family.carries(einsum.name) else set()
    return tuple(found)


def require_rank(cascade: Cascade, rank: str) -> None:
    """Refuse a rank that no Einsum of the cascade runs over."""
    known = {var.label for einsum in cascade.einsums for var in einsum.variables} | set(cascade.rank_names)
    if rank not in known:
        raise UnknownNameError("rank", rank, known, cascade.name)
