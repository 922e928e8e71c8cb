"""Damaged texts are refused with a reason, or mean something; they never crash."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import (
    analyse_every_rank,
    check,
    defer,
    describe,
    from_json,
    library,
    load,
    online,
    parse,
    to_dot,
    to_json,
    to_latex,
)
from attnscope.errors import AttnScopeError, CascadeError

TEXTS = [str(load(name)) for name in library()]
PIECES = ["m", "m1", "p", "M1", "+1", "[", "]", "(", ")", ",", "=", "sum", "top", "where", "or", "0", "-inf", "*", "/"]
PIECES += ["exp", "'", "#", "\n", "QK", "RM", "over", "ranks", "default(", "**", "//", "Q[e, p]", "é", "identity"]


def damaged(seed: int) -> str:
    rng = random.Random(seed)
    text = rng.choice(TEXTS)
    at = rng.randrange(len(text))
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + rng.choice(PIECES) + text[at:]
    if kind == 1:
        return text[:at] + text[at + rng.randint(1, 4) :]
    lines = text.split("\n")
    line = rng.randrange(len(lines))
    if kind == 2:
        lines.pop(line)
    else:
        words = lines[line].split(" ")
        words[rng.randrange(len(words))] = rng.choice(PIECES)
        lines[line] = " ".join(words)
    return "\n".join(lines)


@settings(deadline=None, derandomize=True, max_examples=250)
@given(st.integers(0, 10**6))
def test_damaged_texts(seed: int) -> None:
    try:
        cascade = parse(damaged(seed))
    except CascadeError as error:
        assert len(str(error)) > 20
        return
    assert parse(str(cascade)) == cascade
    assert from_json(to_json(cascade)) == cascade
    assert str(describe(cascade)) and to_dot(cascade) and to_latex(cascade)
    try:
        analyse_every_rank(cascade)
        for derived in (defer(cascade), online(cascade, cascade.rank_names[-1])):
            assert parse(str(derived)) == derived
        check(cascade)
    except AttnScopeError as error:
        assert len(str(error)) > 20
