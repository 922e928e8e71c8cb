"""Saving figures so that the same input gives the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Save as the suffix says; the file holds no date and no software's version."""
    import matplotlib as mpl

    metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": "attnscope"}):
        figure.savefig(path, dpi=150, metadata=metadata)
