"""Pictures in characters."""

import pytest

from attnscope.errors import UsageError
from attnscope.workloads.visibility import Causal, Extra, Gna, Streaming, render_text, render_tiles, tile_picture


def test_queries_stand_side_by_side_on_the_grid() -> None:
    assert render_text(Gna((4, 7), (3, 4), (1, 2), causal=(False, True)), [0, 19]) == (
        "query 0 at (0, 0)   query 19 at (2, 5)\n"
        "Q......             .......\n"
        "#......             ..####.\n"
        "#......             ..###Q.\n"
        ".......             ..####.\n"
        "\n"
        "# seen   . not seen   Q the query"
    )


def test_sequences_are_one_line() -> None:
    assert render_text(Streaming(16, 16, 4, 2), [3, 12]).splitlines()[:2] == [
        "query 3            query 12",
        "###Q............   ##.......###Q...",
    ]


def test_equal_planes_are_drawn_once_and_empty_ones_left_out() -> None:
    assert render_text(Gna((6, 2, 4), (3, 2, 2)), [17]).splitlines() == [
        "query 17 at (2, 0, 1), planes 1 to 3",
        "#Q..",
        "##..",
        "",
        "# seen   . not seen   Q the query",
    ]


def test_wide_grids_are_drawn_in_cells() -> None:
    assert render_text(Gna((40,), (10,), (5,)), [12], width=14).splitlines() == [
        "query 12",
        "..+#Q+........",
        "",
        "# seen   . not seen   Q the query   + some of 3 keys per axis",
    ]


def test_extra_keys_are_named() -> None:
    mask = Extra(Gna((2, 3), (2, 2)), 4, 1)
    assert render_text(mask, [0]).startswith("query 0 at (0, 0), 4 extra keys\nQ#.\n##.")
    assert render_text(mask, [6]).startswith("query 6, 4 extra keys\n###\n###")


def test_queries_that_are_no_key_are_not_marked() -> None:
    assert render_text(Causal(2, 6), [0]).splitlines()[:2] == ["query 0", "#####."]


def test_all_tiles() -> None:
    assert render_tiles(tile_picture(Causal(16), 4, 4)) == (
        "Q tile 4, KV tile 4, static; rows: Q tiles, columns: KV tiles\n"
        "\n"
        "+...\n"
        "#+..\n"
        "##+.\n"
        "###+\n"
        "\n"
        "# full   + partial   . empty"
    )


def test_kv_tiles_of_one_q_tile() -> None:
    mask = Gna((8, 4, 4), (4, 4, 4), (2, 2, 2))
    assert render_tiles(tile_picture(mask, 2, 2, index=4)) == (
        "Q tile 2x2x2, KV tile 2x2x2, static; KV tiles of Q tile 4\n"
        "\n"
        "plane 0   plane 1   plane 2   plane 3\n"
        "++        ##        ++        ..\n"
        "++        ##        ++        ..\n"
        "\n"
        "# full   + partial   . empty"
    )


def test_pictures_do_not_fit_into_nothing() -> None:
    with pytest.raises(UsageError, match="width 5: must be >= 10; nearest legal value: 10"):
        render_text(Causal(4), [0], width=5)
