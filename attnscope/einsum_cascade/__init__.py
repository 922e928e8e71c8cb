"""The language of Einsum cascades: parse, print, execute, analyse, transform. Knows no hardware."""

from attnscope.einsum_cascade.analysis import Boundary, Live, PassAnalysis, analyse_passes
from attnscope.einsum_cascade.catalog import library, load
from attnscope.einsum_cascade.check import Case, CheckReport, check
from attnscope.einsum_cascade.execute import execute
from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.ir import Cascade, Claim, Einsum, Rank, Reduction
from attnscope.einsum_cascade.operators import register_operator
from attnscope.einsum_cascade.parse import parse
from attnscope.einsum_cascade.passes import Opening
from attnscope.einsum_cascade.reference import REFERENCES, Reference, register_reference
from attnscope.einsum_cascade.text import to_text

__all__ = [
    "REFERENCES",
    "Access",
    "Boundary",
    "Call",
    "Cascade",
    "Case",
    "CheckReport",
    "Claim",
    "Einsum",
    "Expr",
    "Live",
    "Number",
    "Opening",
    "PassAnalysis",
    "Rank",
    "Reduction",
    "Reference",
    "Size",
    "Var",
    "analyse_passes",
    "check",
    "execute",
    "library",
    "load",
    "parse",
    "register_operator",
    "register_reference",
    "to_text",
]
