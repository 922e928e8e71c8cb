"""Errors: what, where and the mend; exit codes; Python's own classes to catch them by."""

import pytest

from attnscope.errors import (
    AttnScopeError,
    CascadeError,
    IllegalMappingError,
    MissingHardwareError,
    SpecError,
    UnknownNameError,
    UsageError,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("fusemx", ["flat", "fusemax"], " Did you mean 'fusemax'?"),
        ("FLAT", ["flat", "fusemax"], " Did you mean 'flat'?"),
        ("h10", ["H100", "A100"], " Did you mean 'H100'?"),
        ("zzz", ["flat", "fusemax"], ""),
        ("x", [], ""),
    ],
)
def test_the_nearest_name(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint


def test_an_unknown_name_lists_what_is_known() -> None:
    error = UnknownNameError("device", "h10", ["h100", "a100"], "sweep.toml [run]")
    assert str(error) == "sweep.toml [run]: no device named 'h10'. Did you mean 'h100'? Known: a100, h100."
    assert str(UnknownNameError("device", "zzz", iter(["b", "a"]))) == "no device named 'zzz'. Known: a, b."


def test_a_cascade_error_points_at_its_place() -> None:
    error = CascadeError("rank 'm2' is not declared.", source="a.cascade", line=3, column=5, text="QK[m2]")
    assert str(error) == "a.cascade:3:5: rank 'm2' is not declared.\n  QK[m2]\n      ^"
    assert (error.line, error.column) == (3, 5)
    assert str(CascadeError("empty.")) == "<cascade>: empty."


@pytest.mark.parametrize(
    ("error", "parent", "code"),
    [
        (UsageError, ValueError, 2),
        (SpecError, UsageError, 2),
        (IllegalMappingError, UsageError, 2),
        (CascadeError, SpecError, 2),
        (UnknownNameError, LookupError, 2),
        (MissingHardwareError, RuntimeError, 3),
    ],
)
def test_exit_codes_and_ancestry(error: type[AttnScopeError], parent: type[Exception], code: int) -> None:
    assert issubclass(error, AttnScopeError)
    assert issubclass(error, parent)
    assert error.exit_code == code
