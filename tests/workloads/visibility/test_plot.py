"""Figures: what is drawn, not how it looks."""

from pathlib import Path

import numpy as np

from attnscope.workloads.visibility import Gna, key_picture, tile_picture
from attnscope.workloads.visibility.plot import plot_mask

MASK = Gna((8, 12), (3, 5), (1, 2))


def test_queries_and_tiles_are_drawn(tmp_path: Path) -> None:
    tiles = tile_picture(MASK, 4, 4)
    figure = plot_mask([key_picture(MASK, 0), key_picture(MASK, 50)], tiles)
    images = [np.asarray(axis.images[0].get_array()) for axis in figure.get_axes() if axis.images]
    assert [image.shape for image in images] == [(8, 12), (8, 12), (6, 6)]
    assert np.array_equal(images[2], tiles.states)
    assert [axis.get_title() for axis in figure.get_axes()] == ["query 0 at (0, 0)", "query 50 at (4, 2)", ""]
    figure.savefig(tmp_path / "mask.png")
    assert (tmp_path / "mask.png").stat().st_size > 1000


def test_planes_of_three_dimensions() -> None:
    mask = Gna((9, 4, 5), (3, 2, 2), (1, 2, 2))
    figure = plot_mask([key_picture(mask, 90)], tile_picture(mask, 2, 2, index=0))
    titles = [axis.get_title() for axis in figure.get_axes() if axis.get_visible()]
    assert titles == ["planes 3 to 5", "plane 0", "plane 1", "planes 2 to 4"]


def test_many_planes_fill_several_lines() -> None:
    figure = plot_mask([key_picture(Gna((28, 4, 4), (7, 2, 2), dilation=(4, 1, 1)), 200)])
    assert [a.get_title() for a in figure.get_axes() if a.get_visible()] == [f"plane {z}" for z in range(0, 28, 4)]


def test_a_sequence_alone() -> None:
    figure = plot_mask([key_picture(Gna((24,), (4,)), 7)])
    assert np.asarray(figure.get_axes()[0].images[0].get_array()).shape == (1, 24)
    assert not figure.legends
