"""Online rewriting: a reduction followed by a use of its result becomes one traversal with running values.

Let G be the reduction of something over M, and let x[m] be computed with G and reduced over M in turn. Both fit into
one traversal if x is allowed to use the running value of G, as it stands after the tile at hand, and what was
accumulated with an older running value is corrected to the newer one. Which factor or summand does that follows from
the expression, operator by operator (:mod:`attnscope.einsum_cascade.transform.corrections`); no name and no known
pattern is looked for. The rule derives FlashAttention-2's cascade (FuseMax's Cascade 5) from the deferred 3-pass one,
FlashAttention's own from the 3-pass one, FuseMax's Cascade 3 from its Cascade 1, and the online softmax of Milakov and
Gimelshein (arXiv 1805.02867), whose weights are the output, as two passes.
"""

from attnscope.einsum_cascade.analysis import analyse_passes
from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Expr, Var, next_generation, walk
from attnscope.einsum_cascade.family import Family
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import Stage, stages, successors
from attnscope.einsum_cascade.transform.corrections import (
    NONE,
    UNCHANGED,
    Correction,
    correction,
    divisors,
    replaced_value,
)
from attnscope.einsum_cascade.transform.fuse import fuse, fuse_obstacle
from attnscope.einsum_cascade.transform.rewrite import fresh_name
from attnscope.errors import UsageError, did_you_mean


def online(cascade: Cascade, rank: str, *, divide: bool = True) -> Cascade:
    """Return the cascade with its passes over ``rank`` merged, as far as corrections allow, through running values.

    Where nothing brings a value up to date (it goes through a sigmoid, or is itself an output), the pass boundary in
    front of it stays. A correction that divides by a running value, as in FuseMax's Cascade 3, holds only while that
    value is not 0; its comment in the result says so (:func:`defer` first avoids it where a factor can wait).

    Args:
        cascade: any cascade; where ``rank`` is partitioned, values are carried from tile to tile of its outermost
            part, else from element to element.
        rank: a declared rank, primed where primed indices traverse it.
        divide: whether a correction may divide by a running value.

    Returns:
        A cascade that computes the same in fewer passes, or the cascade itself where that cannot be had.

    Raises:
        UsageError: the rank is unknown.
    """
    from attnscope.einsum_cascade.transform.carry import write

    if rank.rstrip("'") not in cascade.rank_names:
        raise UsageError(f"{cascade.name}: no rank named {rank!r}.{did_you_mean(rank, cascade.rank_names)}")
    plan = Plan(_drawn_in(cascade, Family(cascade, rank)), rank, divide=divide)
    rewritten = write(plan) if plan.carried else cascade
    fewer = analyse_passes(rewritten, rank).n_passes() < analyse_passes(cascade, rank).n_passes()
    return rewritten if fewer else cascade


def _drawn_in(cascade: Cascade, family: Family) -> Cascade:
    """Fuse in what lies between a reduction over the rank and its use in the traversal: it has to run along."""
    while True:
        between = _between(cascade, family)
        if between is None:
            return cascade
        cascade = fuse(cascade, between.name)


def _between(cascade: Cascade, family: Family) -> Einsum | None:
    readers = successors(cascade)
    waits = {e.name for e in cascade.einsums if family.reduces(e)}
    for stage in stages(cascade):
        for einsum in stage.einsums:
            outside = not any(map(family.is_sweep, einsum.variables))
            if outside and any(a.tensor in waits for a in einsum.reads) and not fuse_obstacle(cascade, einsum):
                waits.add(einsum.name)
                if any(map(family.is_sweep, (v for n in readers[einsum.name] for v in cascade.by_name[n].variables))):
                    return einsum
    return None


class Plan:
    """Which pass each Einsum falls into once running values are allowed, and how values change underway.

    Attributes:
        cascade: the cascade to rewrite.
        step: index variable that values are carried over.
        level: pass of each Einsum in the rewritten cascade; 0 before the first.
        change: how the values of an Einsum change when running values of its own pass move on.
        running: name of the running value of each reduction that may have one.
        waiting: Einsums that wait for final values because nothing corrects them, with what they wait for.
    """

    def __init__(self, cascade: Cascade, rank: str, *, divide: bool) -> None:
        self.cascade, self.family, self.divide = cascade, Family(cascade, rank), divide
        self.step = Var(self.family.leaves[0].lower() + self.family.primes)
        self.level: dict[str, int] = dict.fromkeys(cascade.inputs, 0)
        self.change: dict[str, Correction] = {}
        self.complete: dict[str, bool] = dict.fromkeys(cascade.inputs, False)
        self.running: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self.taken = set(cascade.tensors)
        self.readers = successors(cascade)
        for stage in stages(cascade):
            self._place(stage)

    @property
    def carried(self) -> tuple[str, ...]:
        """Reductions that become running values."""
        return tuple(name for name in self.running if self.is_carried(name))

    def is_carried(self, tensor: str) -> bool:
        """Whether a reduction has to run along: its own summands change, or somebody reads it in its own pass."""
        return tensor in self.running and (not self.change[tensor].trivial or self._is_read_underway(tensor))

    def is_live(self, tensor: str) -> bool:
        """Whether the tensor is needed as it is underway, and not only with final values."""
        if tensor in self.cascade.outputs or tensor in self.running or self.change[tensor].trivial:
            return True
        return self._is_read_underway(tensor)

    def _is_read_underway(self, tensor: str) -> bool:
        readers = (self.cascade.by_name[name] for name in self.readers[tensor] if name != tensor)
        underway = (e.name for e in readers if self.traverses(e) and self.level[e.name] == self.level[tensor])
        return any(self.is_live(name) for name in underway)

    @property
    def inner(self) -> set[str]:
        """Labels of the rank's parts inside the step."""
        return {leaf + self.family.primes for leaf in self.family.leaves[1:]}

    def traverses(self, einsum: Einsum) -> bool:
        """Whether the Einsum runs over the step."""
        return self.step in einsum.variables

    def fresh(self, wanted: str) -> str:
        """Return a name that nothing has."""
        name = fresh_name(wanted, self.taken)
        self.taken.add(name)
        return name

    def _place(self, stage: Stage) -> None:
        inside = any(map(self.traverses, stage.einsums))
        names = {einsum.name for einsum in stage.einsums}
        reads = [a for einsum in stage.einsums for a in einsum.reads if a.tensor not in names]
        level = max([int(inside), *(self._needs(access, inside=inside) for access in reads)])
        change = UNCHANGED
        if inside and stage.step:
            level += any(self._changes(access.tensor, level) for access in reads)
        elif inside:
            level, change = self._settle(stage.einsums[0], level)
        for einsum in stage.einsums:
            self.level[einsum.name], self.change[einsum.name] = level, change
            self.complete[einsum.name] = not inside and any(self._is_complete(access.tensor) for access in reads)
            if not stage.step and self._may_run(einsum):
                self.running[einsum.name] = self.fresh(f"R{einsum.name}")
            elif self.family.reduces(einsum):
                self.complete[einsum.name] = True

    def _needs(self, access: Access, *, inside: bool) -> int:
        """Return the pass from which the read is possible; running values are there in their own."""
        waits = self.complete[access.tensor] or not self.family.pointwise(access)
        return self.level[access.tensor] + (inside and waits and self.level[access.tensor] > 0)

    def _is_complete(self, tensor: str) -> bool:
        return self.complete[tensor] or tensor in self.running

    def _changes(self, tensor: str, level: int) -> bool:
        moves = tensor in self.running or not self.change.get(tensor, UNCHANGED).trivial
        return self.level[tensor] == level and level > 0 and moves

    def _may_run(self, einsum: Einsum) -> bool:
        owner = [r for r in einsum.reductions if self.step in r.indices]
        return (
            bool(owner) and owner[0] is einsum.reductions[-1] and bool(self.cascade.reducer(owner[0].operator).combine)
        )

    def _settle(self, einsum: Einsum, level: int) -> tuple[int, Correction]:
        """Return the pass of an Einsum and how its value changes there; one pass later nothing changes."""
        change = self._change(einsum, level)
        if change.trivial:
            return level, change
        amount = change.factor if change.factor is not None else change.summand
        if amount is None:
            self.waiting[einsum.name] = "nothing corrects it as they change"
        elif not self.divide and divisors(amount):
            self.waiting[einsum.name] = f"its correction would divide by {', '.join(divisors(amount))}"
        elif self.step in einsum.folded and self._stray(einsum, amount):
            self.waiting[einsum.name] = "its correction differs along what is reduced"
        elif self.step in einsum.folded and any(var.label in self.inner for var in einsum.written):
            self.waiting[einsum.name] = "it keeps a part of the tile, which is missing where the last tile ends"
        elif self._escapes(einsum):
            self.waiting[einsum.name] = "its elements are needed as they finally are"
        else:
            return level, change
        return level + 1, UNCHANGED

    def _change(self, einsum: Einsum, level: int) -> Correction:
        known = {}
        for access in einsum.reads:
            if self._changes(access.tensor, level):
                known[access.tensor] = self._of_tensor(access)
        found = correction(einsum.expression, known)
        for condition in einsum.where:
            found = found if correction(condition, known).trivial else NONE
        for reduction in einsum.reductions if not found.trivial else ():
            found = _through(found, reduction.operator)
        return found

    def _of_tensor(self, access: Access) -> Correction:
        if access.tensor not in self.running:
            return self.change[access.tensor]
        newer, older = self.generations(access)
        return replaced_value(newer, older)

    def generations(self, access: Access) -> tuple[Access, Access]:
        """Return the newest and the previous running value that stand for a read of a reduction."""
        name = self.running[access.tensor]
        return Access(name, (next_generation(self.step), *access.indices)), Access(name, (self.step, *access.indices))

    def _stray(self, einsum: Einsum, amount: Expr) -> bool:
        used = {node for node in walk(amount) if isinstance(node, Var)}
        return bool(used - {self.step, *einsum.written})

    def _escapes(self, einsum: Einsum) -> bool:
        if self.step in einsum.folded:
            return False
        readers = map(self.cascade.by_name.__getitem__, self.readers[einsum.name])
        return einsum.name in self.cascade.outputs or not all(map(self.traverses, readers))


def _through(change: Correction, operator: str) -> Correction:
    """Return what is left of a correction when values are reduced: factors pass a sum, summands a max or min."""
    if operator == "sum":
        return Correction(change.factor, None)
    return Correction(None, change.summand if operator in ("max", "min") else None)
