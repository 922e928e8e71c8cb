"""Plain fp64 references that cascades claim to equal, written on arrays with named ranks.

A reference looks at which ranks its tensors share, never at their order, so one definition serves any layout, any
names, and grouped heads: in attention the ranks that Q and K share and the output lacks are contracted, those that K
and V share and the output lacks are normalised over, and ranks that all of them have are batch. In self-attention over
a single rank N (``over n``) the keys' copy of the rank is called N', as in the cascade's own text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


@dataclass(frozen=True)
class Named:
    """An array with named ranks."""

    values: Array
    ranks: tuple[str, ...]

    def over(self, ranks: tuple[str, ...]) -> Array:
        """Return the values transposed to ``ranks``, with extent 1 where the array lacks a rank."""
        order = [self.ranks.index(rank) for rank in ranks if rank in self.ranks]
        missing = tuple(axis for axis, rank in enumerate(ranks) if rank not in self.ranks)
        return np.expand_dims(self.values.transpose(order), missing)

    def renamed(self, names: Mapping[str, str]) -> "Named":
        """Return the array with ranks renamed."""
        return Named(self.values, tuple(names.get(rank, rank) for rank in self.ranks))


@dataclass(frozen=True)
class Question:
    """What a reference is asked.

    Attributes:
        tensors: the arrays that take its roles, in order, in fp64.
        out: ranks of the result.
        over: ranks named in the claim.
        visible: gives, for ranks of the scores, where a pair takes part (``None``: everywhere).
        sizes: length of each rank.
    """

    tensors: tuple[Named, ...]
    out: tuple[str, ...]
    over: tuple[str, ...]
    visible: Callable[[tuple[str, ...]], Array | None]
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Reference:
    """A named reference.

    Attributes:
        name: how an ``equals`` line calls it.
        roles: what its tensors are called in its documentation; a role in brackets may be left out.
        answer: the function.
        doc: one line.
        draw: how to draw a role at random where a normal distribution will not do.
        scored: roles that make up the logits, to be made large by the check.
    """

    name: str
    roles: tuple[str, ...]
    answer: Callable[[Question], Array]
    doc: str
    draw: Mapping[str, Draw] = field(default_factory=dict)
    scored: tuple[str, ...] = ("Q", "K")

    @property
    def n_required(self) -> int:
        """How many tensors it needs at least."""
        return sum(not role.startswith("[") for role in self.roles)


def contract(out: tuple[str, ...], *operands: Named) -> Named:
    """Return the sum of products over all ranks that ``out`` lacks."""
    letters: dict[str, int] = {}
    args: list[Any] = []
    for operand in operands:
        args += [operand.values, [letters.setdefault(rank, len(letters)) for rank in operand.ranks]]
    return Named(np.einsum(*args, [letters[rank] for rank in out], optimize=True), out)


def softmax(scores: Named, visible: Array | None, over: tuple[str, ...]) -> Named:
    """Return exp(s) / sum exp(s) over ranks, shifted by the maximum; 0 where nothing is visible."""
    axes = tuple(scores.ranks.index(rank) for rank in over)
    values = scores.values if visible is None else np.where(visible, scores.values, -np.inf)
    top = values.max(axis=axes, keepdims=True)
    with np.errstate(invalid="ignore"):
        weights = np.exp(np.where(np.isneginf(values), -np.inf, values - np.where(np.isneginf(top), 0, top)))
    total = weights.sum(axis=axes, keepdims=True)
    return Named(weights / np.where(total == 0, 1, total), scores.ranks)
