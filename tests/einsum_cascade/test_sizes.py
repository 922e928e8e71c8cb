"""Lengths of ranks from shapes, from the caller, from partitions."""

import pytest

from attnscope.einsum_cascade import load, parse, resolve_sizes
from attnscope.einsum_cascade.sizes import used_ranks
from attnscope.errors import CascadeError


def test_partitions_complete_each_other() -> None:
    cascade = load("attention-1pass")
    base = {"E": 4, "F": 4, "P": 2}
    assert resolve_sizes(cascade, {**base, "M": 10, "M0": 4})["M1"] == 3
    assert resolve_sizes(cascade, {**base, "M": 10, "M1": 4})["M0"] == 3
    assert resolve_sizes(cascade, {**base, "M1": 3, "M0": 4})["M"] == 12


def test_nested_partitions_resolve_in_any_order() -> None:
    for ranks in ("M = M2 * M1, M1 = L1 * L0", "M1 = L1 * L0, M = M2 * M1"):
        cascade = parse(f"ranks {ranks}\nX[m2] = A[m2, l1, l0]  sum l1, l0")
        assert resolve_sizes(cascade, {"M": 20, "L1": 3, "L0": 2}) == {"M": 20, "M1": 6, "M2": 4, "L1": 3, "L0": 2}


def test_only_used_ranks_need_a_length() -> None:
    cascade = parse("ranks M, P, W\nX[m] = A[m] / W")
    assert used_ranks(cascade) == ("M", "W")
    with pytest.raises(CascadeError, match="rank W has no length: no input has it; give one, as in W=16"):
        resolve_sizes(cascade, {"M": 3})
