"""A cascade in other forms: text, LaTeX, Graphviz, JSON."""

from collections.abc import Callable

from attnscope.einsum_cascade.export.dot import to_dot
from attnscope.einsum_cascade.export.latex import to_latex
from attnscope.einsum_cascade.export.structured import from_json, to_json
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.text import to_text
from attnscope.errors import UnknownNameError

FORMATS: dict[str, Callable[[Cascade], str]] = {"text": to_text, "latex": to_latex, "dot": to_dot, "json": to_json}


def export(cascade: Cascade, form: str = "text") -> str:
    """Return the cascade as ``text``, ``latex``, ``dot`` (Graphviz) or ``json``.

    Raises:
        UnknownNameError: the form is none of these.
    """
    if form not in FORMATS:
        raise UnknownNameError("form", form, FORMATS)
    return FORMATS[form](cascade)


__all__ = ["FORMATS", "export", "from_json", "to_dot", "to_json", "to_latex", "to_text"]
