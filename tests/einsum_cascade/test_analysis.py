"""Pass analysis: the published counts, the reasons, live footprints, and agreement with brute force."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.einsum_cascade import analyse_every_rank, analyse_passes, library, load, parse
from attnscope.einsum_cascade.testing import disguised, random_cascade, sweeps_needed
from attnscope.errors import CascadeError, UnknownNameError

# FuseMax (MICRO'24) sections III and IV and Table I give the first six; the others follow from its definition.
COUNTS = [
    ("cascade-1", "K", {"A": 2, "B": 1}),
    ("cascade-2", "K", {"A": 1, "B": 1}),
    ("cascade-3", "K", {"A": 1, "B": 1}),
    ("attention-3pass", "M", {"K": 3, "QK": 3, "V": 1}),
    ("attention-2pass", "M", {"K": 2, "QK": 2, "V": 1}),
    ("attention-1pass", "M", {"K": 1, "QK": 1, "V": 1}),
    ("flat", "M", {"K": 3, "V": 1}),
    ("attention-3pass-deferred", "M", {"K": 2, "V": 1}),
    ("attention-1pass", "M0", {"K": 2, "V": 1}),
    ("attention-split", "M", {"K": 1, "V": 1}),
    ("attention-split", "M1", {"LM": 2, "SLNV": 1}),
    ("attention-recurrent", "M", {"K": 1, "V": 1}),
    ("attention-1pass-normalised", "M", {"K": 1, "V": 1}),
    ("attention-3pass-causal", "M", {"K": 3, "V": 1}),
    ("attention-1pass-masked", "M", {"K": 1, "V": 1, "B": 1}),
    ("attention-gqa", "M", {"K": 1, "V": 1}),
    ("attention-local", "N", {"K": 1, "V": 1}),
    ("attention-local", "N0'", {"K": 3, "V": 1}),
    ("attention-query-softmax", "M", {"K": 1, "V": 1}),
    ("attention-query-softmax", "P", {"Q": 3}),
    ("attention-sigmoid", "M", {"K": 1, "V": 1}),
    ("attention-top", "M", {"K": 1, "V": 1}),
    ("pointer", "M", {"K": 3}),
    ("linear-attention", "M", {"K": 1, "V": 1}),
    ("linear-attention-decay", "N", {"K": 1, "V": 1, "Q": 1}),
    ("linear-attention-decay-chunked", "N", {"K": 1, "V": 1, "Q": 1}),
    ("channel-attention", "N", {"Q": 1, "K": 1, "V": 1}),
    ("channel-attention", "C'", {"K": 3, "V": 1}),
    ("agent-attention", "M", {"K": 2, "V": 1}),
    ("agent-attention", "N", {"G": 2}),
    ("flow-attention", "M", {"K": 4, "V": 1}),
    ("third-order-attention", "M", {"K1": 3, "V1": 1}),
]


@pytest.mark.parametrize(("name", "rank", "expected"), COUNTS)
def test_counts(name: str, rank: str, expected: dict[str, int]) -> None:
    analysis = analyse_passes(load(name), rank)
    assert {tensor: analysis.n_passes(tensor) for tensor in expected} == expected


@pytest.mark.parametrize(("name", "rank", "_expected"), COUNTS)
def test_names_and_order_play_no_part(name: str, rank: str, _expected: dict[str, int]) -> None:
    cascade = load(name)
    other, names = disguised(cascade, seed=3)
    before, after = analyse_passes(cascade, rank), analyse_passes(other, rank)
    assert {names[t]: n for t, n in before.passes.items()} == after.passes
    assert {names[e]: n for e, n in before.einsum_pass.items()} == after.einsum_pass
    assert {names[e]: level for e, level in before.level.items()} == after.level
    sizes = dict.fromkeys(cascade.rank_names, 3)
    assert [b.elements(sizes) for b in before.live] == [b.elements(sizes) for b in after.live]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.booleans())
def test_inference_agrees_with_brute_force(seed: int, partitioned: bool) -> None:
    cascade = random_cascade(seed, 8, partitioned=partitioned)
    sizes = {"P": 1, "M1": 7, "M0": 2, "M": 14} if partitioned else {"P": 1, "M": 8}
    analysis = analyse_passes(cascade, "M")
    touched = {name: n for name, n in analysis.einsum_pass.items() if analysis.level[name] == "element"}
    assert touched == sweeps_needed(cascade, "M", sizes)
    for tensor, n_passes in analysis.passes.items():
        assert n_passes == max(sweeps_needed(cascade, "M", sizes, tensor).values())


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["M0", "M1"]))
def test_inference_agrees_with_brute_force_on_parts(seed: int, rank: str) -> None:
    cascade = random_cascade(seed, 7)
    sizes = {"P": 1, "M1": 7, "M0": 2, "M": 14} if rank == "M1" else {"P": 1, "M1": 2, "M0": 7, "M": 14}
    analysis = analyse_passes(cascade, rank)
    touched = {name: n for name, n in analysis.einsum_pass.items() if analysis.level[name] == "element"}
    assert touched == sweeps_needed(cascade, rank, sizes)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_disguise_changes_nothing_in_random_cascades(seed: int, disguise: int) -> None:
    cascade = random_cascade(seed, 9)
    other, names = disguised(cascade, disguise)
    for rank in ("M", "M0", "P"):
        before, after = analyse_passes(cascade, rank), analyse_passes(other, rank)
        assert {names[t]: n for t, n in before.passes.items()} == after.passes
        assert {names[e]: n for e, n in before.einsum_pass.items()} == after.einsum_pass


def test_the_oracle_agrees_on_published_cascades() -> None:
    for name, n_passes in (("attention-1pass", 1), ("attention-2pass", 2), ("attention-3pass", 3)):
        cascade = load(name)
        sizes = {"E": 1, "F": 1, "P": 1, "M1": 6, "M0": 2, "M": 12 if cascade.partitions else 6}
        assert max(sweeps_needed(cascade, "M", sizes).values()) == n_passes


def test_passes_have_reasons() -> None:
    analysis = analyse_passes(load("attention-3pass"))
    assert analysis.opened_by[2].einsum == "SN"
    assert analysis.opened_by[2].forced_by == "GM"
    assert analysis.opened_by[2].reason == (
        "SN reads QK along M and needs GM, complete only after pass 1: GM reduces M by max"
    )
    assert analysis.opened_by[3].einsum == "A"
    assert analysis.opened_by[3].completed_by == "SD"
    assert str(analysis.opened_by[3]).startswith("pass 3: A reads SN along M and needs SD")


def test_reasons_name_the_value_behind_the_value() -> None:
    opening = analyse_passes(load("attention-2pass")).opened_by[2]
    assert opening.reason == (
        "A reads SLN along M and needs PLM, complete only after pass 1 (through GM): GM reduces M by max"
    )
    final = analyse_passes(parse("ranks M\nR[m+1] = R[m] + A[m]  R[0] = 0\nX[m] = A[m] / R[M]")).opened_by[2]
    assert final.reason.endswith("complete only after pass 1: the final generation of R is read")
    whole = analyse_passes(parse("ranks M\nX[m] = exp(A[m])\nY[m] = X[m] - X[3]")).opened_by[2]
    assert whole.reason.endswith("needs X, complete only after pass 1: all of X is read")


def test_levels() -> None:
    analysis = analyse_passes(load("attention-1pass"))
    assert analysis.level["SLN"] == "element"
    assert analysis.level["LM"] == "element"
    assert analysis.level["RM"] == analysis.level["PRM"] == "tile"
    assert analysis.level["AV"] == "outside"


def test_live_footprints_are_expressions_and_numbers() -> None:
    sizes = {"E": 64, "F": 64, "P": 1024, "M": 4096}
    first, second = analyse_passes(load("attention-3pass")).live
    assert (first.after_pass, first.footprint) == (1, "M*P + P")
    assert [(t.tensor, t.role) for t in second.tensors] == [("SN", "kept"), ("SD", "kept")]
    assert first.elements(sizes) == 4096 * 1024 + 1024
    assert first.fibre_elements(sizes) == 4096 + 1
    assert analyse_passes(load("attention-1pass")).live == ()


def test_what_a_step_hands_to_the_next() -> None:
    carried = analyse_passes(load("attention-1pass")).carried
    assert carried.footprint == "2*P + F*P"
    assert carried.elements({"P": 16, "F": 64}) == 2 * 16 + 64 * 16
    assert [live.tensor for live in carried.tensors] == ["RM", "RD", "RNV"]
    assert analyse_passes(load("attention-sigmoid")).carried.tensors == ()


def test_an_input_on_both_sides_is_read_again() -> None:
    (boundary,) = analyse_passes(load("cascade-1"), "K").live
    assert [(t.tensor, t.role, t.footprint) for t in boundary.tensors] == [("A", "re-read", "K"), ("Y", "kept", "1")]
    assert boundary.footprint == "K + 1"


def test_inside_a_tile_only_the_tile_is_live() -> None:
    (boundary,) = analyse_passes(load("attention-1pass"), "M0").live
    assert boundary.tensors[0].footprint == "M0*P"
    assert boundary.elements({"M": 64, "M1": 4, "P": 2}) == 16 * 2 + 2 * 2


def test_independent_reads_do_not_add_a_pass() -> None:
    """A sum over V beside attention may run in V's only traversal, although attention reads V in pass 3."""
    text = str(load("attention-3pass")).replace("outputs AV", "") + "VS[f] = V[f, m]  sum m\n"
    analysis = analyse_passes(parse(text))
    assert analysis.n_passes("V") == 1
    assert analysis.einsum_pass["VS"] == 1
    assert analysis.einsum_pass["AV"] == 3


def test_an_iteration_that_traverses_again_needs_its_length() -> None:
    text = "ranks M, T\nS[t] = A[m] * X[t]  sum m\nX[t+1] = S[t] / X[t]  X[0] = 1\nZ[] = X[T]"
    with pytest.raises(
        CascadeError, match=r"the number of passes grows with T; give its length, as in sizes=\{'T': 4\}"
    ):
        analyse_passes(parse(text))
    assert analyse_passes(parse(text), sizes={"T": 3}).n_passes("A") == 3
    assert analyse_passes(parse(text), sizes={"T": 5}).n_passes("A") == 5


def test_gathering_traverses_again() -> None:
    analysis = analyse_passes(load("attention-top"))
    assert analysis.n_passes() == 2
    assert analysis.level["AV"] == "element"
    assert analysis.opened_by[2].einsum == "AV"


def test_every_rank_at_once() -> None:
    found = {analysis.rank: analysis.n_passes() for analysis in analyse_every_rank(load("attention-local"))}
    assert found == {"N": 1, "N0'": 3, "E": 1, "F": 1}


@pytest.mark.parametrize("name", library())
def test_analyses_print_and_convert(name: str) -> None:
    for analysis in analyse_every_rank(load(name)):
        assert json.loads(json.dumps(analysis.to_dict()))["n_passes"] == analysis.n_passes()
        assert str(analysis).startswith(f"{name}: {analysis.n_passes()} pass")


def test_the_report_reads_well() -> None:
    assert str(analyse_passes(load("attention-3pass-deferred"))) == (
        "attention-3pass-deferred: 2 passes over M\n"
        "  K 2, V 1, QK 2, SN 1\n"
        "  pass 1: QK, GM\n"
        "    live after it: M*P + P (QK kept, GM kept)\n"
        "  pass 2: SN, SD, SNV, AV\n"
        "    opened because SN reads QK along M and needs GM, complete only after pass 1: GM reduces M by max"
    )


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no rank named 'M2'\. Did you mean 'M'"):
        analyse_passes(load("attention-3pass"), "M2")
    analysis = analyse_passes(load("attention-3pass"))
    with pytest.raises(UnknownNameError, match="no tensor over rank M named 'Q'"):
        analysis.n_passes("Q")
    with pytest.raises(UnknownNameError, match="no size named 'P'"):
        analysis.live[0].elements({"M": 3})
