"""A cascade as a Graphviz graph, with its passes as boxes."""

from attnscope.einsum_cascade.analysis import analyse_passes
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.order import dependences
from attnscope.einsum_cascade.text import einsum_text, index_text
from attnscope.errors import AttnScopeError


def to_dot(cascade: Cascade, rank: str = "") -> str:
    """Return the dependence graph in Graphviz's DOT language.

    Einsums are boxes, inputs ellipses, outputs double boxes; an edge is labelled with how the tensor is read and is
    dashed where the generation of the step before is read.

    Args:
        cascade: the cascade.
        rank: draw the passes over this rank as frames; M where the cascade has it and nothing is said.
    """
    chosen = rank or ("M" if "M" in cascade.rank_names else "")
    lines = [f'digraph "{cascade.name}" {{', "  rankdir=LR;", '  node [fontname="monospace", shape=box];']
    lines += [f'  "{name}" [shape=ellipse, label="{_label(cascade, name)}"];' for name in cascade.inputs]
    lines += _frames(cascade, chosen)
    known = {(d.reader, d.access) for d in dependences(cascade) if d.carried}
    for einsum in cascade.einsums:
        for access in einsum.reads:
            style = ", style=dashed, constraint=false" if (einsum.name, access) in known else ""
            indices = ", ".join(map(index_text, access.indices))
            lines.append(f'  "{access.tensor}" -> "{einsum.name}" [label="{indices}"{style}];')
    return "\n".join([*lines, "}"]) + "\n"


def _label(cascade: Cascade, name: str) -> str:
    return f"{name}[{', '.join(cascade.tensor_ranks(name))}]"


def _frames(cascade: Cascade, rank: str) -> list[str]:
    passes = _passes(cascade, rank)
    lines: list[str] = []
    for number in sorted(set(passes.values())):
        members = [name for name, at in passes.items() if at == number]
        if number:
            lines += [f"  subgraph cluster_{number} {{", f'    label="pass {number} over {rank}";']
        lines += [f"  {'  ' if number else ''}{_node(cascade, name)}" for name in members]
        lines += ["  }"] if number else []
    return lines


def _passes(cascade: Cascade, rank: str) -> dict[str, int]:
    """Return the pass of each Einsum; 0 for all where there is no rank or the count depends on a length."""
    try:
        return analyse_passes(cascade, rank).einsum_pass if rank else dict.fromkeys(cascade.by_name, 0)
    except AttnScopeError:
        return dict.fromkeys(cascade.by_name, 0)


def _node(cascade: Cascade, name: str) -> str:
    peripheries = ", peripheries=2" if name in cascade.outputs else ""
    text = einsum_text(cascade.by_name[name]).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" [label="{text}"{peripheries}];'
