"""The references that come with the package, in plain fp64 numpy: one function for each family of attention."""

import numpy as np

from attnscope.einsum_cascade.reference import Array, Named, Question, Reference, contract, softmax
from attnscope.errors import UnknownNameError, UsageError


def _apart(question: Question) -> tuple[Named, ...]:
    """Give the keys' side its own copy of a rank that queries and keys share and the claim names."""
    names = {rank: f"{rank}'" for rank in question.over if all(rank in t.ranks for t in question.tensors[:2])}
    return (question.tensors[0], *(tensor.renamed(names) for tensor in question.tensors[1:]))


def _scores(question: Question, q: Named, k: Named, *, scaled: bool = True) -> Named:
    shared = [rank for rank in q.ranks if rank in k.ranks and rank not in question.out]
    ranks = tuple(dict.fromkeys(rank for rank in (*q.ranks, *k.ranks) if rank not in shared))
    scores = contract(ranks, q, k)
    width = np.prod([question.sizes[rank] for rank in shared])
    return Named(scores.values / np.sqrt(width), ranks) if scaled else scores


def _softmax_attention(question: Question, *, scaled: bool = True) -> Array:
    q, k, v, *bias = _apart(question)
    scores = _scores(question, q, k, scaled=scaled)
    for term in bias:
        scores = Named(scores.values + term.over(scores.ranks), scores.ranks)
    keys = tuple(rank for rank in k.ranks if rank in v.ranks and rank not in question.out)
    over = tuple(rank for rank in question.over if f"{rank}'" not in scores.ranks) or keys
    return contract(question.out, softmax(scores, question.visible(scores.ranks), over), v).values


def _softmax_weights(question: Question) -> Array:
    q, k = question.tensors
    scores = _scores(question, q, k)
    over = question.over or tuple(rank for rank in k.ranks if rank in scores.ranks and rank not in q.ranks)
    return softmax(scores, question.visible(scores.ranks), over).over(question.out)


def _scores_alone(question: Question) -> Array:
    scores = _scores(question, *question.tensors)
    visible = question.visible(scores.ranks)
    values = scores.values if visible is None else np.where(visible, scores.values, 0)
    return Named(values, scores.ranks).over(question.out)


def _sigmoid_attention(question: Question) -> Array:
    q, k, v = _apart(question)
    scores = _scores(question, q, k)
    keys = [rank for rank in k.ranks if rank in v.ranks and rank not in question.out]
    shifted = scores.values - np.log(np.prod([question.sizes[rank.rstrip("'")] for rank in keys]))
    weights = np.exp(-np.logaddexp(0, -shifted))
    visible = question.visible(scores.ranks)
    weights = weights if visible is None else np.where(visible, weights, 0)
    return contract(question.out, Named(weights, scores.ranks), v).values


def _feature(x: Named) -> Named:
    return Named(np.where(x.values > 0, x.values + 1, np.exp(np.minimum(x.values, 0))), x.ranks)


def _linear_attention(question: Question) -> Array:
    q, k, v = _apart(question)
    scores = _scores(question, _feature(q), _feature(k), scaled=False)
    visible = question.visible(scores.ranks)
    weights = scores if visible is None else Named(np.where(visible, scores.values, 0), scores.ranks)
    total = contract(tuple(rank for rank in scores.ranks if rank in question.out), weights)
    safe = Named(np.where(total.values == 0, 1, total.values), total.ranks)
    return contract(question.out, weights, v).values / safe.over(question.out)


def _decayed_linear_attention(question: Question) -> Array:
    q, k, v, decay = _apart(question)
    (step,) = question.over
    scores = _scores(question, q, k, scaled=False)
    length = question.sizes[step]
    distance = np.arange(length)[:, None] - np.arange(length)
    lag = Named(np.maximum(distance, 0), (step, f"{step}'")).over(scores.ranks)
    weight = np.where(Named(distance >= 0, (step, f"{step}'")).over(scores.ranks), decay.over(scores.ranks) ** lag, 0)
    return contract(question.out, Named(scores.values * weight, scores.ranks), v).values


def _channel_attention(question: Question) -> Array:
    q, k, v = _apart(question)
    (channel,) = question.over
    ranks = (channel, f"{channel}'")
    scores = contract(ranks, q, k)
    scaled = Named(scores.values / np.sqrt(question.sizes[channel]), ranks)
    return contract(question.out, softmax(scaled, question.visible(ranks), ranks[1:]), v).values


def _agent_attention(question: Question) -> Array:
    q, agents, k, v = question.tensors
    inner = tuple(dict.fromkeys([rank for rank in agents.ranks if rank not in q.ranks] + list(v.ranks)))
    gathered = tuple(rank for rank in inner if rank not in k.ranks or rank in q.ranks)
    first = Question((agents, k, v), gathered, (), question.visible, question.sizes)
    middle = Named(_softmax_attention(first), gathered)
    second = Question((q, agents, middle), question.out, (), question.visible, question.sizes)
    return _softmax_attention(second)


def _top_attention(question: Question) -> Array:
    q, k, v = question.tensors
    (kept,) = question.over
    scores = _scores(question, q, k)
    (key,) = (rank for rank in k.ranks if rank in v.ranks and rank not in question.out)
    axis = scores.ranks.index(key)
    order = np.argsort(np.argsort(-scores.values, axis=axis, kind="stable"), axis=axis, kind="stable")
    weights = softmax(scores, order < question.sizes[kept], (key,))
    return contract(question.out, weights, v).values


def _dot_and_scale(question: Question) -> Array:
    a, b = question.tensors
    return np.asarray(contract((), a, b).values * a.values.sum())


def _flow_attention(question: Question) -> Array:
    """Flowformer, arXiv 2202.06258, equations 7 to 9, with sigmoid features."""
    q, k, v = question.tensors
    q, k = (Named(1 / (1 + np.exp(-x.values)), x.ranks) for x in (q, k))
    (source,) = (rank for rank in k.ranks if rank in v.ranks and rank not in question.out)
    (sink,) = (rank for rank in q.ranks if rank in question.out)
    incoming = contract((sink,), q, k).values
    outgoing = contract((source,), k, q).values
    sinks = Named(1 / incoming, (sink,))
    conserved_in = contract((sink,), q, k, Named(1 / outgoing, (source,))).values
    conserved_out = contract((source,), k, q, sinks)
    weights = softmax(conserved_out, None, (source,))
    mixed = contract(question.out, q, sinks, k, v, weights).values
    return mixed * Named(1 / (1 + np.exp(-conserved_in)), (sink,)).over(question.out)


def _third_order_attention(question: Question) -> Array:
    """Kronecker (third-order) attention: one softmax over pairs of keys."""
    q, k1, k2, v1, v2 = question.tensors
    shared = [rank for rank in q.ranks if rank in k1.ranks]
    left, right = (next(rank for rank in k.ranks if rank not in shared) for k in (k1, k2))
    (query,) = (rank for rank in q.ranks if rank in question.out)
    scores = contract((query, left, right), q, k1, k2)
    scaled = Named(scores.values / np.sqrt(np.prod([question.sizes[rank] for rank in shared])), scores.ranks)
    return contract(question.out, softmax(scaled, None, (left, right)), v1, v2).values


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.5, 1.5, shape)


def _decay(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.7, 0.99, shape)


_FAMILIES = (
    Reference("softmax-attention", ("Q", "K", "V", "[B]"), _softmax_attention, "softmax(Q K / sqrt(E) + B) V"),
    Reference(
        "softmax-attention-unscaled",
        ("Q", "K", "V", "[B]"),
        lambda question: _softmax_attention(question, scaled=False),
        "softmax(Q K + B) V",
    ),
    Reference("softmax-weights", ("Q", "K"), _softmax_weights, "softmax(Q K / sqrt(E))"),
    Reference("attention-scores", ("Q", "K"), _scores_alone, "Q K / sqrt(E), 0 where not visible"),
    Reference("sigmoid-attention", ("Q", "K", "V"), _sigmoid_attention, "sigmoid(Q K / sqrt(E) - log M) V"),
    Reference("linear-attention", ("Q", "K", "V"), _linear_attention, "phi(Q) phi(K) V / phi(Q) phi(K), phi = elu + 1"),
    Reference(
        "decayed-linear-attention",
        ("Q", "K", "V", "G"),
        _decayed_linear_attention,
        "sum over j <= n of G^(n-j) (Q_n K_j) V_j",
        {"G": _decay},
    ),
    Reference("channel-attention", ("Q", "K", "V"), _channel_attention, "softmax(Q K^T / sqrt(C)) V over channels"),
    Reference(
        "agent-attention",
        ("Q", "A", "K", "V"),
        _agent_attention,
        "softmax(Q A) softmax(A K) V",
        scored=("Q", "A", "K"),
    ),
    Reference("top-attention", ("Q", "K", "V"), _top_attention, "softmax over the best few keys of each query"),
    Reference("flow-attention", ("Q", "K", "V"), _flow_attention, "Flowformer", scored=()),
    Reference("third-order-attention", ("Q", "K1", "K2", "V1", "V2"), _third_order_attention, "softmax over key pairs"),
    Reference(
        "dot-and-scale",
        ("A", "B"),
        _dot_and_scale,
        "(sum A B) (sum A)",
        {"A": _positive, "B": _positive},
        scored=(),
    ),
)

REFERENCES: dict[str, Reference] = {family.name: family for family in _FAMILIES}


def register_reference(reference: Reference) -> None:
    """Add a reference for ``equals`` lines.

    Raises:
        UsageError: the name is taken.
    """
    if reference.name in REFERENCES:
        raise UsageError(f"reference {reference.name!r} exists already; choose another name")
    REFERENCES[reference.name] = reference


def reference(name: str) -> Reference:
    """Return a reference by name; an unknown one is refused with the nearest."""
    if name not in REFERENCES:
        raise UnknownNameError("reference", name, REFERENCES)
    return REFERENCES[name]
