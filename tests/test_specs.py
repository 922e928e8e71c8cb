"""Specifications: TOML files, overlays, dotted fields, and one wording for whatever is wrong with them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from attnscope.errors import SpecError, UnknownNameError
from attnscope.specs import Frozen, dotted, edition, find, merged, packaged, read_toml, validate, with_fields


class Inner(Frozen):
    width: int = Field(gt=0)
    share: float = 0.5


class Outer(Frozen):
    name: str
    inner: Inner
    maybe: Inner | None = None
    parts: dict[str, Inner] = Field(default_factory=dict)
    row: tuple[Inner, ...] = ()


GOOD = {"name": "x", "inner": {"width": 3}}


def refusal(table: dict[str, object]) -> str:
    with pytest.raises(SpecError) as refused:
        validate(Outer, {**GOOD, **table}, "here")
    return str(refused.value)


def test_a_specification_never_changes_and_is_closed() -> None:
    found = validate(Outer, GOOD, "here")
    with pytest.raises(ValueError, match="frozen"):
        found.name = "y"  # type: ignore[misc]
    assert found.inner == Inner(width=3, share=0.5)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"nmae": 1}, "unknown key 'nmae'. Did you mean 'name'? Known here: inner, maybe, name, parts, row."),
        ({"inner": {"widht": 3}}, "unknown key 'inner.widht'. Did you mean 'width'? Known here: share, width."),
        (
            {"maybe": {"width": 1, "sahre": 1}},
            "unknown key 'maybe.sahre'. Did you mean 'share'? Known here: share, width.",
        ),
        (
            {"parts": {"a": {"width": 1, "wide": 1}}},
            "unknown key 'parts.a.wide'. Did you mean 'width'? Known here: share, width.",
        ),
        ({"row": [{"width": 1, "q": 1}]}, "unknown key 'row.0.q'. Known here: share, width."),
        ({"inner": {"width": -1}}, "inner.width = -1 is refused: should be greater than 0."),
        ({"inner": {"width": 1, "share": float("nan")}}, "inner.share = nan is refused: should be a finite number."),
        ({"inner": 7}, "inner = 7 is refused: should be a table."),
        ({"parts": 7}, "parts = 7 is refused: should be a table."),
        ({"name": 7}, "name = 7 is refused: should be a valid string."),
    ],
)
def test_wrong_fields_are_named_with_the_mend(table: dict[str, object], words: str) -> None:
    assert refusal(table).splitlines()[-1] == f"here: {words}"


def test_missing_fields_are_named() -> None:
    with pytest.raises(SpecError, match=r"^here: the key 'name' is missing.\nhere: the key 'inner' is missing.$"):
        validate(Outer, {}, "here")


def test_overlays_go_key_by_key() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 3}
    assert merged(base, {"a": {"y": 5}, "c": 7}) == {"a": {"x": 1, "y": 5}, "b": 3, "c": 7}
    assert merged(base, {"a": 9}) == {"a": 9, "b": 3}
    assert base == {"a": {"x": 1, "y": 2}, "b": 3}


tables = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.text("ab", min_size=1), inner, max_size=3), max_leaves=6
).filter(lambda t: isinstance(t, dict))


@given(tables)
def test_an_overlay_of_itself_changes_nothing(table: dict[str, object]) -> None:
    assert merged(table, table) == table
    assert merged({}, table) == table


def test_dotted_paths() -> None:
    assert dotted({"a": {"b": 1, "c": {"d": 2}}, "e": {}}) == {"a.b": 1, "a.c.d": 2, "e": {}}


def test_dotted_fields_replace_single_values() -> None:
    spec = validate(Outer, {**GOOD, "parts": {"p": {"width": 4}}}, "here")
    assert with_fields(spec, {}, "here") is spec
    changed = with_fields(spec, {"inner.width": 8, "parts.p.share": 0.25}, "here")
    assert (changed.inner.width, changed.parts["p"].share, spec.inner.width) == (8, 0.25, 3)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "inner.widht",
            "here: no field 'inner.widht'. Did you mean 'inner.width'? Known there: inner.share, inner.width.",
        ),
        ("inner", "here: no field 'inner'. Did you mean 'inner.width'? Known there: inner.share, inner.width."),
        (
            "inner.width.more",
            "here: no field 'inner.width.more'. Did you mean 'inner.width'? Known there: inner.share,",
        ),
        ("outer.width", "here: no field 'outer.width'. Did you mean 'inner.width'? Known there: inner, maybe, name,"),
        ("", "here: no field ''."),
    ],
)
def test_fields_that_are_not_there(path: str, words: str) -> None:
    with pytest.raises(SpecError) as refused:
        with_fields(validate(Outer, GOOD, "here"), {path: 1}, "here")
    assert str(refused.value).startswith(words)


def test_a_value_that_the_field_refuses() -> None:
    with pytest.raises(SpecError, match=r"^here: inner.width = 0 is refused: should be greater than 0.$"):
        with_fields(validate(Outer, GOOD, "here"), {"inner.width": 0}, "here")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with pytest.raises(SpecError, match=r"a.toml: no such file. Give the path of a TOML file that exists.$"):
        read_toml(path)
    path.write_text("x = 1\ny =", encoding="utf-8")
    with pytest.raises(SpecError, match=r"a.toml: not valid TOML: .*\.$"):
        read_toml(path)
    path.write_bytes(b"x = '\xff'")
    with pytest.raises(SpecError, match=r"a.toml: not valid TOML: .*decode byte"):
        read_toml(path)
    with pytest.raises(SpecError, match=r"cannot be read: Is a directory. Give the path of a TOML file.$"):
        read_toml(tmp_path)


def test_an_edited_file_has_another_edition(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    assert edition(str(path)) == edition("fusemax") == (0, 0)
    path.write_text("x = 1", encoding="utf-8")
    first = edition(str(path))
    path.write_text("x = 10", encoding="utf-8")
    assert edition(str(path)) != first != (0, 0)


def test_shipped_files_are_found_by_name() -> None:
    known = packaged("attnscope.simulator", "devices")
    assert list(known) == sorted(known)
    assert find("device", "FUSEMAX", "attnscope.simulator", "devices") == known["fusemax"]
    assert find("device", "some/where.toml", "attnscope.simulator", "devices") == Path("some/where.toml")
    with pytest.raises(UnknownNameError, match=r"^no device named 'h10'. Did you mean 'h100'\? Known: "):
        find("device", "h10", "attnscope.simulator", "devices")
