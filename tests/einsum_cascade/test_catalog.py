"""The library, and cascades from files."""

from pathlib import Path

import pytest

from attnscope.einsum_cascade import catalogue, library, load
from attnscope.errors import CascadeError, UnknownNameError, UsageError


def test_the_library_holds_what_the_literature_needs() -> None:
    assert {
        "attention-1pass",
        "attention-2pass",
        "attention-3pass",
        "attention-3pass-deferred",
        "flat",
        "cross-attention",
        "linear-attention-decay",
        "pointer",
    } <= set(library())
    assert list(library()) == sorted(library())


def test_every_file_is_documented() -> None:
    for entry in catalogue():
        cascade = load(entry.name)
        assert cascade.name == entry.name
        assert entry.summary and entry.source and cascade.claim is not None
        assert cascade.declared_inputs and cascade.declared_outputs
        assert entry.to_dict()["n_einsums"] == len(cascade.einsums)


def test_the_mapping_names_of_the_study_are_there() -> None:
    one = [einsum.name for einsum in load("attention-1pass").einsums]
    assert one == ["QK", "LM", "RM", "SLN", "SLD", "SLNV", "PRM", "SPD", "RD", "SPNV", "RNV", "AV"]
    assert [einsum.name for einsum in load("attention-3pass").einsums] == ["QK", "GM", "SN", "SD", "A", "AV"]
    for name in ("attention-1pass", "attention-3pass"):
        assert load(name).einsum("QK").operators == ("mul", "sum")


def test_names_are_found_in_any_case_and_unknown_ones_refused() -> None:
    assert load("Attention-1Pass") is load("attention-1pass")
    with pytest.raises(UnknownNameError, match=r"no cascade named 'attention-1pas'\. Did you mean 'attention-1pass'"):
        load("attention-1pas")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.cascade"
    path.write_text("ranks M\nX[m] = A[m]\n", encoding="utf-8")
    assert load(path).name == load(str(path)).name == "mine"
    path.write_text("ranks M\nX[k] = A[m]\n", encoding="utf-8")
    with pytest.raises(CascadeError, match=r"mine\.cascade:2:3: rank 'k' is not declared"):
        load(path)
    with pytest.raises(UsageError, match=r"cannot read cascade .*absent\.cascade': No such file"):
        load(tmp_path / "absent.cascade")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        load(path)
