"""Generators and oracles for property tests, shipped so that users can test their own rules with them.

* :func:`random_cascade` writes a legal cascade at random.
* :func:`sweeps_needed` counts passes by brute force on the element-level dependence graph of a tiny instance; it
  shares nothing with the inference of :mod:`attnscope.einsum_cascade.passes` but the definition.
* :func:`disguised` renames every tensor and shuffles the Einsums.
"""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from attnscope.einsum_cascade.einsum import Einsum
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.layout import storage_indices
from attnscope.einsum_cascade.parse import parse
from attnscope.einsum_cascade.transform.rename import rename_tensors

Point = dict[str, int]


@dataclass(frozen=True)
class _Way:
    """One way to read a tensor: its text and the indices that it brings along."""

    text: str
    indices: tuple[str, ...]


class _Writer:
    """Writes one random cascade, line by line."""

    def __init__(self, rng: random.Random, partitioned: bool) -> None:
        self.rng = rng
        self.inner = ("m1", "m0") if partitioned else ("m",)
        self.lines: list[str] = []
        self.ways: list[_Way] = []
        for name, indices in (("X", self.inner), ("Y", (*self.inner, "p")), ("W", ("p",))):
            self.ways.append(_Way(f"{name}[{', '.join(indices)}]", indices))

    def new(self) -> str:
        return f"T{len(self.lines)}"

    def pick(self, *needed: str) -> _Way:
        """Choose something to read; what was made last is likelier, so that chains of passes arise."""
        ways = [way for way in self.ways if set(needed) <= set(way.indices)]
        return self.rng.choice(ways[-3:] if self.rng.random() < 0.6 else ways)

    def union(self, *ways: _Way) -> tuple[str, ...]:
        return tuple(i for i in (*self.inner, "p") if any(i in way.indices for way in ways))

    def define(self, indices: tuple[str, ...], rest: str) -> None:
        way = _Way(f"{self.new()}[{', '.join(indices)}]", indices)
        self.lines.append(f"{way.text} = {rest}")
        self.ways.append(way)

    def map(self) -> None:
        left, right = self.pick(self.rng.choice(self.inner)), self.pick()
        expression = self.rng.choice(
            [f"exp({left.text} - {right.text})", f"{left.text} * {right.text}", f"max({left.text}, {right.text})"]
        )
        self.define(self.union(left, right), expression)

    def reduce(self) -> None:
        way = self.pick(self.rng.choice(self.inner))
        candidates = [i for i in way.indices if i in self.inner]
        folded = self.rng.sample(candidates, self.rng.randint(1, len(candidates)))
        kept = tuple(i for i in way.indices if i not in folded)
        self.define(kept, f"{way.text}  {self.rng.choice(['sum', 'max'])} {', '.join(folded)}")

    def refer_back(self) -> None:
        """Reduce something and go back to it with the result, as a softmax does."""
        way = self.pick(*self.inner)
        kept = tuple(i for i in way.indices if i not in self.inner)
        self.define(kept, f"{way.text}  {self.rng.choice(['sum', 'max'])} {', '.join(self.inner)}")
        result = self.ways[-1].text
        self.define(way.indices, self.rng.choice([f"exp({way.text} - {result})", f"{way.text} / {result}"]))

    def recur(self) -> None:
        """Carry a value over the outermost index, directly or through a corrected copy of it."""
        step, name = self.inner[0], self.new()
        candidates = [way for way in self.ways if step in way.indices and set(way.indices) <= {step, "p"}]
        if not candidates:
            return self.reduce()
        fresh, other = self.rng.choice(candidates), self.rng.choice(candidates)
        indices = self.union(fresh, other)
        rest = f", {', '.join(indices[1:])}" if len(indices) > 1 else ""
        carried = f"{name}[{step}{rest}]"
        if self.rng.random() < 0.5:
            corrected = f"{name}c[{step}{rest}]"
            self.lines.append(f"{corrected} = {carried} * {other.text}")
            self.ways.append(_Way(corrected, indices))
            carried = corrected
        self.lines.append(f"{name}[{step}+1{rest}] = {carried} + {fresh.text}  {name}[0] = 0")
        self.ways += [_Way(f"{name}[{step}{rest}]", indices), _Way(f"{name}[{step}+1{rest}]", indices)]
        final = _Way(f"{name}[{step.upper()}{rest}]", indices[1:])
        self.ways.append(final)
        if self.rng.random() < 0.5:
            whole = self.pick(*self.inner)
            self.define(self.union(whole, final), f"{whole.text} * {final.text}")
        return None


def random_cascade(seed: int, n_einsums: int = 8, *, partitioned: bool = True) -> Cascade:
    """Return a legal cascade of maps, reductions and recurrences over M (in two parts or whole) and P.

    The same arguments give the same cascade.
    """
    rng = random.Random(seed)
    writer = _Writer(rng, partitioned)
    while len(writer.lines) < n_einsums:
        rng.choice([writer.map, writer.reduce, writer.reduce, writer.refer_back, writer.recur])()
    ranks = "ranks P, M = M1 * M0" if partitioned else "ranks P, M"
    return parse("\n".join([ranks, *writer.lines]), f"random-{seed}")


def disguised(cascade: Cascade, seed: int) -> tuple[Cascade, dict[str, str]]:
    """Return the cascade with every tensor renamed and the Einsums shuffled, and the new name of each tensor."""
    rng = random.Random(seed)
    names = [f"Z{i}" for i in range(len(cascade.tensors))]
    rng.shuffle(names)
    mapping = dict(zip(cascade.tensors, names, strict=True))
    renamed = rename_tensors(cascade, mapping)
    return replace(renamed, einsums=tuple(rng.sample(renamed.einsums, len(renamed.einsums)))), mapping


def sweeps_needed(cascade: Cascade, rank: str, sizes: Mapping[str, int], tensor: str = "") -> dict[str, int]:
    """Return in which sweep over a rank each Einsum can finish, found by brute force on a tiny instance.

    The traversal visits the coordinates of the rank's outermost part in order, again and again. An operation that
    touches an element (of any tensor, or of ``tensor`` and what is derived from it element by element) must happen
    while the traversal stands at that element's coordinate; every other operation happens as soon as its operands
    are there. The count is the earliest possible sweep under these rules, over all points of each Einsum.

    Args:
        cascade: a cascade without conditions.
        rank: a declared rank, not primed.
        sizes: the length of every rank; the outermost part must be longer than the number of passes by two or more, or
            the ends of the fibre hide dependencies.
        tensor: count only touches of this tensor; of every element where empty.

    Returns:
        Sweeps by Einsum, counted from 1; only Einsums that touch.
    """
    oracle = _Oracle(cascade, rank, sizes, tensor)
    for einsum in cascade.einsums:
        for point in oracle.points(einsum):
            oracle.element(einsum.name, oracle.written(einsum, point))
    return oracle.sweeps


@dataclass(frozen=True)
class _Moment:
    """When an element is known, and on which coordinates of the traversed tensor it sits."""

    time: tuple[int, int]
    sits_on: frozenset[tuple[int, ...]] = frozenset()


class _Oracle:
    def __init__(self, cascade: Cascade, rank: str, sizes: Mapping[str, int], tensor: str) -> None:
        self.cascade, self.sizes, self.tensor = cascade, sizes, tensor
        self.leaves = cascade.leaves(rank)
        self.sweeps: dict[str, int] = {}
        self.known: dict[tuple[str, tuple[int, ...]], _Moment] = {}

    def points(self, einsum: Einsum) -> list[Point]:
        extents = [range(self.sizes[var.rank]) for var in einsum.variables]
        names = [var.name for var in einsum.variables]
        return [dict(zip(names, at, strict=True)) for at in itertools.product(*extents)]

    def number(self, expr: Expr, point: Point) -> int:
        if isinstance(expr, Call):
            a, b = (self.number(arg, point) for arg in expr.args)
            return {"add": a + b, "sub": a - b, "mul": a * b, "floordiv": a // max(b, 1), "mod": a % max(b, 1)}[
                expr.operator
            ]
        if isinstance(expr, Number):
            return int(expr.value)
        assert isinstance(expr, Var | Size)
        return self.sizes[expr.rank] if isinstance(expr, Size) else point[expr.name]

    def written(self, einsum: Einsum, point: Point) -> tuple[int, ...]:
        return tuple(self.number(index, point) for index in einsum.indices)

    def coordinates(self, point: Point) -> tuple[int, ...]:
        """Return the point's place in the traversed fibre; empty where it does not stand on one element."""
        if self.leaves[0].lower() not in point and len(self.leaves) == 1:
            return ()
        found = [point[leaf.lower()] for leaf in self.leaves if leaf.lower() in point]
        return tuple(found) if len(found) == len(self.leaves) else ()

    def element(self, tensor: str, at: tuple[int, ...]) -> _Moment:
        key = (tensor, at)
        if key not in self.known:
            self.known[key] = self.input(tensor, at) if tensor in self.cascade.inputs else self.made(tensor, at)
        return self.known[key]

    def input(self, tensor: str, at: tuple[int, ...]) -> _Moment:
        sits = self.split(tensor, at) if tensor == self.tensor else frozenset()
        return _Moment((0, -1), sits)

    def split(self, tensor: str, at: tuple[int, ...]) -> frozenset[tuple[int, ...]]:
        """Return the fibre coordinate of a stored element."""
        point: Point = {}
        for rank, coordinate in zip(self.cascade.tensor_ranks(tensor), at, strict=True):
            for leaf in reversed(self.cascade.leaves(rank)):
                point[leaf.lower()] = coordinate % self.sizes[leaf]
                coordinate //= self.sizes[leaf]
        found = self.coordinates(point)
        return frozenset([found]) if found else frozenset()

    def made(self, tensor: str, at: tuple[int, ...]) -> _Moment:
        einsum = self.cascade.by_name[tensor]
        moments = [self.operation(einsum, p) for p in self.points(einsum) if self.written(einsum, p) == at]
        if not moments:  # the start value of a recurrence
            return _Moment((0, -1))
        folds = any(leaf.lower() == var.name for var in einsum.folded for leaf in self.leaves)
        sits = frozenset() if folds else moments[0].sits_on
        if tensor == self.tensor and not folds:
            point = next(p for p in self.points(einsum) if self.written(einsum, p) == at)
            sits = self.neighbours(einsum, self.coordinates(point))
        return _Moment(max(moment.time for moment in moments), sits)

    def neighbours(self, einsum: Einsum, at: tuple[int, ...]) -> frozenset[tuple[int, ...]]:
        """Return where a reader may stand: at the element, or one step on where a generation is handed over."""
        if not at:
            return frozenset()
        handed_over = einsum.iterative is not None and einsum.iterative.rank == self.leaves[0]
        return frozenset([at, (at[0] + 1, *at[1:])] if handed_over else [at])

    def operation(self, einsum: Einsum, point: Point) -> _Moment:
        reads = [self.read(access, point) for access in einsum.reads]
        ready = max((moment.time for moment in reads), default=(0, -1))
        at = self.coordinates(point)
        touches = bool(at) and (not self.tensor or any(at in moment.sits_on for moment in reads))
        if not touches:
            return _Moment(ready)
        sweep = ready[0] if at[0] >= ready[1] else ready[0] + 1
        self.sweeps[einsum.name] = max(self.sweeps.get(einsum.name, 0), sweep + 1)
        return _Moment((sweep, at[0]), self.neighbours(einsum, at))

    def read(self, access: Access, point: Point) -> _Moment:
        indices = storage_indices(self.cascade, access)
        return self.element(access.tensor, tuple(self.number(index, point) for index in indices))
