import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.cli.render import (
    BARS,
    Fitted,
    bar,
    facts,
    heading,
    indented,
    left,
    mark,
    paragraph,
    percent,
    table,
    to_text,
)


def shown(*parts: object, width: int = 60) -> str:
    return to_text(parts, width=width, color=False)


def test_table() -> None:
    text = shown(table([left("name"), "value"], [("a[0]", "1.5"), ("b", "10")]))
    assert text == "  name  value\n  ───────────\n  a[0]    1.5\n  b        10\n"


def test_total_is_set_off() -> None:
    lines = shown(table([left("name"), "n"], [("a", "1"), ("b", "2"), ("all", "3")], total=True)).splitlines()
    assert [set(line.strip()) == {"─"} for line in lines] == [False, True, False, False, True, False]


@given(st.floats(0, 1), st.integers(4, 40))
@settings(deadline=None, max_examples=50)
def test_bar_is_as_long_as_its_share(share: float, width: int) -> None:
    text = shown(bar(share, width))
    length = text.count("━") + text.count("╸") / 2
    assert abs(length - share * width) <= 0.25 + 1e-9


def test_track_fills_the_width() -> None:
    assert shown(bar(0.5, 10, track=True)) == "━━━━━─────\n"
    assert shown(bar(2.0, 4, track=True)) == "━━━━\n"
    assert shown(bar(-1.0, 4)) == "\n"


def test_bars_give_way_before_text() -> None:
    rows = [("a long name that stays", "123,456,789", bar(1.0))]
    text = shown(table([left("name"), "value", BARS], rows), width=48)
    assert "a long name that stays" in text
    assert "123,456,789" in text
    assert 4 <= text.count("━") < 24


def test_facts_wrap_their_values() -> None:
    text = shown(facts([("name", "word " * 20)]), width=40)
    assert all(line.startswith("        word") for line in text.splitlines()[1:])


def test_square_brackets_are_no_markup() -> None:
    assert shown(paragraph("QK[m1, p] [bold]x[/bold]")) == "  QK[m1, p] [bold]x[/bold]\n"


def test_parts() -> None:
    assert shown(heading("Title", "note")) == "Title  note\n"
    assert shown(heading("Title")) == "Title\n"
    assert shown(indented("x")) == "  x\n"
    assert shown(mark(True), mark(False)) == "✓\n✗\n"
    assert shown(Fitted(lambda width: "x" * width), width=20) == "  " + "x" * 18 + "\n"


@pytest.mark.parametrize(("share", "text"), [(0.99096, "99.1 %"), (1.0, "100.0 %"), (0.0, "0.0 %")])
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_color_only_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[36m" in to_text([bar(1.0)], width=40, color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in to_text([bar(1.0)], width=40, color=True)
    assert "\x1b" not in to_text([heading("x", "y")], width=40, color=False)
