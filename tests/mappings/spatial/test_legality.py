"""A user's own mapping file: what is wrong with it is said where it is read, with the mend."""

from importlib.resources import files
from pathlib import Path

import pytest

from attnscope.errors import IllegalMappingError, SpecError, UnknownNameError, UsageError
from attnscope.mappings.spatial import evaluate, list_spatial_mappings, load_mapping
from attnscope.simulator.device import spatial_device
from attnscope.workloads.shape import AttentionShape

SHAPE = AttentionShape(1, 2, 2, 1000, 4000, 64, 64)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def edited(name: str, *edits: tuple[str, str]) -> str:
    text = (files("attnscope.mappings.spatial") / "library" / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def run(path: Path, text: str, device: str = "fusemax") -> float:
    path.write_text(text, encoding="utf-8")
    return evaluate(SHAPE, load_mapping(str(path)), spatial_device(device)).latency_s


def refusal(path: Path, text: str, device: str = "fusemax") -> str:
    with pytest.raises(UsageError) as refused:
        run(path, text, device)
    return str(refused.value)


def test_a_copy_of_a_shipped_mapping_costs_the_same(mine: Path) -> None:
    same = evaluate(SHAPE, load_mapping("fusemax"), spatial_device("fusemax")).latency_s
    assert run(mine, edited("fusemax")) == same


def test_a_mapping_of_ones_own(mine: Path) -> None:
    text = edited("flat", ("attention-3pass", "attention-3pass-deferred"), (', "A"]', "]")).replace('["AV"]', '["SNV"]')
    deferred = run(mine, f'{text}[[bind]]\neinsums = ["AV"]\narray = "array_1d"\ncolumns = "P"\n', "flat-cloud")
    plain = evaluate(SHAPE, load_mapping("flat"), spatial_device("flat-cloud")).latency_s
    assert deferred == pytest.approx(plain * 3 / 4, rel=0.05)  # one division per output instead of one per score


def test_an_edited_file_is_read_again(mine: Path) -> None:
    drained = run(mine, edited("fusemax-serial"))
    assert run(mine, edited("fusemax-serial", ('drains  = ["LM"]\n', ""))) < drained


EVERY_EINSUM = "QK, LM, RM, SLN, SLD, SLNV, PRM, SPD, RD, SPNV, RNV, AV"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"RD", "AV"]\narray', '"RD", "AV", "QK"]\narray', "[bind]: QK is listed twice; list every Einsum once."),
        (
            '"RD", "AV"]\narray',
            '"RD"]\narray',
            f"[bind]: Einsums of attention-1pass are left out: AV. List each of: {EVERY_EINSUM}.",
        ),
        (
            '["SLN", "SLD"]',
            '["SLN"]',
            f"[steps]: Einsums of attention-1pass are left out: SLD. List each of: {EVERY_EINSUM}.",
        ),
        (
            'array_2d = ["SLN", "SLD"]\narray_1d = ["PRM", "SPD"]',
            'array_2d = ["SLN", "SLD", "PRM"]\narray_1d = ["SPD"]',
            "[steps]: PRM is listed under array_2d but bound to array_1d. Move it to array_1d.",
        ),
    ],
)
def test_einsums_bound_or_stepped_wrongly(mine: Path, old: str, new: str, words: str) -> None:
    assert refusal(mine, edited("fusemax", (old, new))) == f"mapping mine {words}"


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ('"RD", "AV"]\narray', '"RD", "AVV"]\narray', "bind", "no Einsum named 'AVV'. Did you mean 'AV'?"),
        ('["SLN", "SLD"]', '["SLN", "SLDD"]', "steps", "no Einsum named 'SLDD'. Did you mean 'SLD'?"),
        ('drains  = ["LM"]', 'drains  = ["LMM"]', "drains", "no Einsum named 'LMM'. Did you mean 'LM'?"),
    ],
)
def test_einsums_that_the_cascade_lacks(mine: Path, old: str, new: str, place: str, hint: str) -> None:
    assert refusal(mine, edited("fusemax", (old, new))).startswith(f"mapping mine [{place}]: {hint} Known: AV, LM,")


def test_phases_list_every_einsum(mine: Path) -> None:
    assert refusal(mine, edited("unfused", (', ["AV"]]', "]")), "flat-cloud") == (
        "mapping mine [phases]: Einsums of attention-3pass are left out: AV. List each of: QK, GM, SN, SD, A, AV."
    )


def test_steps_and_phases_exclude_each_other(mine: Path) -> None:
    text = edited("fusemax", ("[[bind]]", 'phases = [["QK"], ["AV"]]\n[[bind]]'))
    assert "[phases]: Einsums of attention-1pass are left out: LM" in refusal(mine, text)
    every = ", ".join(f'"{name}"' for name in EVERY_EINSUM.split(", "))
    text = edited("fusemax", ("[[bind]]", f"phases = [[{every}]]\n[[bind]]"))
    assert refusal(mine, text) == (
        "mapping mine: has steps and phases; steps overlap within one phase. Leave one of them out."
    )


@pytest.mark.parametrize(
    ("cascade", "reason"),
    [
        ("attention-gqa", "it has the ranks H, J, G beside E, F, P, M, M1, M0"),
        ("attention-1pass-causal", "the points of QK are under a condition, and masks are not costed"),
        ("agent-attention", "it maps Q, G, K, V to AV, not Q, K, V to AV"),
        ("attention-bias", "it maps Q, K, V, B to AV, not Q, K, V to AV"),
    ],
)
def test_cascades_that_are_not_dense_attention(mine: Path, cascade: str, reason: str) -> None:
    assert refusal(mine, edited("fusemax", ("attention-1pass", cascade))) == (
        f"mapping mine: cascade {cascade} cannot be mapped to a spatial array: {reason}. "
        "Choose a dense one such as attention-1pass or attention-3pass."
    )


def test_a_fused_tiling_takes_one_pass(mine: Path) -> None:
    assert refusal(mine, edited("cascade", ("attention-1pass", "attention-3pass")), "flat-cloud") == (
        "mapping mine: tiling 'fused' never returns to a score tile, but attention-3pass takes 3 passes over the keys. "
        "Choose tiling 'flat' or 'unfused', or a 1-pass cascade such as attention-1pass."
    )


def test_an_operator_that_no_array_has(mine: Path) -> None:
    text = edited("flat", ("attention-3pass", "attention-sigmoid"), ('"GM", "SN", "SD", "A"', '"A"'))
    assert refusal(mine, text, "flat-cloud").startswith(
        "A is bound to array_1d of flat-cloud, which has no unit for 'sigmoid' (it has: add, divide, exp, mac, max)."
    )


def test_an_unknown_cascade_is_named_with_the_nearest(mine: Path) -> None:
    words = refusal(mine, edited("fusemax", ("attention-1pass", "attention-1pas")))
    assert words.startswith("no cascade named 'attention-1pas'. Did you mean 'attention-1pass'? Known: ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'tiling  = "fused"',
            'tiling = "fussed"',
            "tiling = 'fussed' is refused: should be 'fused', 'flat' or 'unfused'.",
        ),
        ('tiling  = "fused"', "", "the key 'tiling' is missing."),
        (
            'in_flight = "registers"',
            "inflight = 6",
            "unknown key 'inflight'. Did you mean 'in_flight'? Known here: bind,",
        ),
        ('rows    = "M"', 'row = "M"', "unknown key 'bind.0.row'. Did you mean 'rows'? Known here: array, chained,"),
        ('columns = "P"', 'columns = "Q"', "bind.0.columns = 'Q' is refused: should be '', 'E', 'F', 'M' or 'P'."),
    ],
)
def test_files_that_break_the_schema(mine: Path, old: str, new: str, words: str) -> None:
    said = refusal(mine, edited("fusemax", (old, new)))
    assert said.startswith(f"mapping {mine}: {words}")


def test_files_that_cannot_be_read(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"mine.toml: no such file. Give the path of a TOML file that exists."):
        load_mapping(str(mine))
    mine.write_text('title = "x"\ntiling = fused', encoding="utf-8")
    with pytest.raises(SpecError, match=r"mine.toml: not valid TOML: .*line 2"):
        load_mapping(str(mine))
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(SpecError, match=r"folder.toml: cannot be read: Is a directory"):
        load_mapping(str(folder))


def test_an_unknown_mapping_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as refused:
        load_mapping("fusemx")
    assert str(refused.value) == (
        "no mapping named 'fusemx'. Did you mean 'fusemax'? Known: cascade, flat, fusemax, fusemax-serial, unfused."
    )
    assert load_mapping("FuseMax") == load_mapping("fusemax")


def test_shipped_mappings_are_listed_in_the_order_of_the_study() -> None:
    assert list_spatial_mappings() == ("unfused", "flat", "cascade", "fusemax-serial", "fusemax")
    for name in list_spatial_mappings():
        assert load_mapping(name).name == name
        assert load_mapping(name).source
        assert load_mapping(name).summary


def test_a_mapping_that_does_not_fit_is_illegal_not_broken() -> None:
    with pytest.raises(IllegalMappingError):
        evaluate(SHAPE, load_mapping("fusemax"), spatial_device("flat-edge"))
