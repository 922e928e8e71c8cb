"""Arrays of one execution."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from attnscope.cli.cascade_run import Run
from attnscope.cli.render import heading, left, paragraph, table
from attnscope.cli.views.estimate import section

_WIDEST, _TALLEST = 8, 16


def run_view(found: Run) -> Iterator[Any]:
    """Yield a summary of every array, then the small outputs whole."""
    yield heading(found.cascade.name, " ".join(f"{rank}={size}" for rank, size in found.sizes.items()))
    rows = (
        (r["tensor"], r["kind"], r["ranks"], r["shape"], f"{r['mean']:.4g}", f"{r['min']:.4g}", f"{r['max']:.4g}")
        for r in found.to_records()
    )
    yield table([left("tensor"), left("kind"), left("ranks"), "shape", "mean", "least", "most"], rows)
    for name, array in found.outputs.items():
        if _is_small(array):
            ranks = ", ".join(found.cascade.merged(found.cascade.tensor_ranks(name)))
            yield from section(f"{name}[{ranks}]", paragraph(_values(array)))


def _is_small(array: Any) -> bool:
    rows, columns = np.atleast_2d(array).shape[-2:]
    return bool(array.ndim <= 2 and 0 < rows <= _TALLEST and 0 < columns <= _WIDEST)


def _values(array: Any) -> str:
    return "\n".join(" ".join(f"{value:8.3g}" for value in row) for row in np.atleast_2d(array))
