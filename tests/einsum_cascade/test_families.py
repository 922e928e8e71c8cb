"""The references against loops that follow the published formulas word by word."""

import numpy as np
import pytest

from attnscope.einsum_cascade import Named, Question, Reference, register_reference
from attnscope.einsum_cascade.families import REFERENCES, reference
from attnscope.einsum_cascade.reference import Array
from attnscope.errors import UnknownNameError, UsageError

RNG = np.random.default_rng(3)
SIZES = {"E": 3, "F": 2, "P": 4, "M": 5, "N": 5, "C": 3, "T": 2}


def ask(
    name: str, out: str, *tensors: tuple[Array, str], over: tuple[str, ...] = (), visible: Array | None = None
) -> Array:
    named = tuple(Named(values, tuple(ranks)) for values, ranks in tensors)
    return reference(name).answer(Question(named, tuple(out), over, lambda _ranks: visible, SIZES))


def draw(ranks: str) -> tuple[Array, str]:
    return RNG.normal(size=tuple(SIZES[rank] for rank in ranks)), ranks


def weights(scores: list[float]) -> list[float]:
    top = max(scores)
    parts = [np.exp(s - top) for s in scores]
    return [part / sum(parts) for part in parts]


def test_softmax_attention_by_loops() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("softmax-attention", "FP", *operands)
    for p in range(4):
        w = weights([q[:, p] @ k[:, m] / np.sqrt(3) for m in range(5)])
        assert out[:, p] == pytest.approx(sum(w[m] * v[:, m] for m in range(5)))


def test_layout_and_batch_ranks_do_not_matter() -> None:
    q, k, v = draw("EP"), draw("EM"), draw("FM")
    plain = ask("softmax-attention", "FP", q, k, v)
    turned = ask("softmax-attention", "PF", (q[0].T, "PE"), (k[0].T, "ME"), (v[0].T, "MF"))
    assert turned == pytest.approx(plain.T)
    stacked = [(np.stack([x, 2 * x]), f"H{ranks}") for x, ranks in (q, k, v)]
    assert ask("softmax-attention", "HFP", *stacked)[0] == pytest.approx(plain)


def test_rows_that_see_nothing_are_zero() -> None:
    visible = np.ones((4, 5), bool)
    visible[1] = False
    out = ask("softmax-attention", "FP", draw("EP"), draw("EM"), draw("FM"), visible=visible)
    assert (out[:, 1] == 0).all()
    assert (out[:, 0] != 0).all()


def test_bias_and_scale() -> None:
    q, k, v = draw("EP"), draw("EM"), draw("FM")
    bias = (RNG.normal(size=(5, 4)), "MP")
    out = ask("softmax-attention", "FP", q, k, v, bias)
    w = weights([q[0][:, 2] @ k[0][:, m] / np.sqrt(3) + bias[0][m, 2] for m in range(5)])
    assert out[:, 2] == pytest.approx(v[0] @ w)
    scaled = (q[0] / np.sqrt(3), "EP")
    assert ask("softmax-attention-unscaled", "FP", scaled, k, v) == pytest.approx(
        ask("softmax-attention", "FP", q, k, v)
    )


def test_softmax_over_the_queries() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("softmax-attention", "FP", *operands, over=("P",))
    table = np.array([weights([q[:, p] @ k[:, m] / np.sqrt(3) for p in range(4)]) for m in range(5)])
    assert out == pytest.approx(v @ table)


def test_softmax_weights_and_scores() -> None:
    (q, _), (k, _) = operands = draw("EP"), draw("EM")
    out = ask("softmax-weights", "MP", *operands)
    assert out[:, 1] == pytest.approx(weights([q[:, 1] @ k[:, m] / np.sqrt(3) for m in range(5)]))
    assert ask("attention-scores", "PM", *operands) == pytest.approx(q.T @ k / np.sqrt(3))


def test_sigmoid_attention_by_loops() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("sigmoid-attention", "FP", *operands)
    w = [1 / (1 + np.exp(-(q[:, 0] @ k[:, m] / np.sqrt(3) - np.log(5)))) for m in range(5)]
    assert out[:, 0] == pytest.approx(v @ w)


def test_linear_attention_by_loops() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("linear-attention", "FP", *operands)

    def phi(x: Array) -> Array:
        return np.array([a + 1 if a > 0 else np.exp(a) for a in x])

    similar = [phi(q[:, 3]) @ phi(k[:, m]) for m in range(5)]
    assert out[:, 3] == pytest.approx(v @ similar / sum(similar))


def test_decayed_linear_attention_by_loops() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EN"), draw("EN"), draw("FN")
    out = ask("decayed-linear-attention", "FN", *operands, (np.asarray(0.9), ""), over=("N",))
    for n in range(5):
        expected = sum(0.9 ** (n - j) * (q[:, n] @ k[:, j]) * v[:, j] for j in range(n + 1))
        assert out[:, n] == pytest.approx(expected)


def test_channel_attention_by_loops() -> None:
    (q, _), (k, _), (v, _) = operands = draw("CN"), draw("CN"), draw("CN")
    out = ask("channel-attention", "CN", *operands, over=("C",))
    w = weights([q[1] @ k[d] / np.sqrt(3) for d in range(3)])
    assert out[1] == pytest.approx(sum(w[d] * v[d] for d in range(3)))


def test_agent_attention_is_attention_twice() -> None:
    q, agents, k, v = draw("EP"), draw("EN"), draw("EM"), draw("FM")
    gathered = ask("softmax-attention", "FN", agents, k, v)
    expected = ask("softmax-attention", "FP", q, agents, (gathered, "FN"))
    assert ask("agent-attention", "FP", q, agents, k, v) == pytest.approx(expected)


def test_top_attention_sees_the_best_keys_only() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("top-attention", "FP", *operands, over=("T",))
    scores = np.array([q[:, 0] @ k[:, m] / np.sqrt(3) for m in range(5)])
    best = np.argsort(-scores)[:2]
    assert out[:, 0] == pytest.approx(v[:, best] @ weights(list(scores[best])))


def test_third_order_attention_by_loops() -> None:
    (q, _), (a, _), (b, _), (u, _), (v, _) = operands = draw("EP"), draw("EM"), draw("EN"), draw("FM"), draw("FN")
    out = ask("third-order-attention", "FP", *operands)
    pairs = [(m, n) for m in range(5) for n in range(5)]
    w = weights([float((q[:, 2] * a[:, m] * b[:, n]).sum()) / np.sqrt(3) for m, n in pairs])
    assert out[:, 2] == pytest.approx(sum(x * u[:, m] * v[:, n] for x, (m, n) in zip(w, pairs, strict=True)))


def test_flow_attention_by_matrices() -> None:
    (q, _), (k, _), (v, _) = operands = draw("EP"), draw("EM"), draw("FM")
    out = ask("flow-attention", "FP", *operands)
    pq, pk = (1 / (1 + np.exp(-x)) for x in (q, k))
    incoming, outgoing = pq.T @ pk.sum(1), pk.T @ pq.sum(1)
    sinks = 1 / (1 + np.exp(-(pq.T @ (pk / outgoing).sum(1))))
    sources = np.array(weights(list(pk.T @ (pq / incoming).sum(1))))
    assert out == pytest.approx(((v * sources) @ pk.T) @ (pq / incoming) * sinks)


def test_dot_and_scale() -> None:
    a, b = RNG.normal(size=5), RNG.normal(size=5)
    assert ask("dot-and-scale", "", (a, "M"), (b, "M")) == pytest.approx((a @ b) * a.sum())


def test_references_of_ones_own() -> None:
    mine = Reference("twice", ("A",), lambda question: 2 * question.tensors[0].values, "2 A")
    register_reference(mine)
    try:
        assert ask("twice", "M", (np.ones(5), "M")).tolist() == [2] * 5
        with pytest.raises(UsageError, match="reference 'twice' exists already; choose another name"):
            register_reference(mine)
    finally:
        del REFERENCES["twice"]
    with pytest.raises(UnknownNameError, match="no reference named 'softmax-atention'"):
        reference("softmax-atention")
