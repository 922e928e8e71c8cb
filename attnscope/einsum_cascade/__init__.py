"""The language of Einsum cascades: parse, print, execute, analyse, transform. Knows no hardware.

>>> from attnscope.einsum_cascade import analyse_passes, check, load
>>> analyse_passes(load("attention-3pass")).n_passes("K")
3
>>> check(load("attention-1pass")).passed
True
"""

from attnscope.einsum_cascade.analysis import Boundary, Live, PassAnalysis, analyse_every_rank, analyse_passes
from attnscope.einsum_cascade.catalog import library, load
from attnscope.einsum_cascade.check import Case, CheckReport, check
from attnscope.einsum_cascade.counts import OpCounts, iteration_points, op_counts
from attnscope.einsum_cascade.describe import Description, LibraryEntry, Row, catalogue, describe
from attnscope.einsum_cascade.einsum import Claim, Einsum, Rank, Reduction
from attnscope.einsum_cascade.execute import execute, random_inputs
from attnscope.einsum_cascade.export import export, from_json, to_dot, to_json, to_latex
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.families import REFERENCES, register_reference
from attnscope.einsum_cascade.graph import Cut, Path, critical_path, min_cut, to_graph, topological_order
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.operators import register_operator, unregister_operator
from attnscope.einsum_cascade.parse import parse, parse_claim
from attnscope.einsum_cascade.passes import Opening
from attnscope.einsum_cascade.reference import Named, Question, Reference
from attnscope.einsum_cascade.sizes import resolve_sizes
from attnscope.einsum_cascade.text import to_text
from attnscope.einsum_cascade.transform import (
    defer,
    fuse,
    online,
    partition,
    rename_ranks,
    rename_tensors,
    same_cascade,
    split_reduction,
)

__all__ = [
    "REFERENCES",
    "Access",
    "Boundary",
    "Call",
    "Cascade",
    "Case",
    "CheckReport",
    "Claim",
    "Cut",
    "Description",
    "Einsum",
    "Expr",
    "LibraryEntry",
    "Live",
    "Named",
    "Number",
    "OpCounts",
    "Opening",
    "PassAnalysis",
    "Path",
    "Question",
    "Rank",
    "Reduction",
    "Reference",
    "Row",
    "Size",
    "Var",
    "analyse_every_rank",
    "analyse_passes",
    "catalogue",
    "check",
    "critical_path",
    "defer",
    "describe",
    "execute",
    "export",
    "from_json",
    "fuse",
    "iteration_points",
    "library",
    "load",
    "min_cut",
    "online",
    "op_counts",
    "parse",
    "parse_claim",
    "partition",
    "random_inputs",
    "register_operator",
    "register_reference",
    "rename_ranks",
    "rename_tensors",
    "resolve_sizes",
    "same_cascade",
    "split_reduction",
    "to_dot",
    "to_graph",
    "to_json",
    "to_latex",
    "to_text",
    "topological_order",
    "unregister_operator",
]
