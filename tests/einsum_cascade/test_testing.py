"""The shipped generators and the oracle."""

from attnscope.einsum_cascade import load, parse
from attnscope.einsum_cascade.testing import disguised, random_cascade, sweeps_needed


def test_random_cascades_are_repeatable_and_varied() -> None:
    assert random_cascade(4, 8) == random_cascade(4, 8)
    assert len({str(random_cascade(seed, 8)) for seed in range(60)}) == 60
    texts = "".join(str(random_cascade(seed, 8)) for seed in range(60))
    assert all(word in texts for word in ("max m0", "sum m1", "m1+1", "exp(", "[M1"))


def test_disguise_keeps_the_structure() -> None:
    cascade = load("attention-1pass")
    other, names = disguised(cascade, 0)
    assert set(names) == set(cascade.tensors)
    assert {names[einsum.name] for einsum in cascade.einsums} == {einsum.name for einsum in other.einsums}
    assert [einsum.name for einsum in other.einsums] != [names[einsum.name] for einsum in cascade.einsums]


def test_the_oracle_by_hand() -> None:
    cascade = parse("ranks K\nY[] = A[k] * B[k]  sum k\nZ[] = Y[] * A[k]  sum k\nW[] = B[k]  sum k")
    assert sweeps_needed(cascade, "K", {"K": 4}) == {"Y": 1, "Z": 2, "W": 1}
    assert sweeps_needed(cascade, "K", {"K": 4}, "A") == {"Y": 1, "Z": 2}
    assert sweeps_needed(cascade, "K", {"K": 4}, "B") == {"Y": 1, "W": 1}
