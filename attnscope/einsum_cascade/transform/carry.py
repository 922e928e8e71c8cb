"""Writing out a plan of online rewriting: local parts, corrections, running values, final versions."""

from collections.abc import Callable
from dataclasses import replace

from attnscope.einsum_cascade.einsum import Einsum, Reduction
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var, rebuild, shifted, walk
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import stages
from attnscope.einsum_cascade.transform.corrections import divisors
from attnscope.einsum_cascade.transform.online import Plan
from attnscope.einsum_cascade.transform.rewrite import derived, replaced


def write(plan: Plan) -> Cascade:
    """Return the cascade that a plan describes."""
    return _Writer(plan).run()


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.cascade, self.step = plan, plan.cascade, plan.step
        self.made: list[Einsum] = []
        self.shared: dict[Expr, Access] = {}
        self.finals: dict[str, str] = {}

    def run(self) -> Cascade:
        for stage in stages(self.cascade):
            for einsum in stage.einsums:
                if self.plan.is_carried(einsum.name):
                    self.carry(einsum)
                elif self.plan.is_live(einsum.name):
                    reason = self.plan.waiting.get(einsum.name)
                    doc = f"waits for final values: {reason}" if reason else einsum.doc
                    self.made.append(replace(self.adapted(einsum, self.reader(einsum)), doc=doc))
        for name in self.cascade.outputs:
            if self.plan.is_carried(name):
                einsum = self.cascade.by_name[name]
                self.made.append(Einsum(name, einsum.indices, self.final_value(Access(name, einsum.indices))))
        return derived(self.cascade, "online", f"running values over {self.step.rank}", self.made)

    # ---- reads

    def adapted(self, einsum: Einsum, read: Callable[[Access], Expr]) -> Einsum:
        """Return the Einsum with its reads exchanged."""

        def change(expr: Expr) -> Expr | None:
            if not isinstance(expr, Access):
                return None
            return read(replace(expr, indices=tuple(rebuild(index, change) for index in expr.indices)))

        return replaced(einsum, change)

    def reader(self, einsum: Einsum) -> Callable[[Access], Expr]:
        """Return how an Einsum reads: the newest values of its own pass, final ones of earlier passes."""
        level, inside = self.plan.level[einsum.name], self.plan.traverses(einsum)

        def read(access: Access) -> Expr:
            if inside and self.plan.level[access.tensor] == level:
                return self.plan.generations(access)[0] if self.plan.is_carried(access.tensor) else access
            return self.final_read(access)

        return read

    def final_read(self, access: Access) -> Access:
        if self.plan.is_carried(access.tensor):
            return self.final_value(access)
        change = self.plan.change.get(access.tensor)
        if change is None or change.trivial:
            return access
        return replace(access, tensor=self.final_version(access.tensor))

    def final_value(self, access: Access) -> Access:
        return Access(self.plan.running[access.tensor], (Size(self.step.rank), *access.indices))

    def final_version(self, tensor: str) -> str:
        """Write the Einsum once more with final values, for readers in a later pass, and return its name."""
        if tensor not in self.finals:
            einsum = self.cascade.by_name[tensor]
            self.finals[tensor] = self.plan.fresh(f"F{tensor}")
            adapted = self.adapted(einsum, self.final_read)
            self.made.append(replace(adapted, name=self.finals[tensor], doc=f"{tensor} once more, with final values"))
        return self.finals[tensor]

    # ---- running values

    def carry(self, einsum: Einsum) -> None:
        """Replace a reduction over the step by a running value."""
        operator = einsum.reductions[-1].operator
        newer, older = self.plan.generations(Access(einsum.name, einsum.indices))
        local = self.local(einsum)
        corrected = self.corrected(einsum, older, operator)
        combined = Call(self.cascade.reducer(operator).combine, (corrected, local))
        start = Number(self.cascade.reducer(operator).identity)
        self.made.append(Einsum(newer.tensor, newer.indices, combined, initial=start, doc=einsum.doc))

    def local(self, einsum: Einsum) -> Expr:
        """Write what the tile at hand contributes, and return it."""
        inner = self.adapted(einsum, self.reader(einsum))
        *first, last = inner.reductions
        left = tuple(var for var in last.indices if var != self.step)
        reductions = (*first, *((Reduction(last.operator, left),) if left else ()))
        access = inner.expression
        if reductions or inner.where or not isinstance(access, Access):
            access = Access(self.plan.fresh(f"L{einsum.name}"), (self.step, *einsum.written))
            self.made.append(replace(inner, name=access.tensor, indices=access.indices, reductions=reductions, doc=""))
        if not self.may_skip(einsum):
            return access
        return Call("default", (access, Number(self.cascade.reducer(last.operator).identity)))

    def may_skip(self, einsum: Einsum) -> bool:
        """Whether a tile may be absent here while a running value that the correction follows moves on."""
        if self.plan.change[einsum.name].trivial:
            return False
        mine = self.conditioned(einsum.name)
        followed = [name for name in self.plan.running if name in self.upstream(einsum.name) - {einsum.name}]
        return any(not mine <= self.conditioned(name) for name in followed)

    def conditioned(self, tensor: str) -> set[str]:
        return {name for name in self.upstream(tensor) if self.is_conditioned(self.cascade.by_name[name])}

    def is_conditioned(self, einsum: Einsum) -> bool:
        """Whether points may be absent: by a condition, or by reading beyond the end of a tensor."""
        for access in einsum.reads:
            writer = self.cascade.by_name.get(access.tensor)
            moved = (shifted(index) for index in access.indices if not isinstance(index, Size | Number))
            if any(pair is None or (pair[1] != 0 and pair[0] != (writer and writer.iterative)) for pair in moved):
                return True
        return bool(einsum.where)

    def upstream(self, tensor: str) -> set[str]:
        found: set[str] = set()
        todo = [tensor]
        while todo:
            name = todo.pop()
            if name in self.cascade.by_name and name not in found:
                found.add(name)
                todo += [access.tensor for access in self.cascade.by_name[name].reads]
        return found

    def corrected(self, einsum: Einsum, older: Access, operator: str) -> Access:
        """Write the older accumulation brought up to date, and return it."""
        change = self.plan.change[einsum.name]
        if change.trivial:
            return older
        by_factor = self.cascade.reducer(operator).combine == "add"
        amount = change.factor if by_factor else change.summand
        assert amount is not None
        name = self.plan.fresh(f"S{einsum.name}")
        expression = Call("mul" if by_factor else "add", (older, self.share(einsum, amount)))
        self.made.append(Einsum(name, older.indices, expression))
        return Access(name, older.indices)

    def share(self, einsum: Einsum, amount: Expr) -> Access:
        """Write a correction as an Einsum of its own, once for all who need it."""
        if amount not in self.shared:
            used = {node for node in walk(amount) if isinstance(node, Var)}
            indices = (self.step, *(var for var in einsum.written if var in used))
            name = self.plan.fresh(f"C{einsum.name}")
            below = ", ".join(divisors(amount))
            proviso = f"; holds while {below} is not 0 between the first step and the last" if below else ""
            doc = f"correction of what was accumulated so far{proviso}"
            self.made.append(Einsum(name, indices, amount, doc=doc))
            self.shared[amount] = Access(name, indices)
        return self.shared[amount]
