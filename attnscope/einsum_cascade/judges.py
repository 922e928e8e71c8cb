"""What a cascade is compared with: its reference, or another cascade, asked in fp64."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnscope.einsum_cascade.einsum import Claim
from attnscope.einsum_cascade.execute import execute
from attnscope.einsum_cascade.expressions import Var
from attnscope.einsum_cascade.families import reference
from attnscope.einsum_cascade.frame import Frame, Tensor
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.reference import Named, Question, Reference
from attnscope.einsum_cascade.spans import refusal
from attnscope.errors import CascadeError

Array = NDArray[Any]
Judge = Callable[[Mapping[str, Array], Mapping[str, int]], Array]
TILE = 4


def against_cascade(other: Cascade) -> Judge:
    """Return a judge that runs another cascade on the same inputs."""

    def judge(inputs: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
        wide = {name: array.astype(np.float64) for name, array in inputs.items() if name in other.inputs}
        known = {rank: sizes[rank] for rank in other.rank_names if rank in sizes}
        known |= {rank: TILE for rank in _inner_parts(other) if rank not in sizes}
        return execute(other, wide, known)[other.outputs[0]]

    return judge


def _inner_parts(cascade: Cascade) -> list[str]:
    return [part for parts in cascade.partitions.values() for part in parts[1:]]


def against_reference(cascade: Cascade, claim: Claim) -> Judge:
    """Return a judge that asks the reference which a cascade claims to equal."""
    found = reference(claim.reference)
    _check_roles(claim, found)
    layouts = [cascade.merged(cascade.tensor_ranks(name)) for name in (*claim.arguments, cascade.outputs[0])]
    split = {r: parts for r, parts in cascade.partitions.items() if any(set(parts) & set(ranks) for ranks in layouts)}

    def judge(inputs: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
        wide = {name: array.astype(np.float64) for name, array in inputs.items()}
        pairs = zip(claim.arguments, layouts, strict=False)
        tensors = tuple(_split(Named(wide[name], ranks), split, sizes) for name, ranks in pairs)
        out = tuple(part for rank in layouts[-1] for part in split.get(rank, (rank,)))
        visible = partial(_visible, cascade, claim, wide, sizes)
        try:
            answer = found.answer(Question(tensors, out, claim.over, visible, sizes))
        except CascadeError:
            raise
        except (ValueError, LookupError, StopIteration) as error:
            why = f"{found.name}, {found.doc}, does not fit the ranks of these tensors: {error}"
            raise refusal(why, claim) from error
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


def _check_roles(claim: Claim, found: Reference) -> None:
    least, most = found.n_required, len(found.roles)
    if not least <= len(claim.arguments) <= most:
        raise refusal(
            f"{found.name} takes the tensors ({', '.join(found.roles)}), {len(claim.arguments)} are given", claim
        )


def _visible(
    cascade: Cascade, claim: Claim, inputs: Mapping[str, Array], sizes: Mapping[str, int], ranks: tuple[str, ...]
) -> Array | None:
    """Evaluate the claim's conditions over the ranks of the scores."""
    if not claim.where:
        return None
    space = tuple(Var(rank.lower()) for rank in ranks)
    tensors = {name: Tensor(array) for name, array in inputs.items()}
    return Frame(cascade, space, sizes, tensors, np.dtype(np.float64)).holds(claim.where)
