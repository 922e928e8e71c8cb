"""What a cascade is, at a glance: one row for each Einsum."""

from dataclasses import dataclass
from typing import Any

from attnscope.einsum_cascade.catalog import library, load
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.text import claim_text, einsum_text


@dataclass(frozen=True)
class Row:
    """One Einsum: its text, iteration space and scalar operators."""

    name: str
    text: str
    doc: str
    ranks: tuple[str, ...]
    reduced: tuple[str, ...]
    operators: tuple[str, ...]
    reads: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-ready values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class Description:
    """A cascade at a glance."""

    name: str
    doc: str
    source: str
    ranks: tuple[str, ...]
    tensors: dict[str, tuple[str, ...]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    claim: str
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the description as JSON-ready values."""
        return {
            "name": self.name,
            "doc": self.doc,
            "source": self.source,
            "ranks": list(self.ranks),
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "claim": self.claim,
            "tensors": {name: list(ranks) for name, ranks in self.tensors.items()},
            "einsums": [row.to_dict() for row in self.rows],
        }

    def __str__(self) -> str:
        def shown(names: tuple[str, ...]) -> str:
            return ", ".join(f"{name}[{', '.join(self.tensors[name])}]" for name in names)

        head = [f"{self.name}: {self.doc}" if self.doc else self.name]
        head += [f"  published  {self.source}"] if self.source else []
        head += [f"  ranks      {', '.join(self.ranks)}", f"  inputs     {shown(self.inputs)}"]
        head += [f"  outputs    {shown(self.outputs)}", *([f"  {self.claim}"] if self.claim else [])]
        width = max(len(row.text) for row in self.rows)
        body = [
            f"  {row.text:<{width}}  over {' '.join(row.ranks) or '-'}; {', '.join(row.operators) or 'copy'}"
            for row in self.rows
        ]
        return "\n".join([*head, *body])


def describe(cascade: Cascade) -> Description:
    """Return a cascade at a glance: ranks, tensors, and the space and operators of each Einsum."""
    rows = (
        Row(e.name, einsum_text(e), e.doc, e.ranks, e.reduced, e.operators, tuple(a.tensor for a in e.reads))
        for e in cascade.einsums
    )
    return Description(
        name=cascade.name,
        doc=cascade.doc,
        source=cascade.source,
        ranks=tuple(map(str, cascade.ranks)),
        tensors=dict(cascade.layouts),
        inputs=cascade.inputs,
        outputs=cascade.outputs,
        claim=claim_text(cascade.claim) if cascade.claim else "",
        rows=tuple(rows),
    )


@dataclass(frozen=True)
class LibraryEntry:
    """One line of the library's table of contents."""

    name: str
    summary: str
    source: str
    n_einsums: int

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON-ready values."""
        return dict(vars(self))


def catalogue() -> tuple[LibraryEntry, ...]:
    """Return the library's table of contents: name, first sentence, source."""
    found = map(load, library())
    return tuple(LibraryEntry(c.name, _first_sentence(c.doc), c.source, len(c.einsums)) for c in found)


def _first_sentence(doc: str) -> str:
    text = doc.replace("\n", " ")
    return text.split(". ")[0].rstrip(".")
