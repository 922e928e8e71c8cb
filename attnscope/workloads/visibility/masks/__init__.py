"""Families of masks, one file each; a file put here is found and registers what it makes.

A new family is a frozen dataclass with a `register` line. Over a grid it derives from `GridMask`, over a sequence from
`SequenceMask`; it says which keys its queries see by `intervals`, or, where every axis decides alone, derives from
`SeparableMask` too and gives `axes`. `streaming.py` and `halo.py` are short examples. Its check compares its rows with
the paper's rule, written out token by token, in `tests/workloads/visibility/masks`.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
