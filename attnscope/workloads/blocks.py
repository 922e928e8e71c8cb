"""Operator graphs of transformer blocks: which operator feeds which, with the bytes per token of every tensor."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from attnscope.errors import SpecError, UnknownNameError, did_you_mean
from attnscope.specs import Frozen, validate
from attnscope.workloads.models import Model

Kind = Literal["input", "linear", "norm", "attention", "add", "activation", "multiply", "router", "experts", "other"]
Style = Literal["sequential", "parallel", "moe"]
STYLES: tuple[Style, ...] = ("sequential", "parallel", "moe")


class Operator(Frozen):
    """One operator and the one tensor it makes.

    Attributes:
        inputs: names of the operators whose tensors it reads; query, key and value, in this order, of an attention.
        bytes_per_token: of its result.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    bytes_per_token: float = Field(ge=0)


class BlockGraph(Frozen):
    """A block, or a whole model: operators in any order; `layers` copies of it follow each other.

    The one operator that nothing reads is the result; it becomes the input of the next copy.

    Raises:
        ValueError: a name is unknown or given twice, operators wait for each other, an attention has not three inputs.
    """

    name: str
    layers: int = Field(default=1, gt=0)
    operators: tuple[Operator, ...]

    @model_validator(mode="after")
    def _is_a_graph(self) -> "BlockGraph":
        names = [op.name for op in self.operators]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the operator {twice[0]!r} is defined twice. Give every operator its own name.")
        for op in self.operators:
            for source in op.inputs:
                if source not in names:
                    raise ValueError(f"{op.name} reads {source!r}, which is no operator.{did_you_mean(source, names)}")
            if op.kind == "attention" and len(op.inputs) != 3:
                raise ValueError(
                    f"attention {op.name} reads {len(op.inputs)} tensors; it needs three: query, key, value."
                )
        if not any(op.kind == "attention" for op in self.operators):
            raise ValueError("there is no operator of kind 'attention' to cut at. Add one.")
        _check_order(self.operators)
        if len(self.results) != 1:
            found = ", ".join(self.results) or "none"
            raise ValueError(f"a block has one result that nothing reads; found {found}. Remove or use the others.")
        return self

    @property
    def by_name(self) -> dict[str, Operator]:
        """Operators by name."""
        return {op.name: op for op in self.operators}

    @property
    def results(self) -> tuple[str, ...]:
        """Operators whose tensors nothing in the block reads."""
        read = {source for op in self.operators for source in op.inputs}
        return tuple(op.name for op in self.operators if op.name not in read)

    @property
    def attentions(self) -> tuple[Operator, ...]:
        """Attention operators in the order given."""
        return tuple(op for op in self.operators if op.kind == "attention")


def _check_order(operators: tuple[Operator, ...]) -> None:
    done: set[str] = set()
    left = list(operators)
    while left:
        ready = [op for op in left if done.issuperset(op.inputs)]
        if not ready:
            raise ValueError(f"these operators wait for each other: {', '.join(op.name for op in left)}.")
        done.update(op.name for op in ready)
        left = [op for op in left if op.name not in done]


def block_graph(model: Model, style: Style = "sequential") -> BlockGraph:
    """Return the operator graph of one block of a model.

    Args:
        model: sizes.
        style: `sequential` (LLaMA: attention, then feed-forward), `parallel` (GPT-J, Falcon: both read the same norm)
            or `moe` (a router and experts in place of the feed-forward layer).

    Raises:
        UnknownNameError: no such style.
    """
    if style not in STYLES:
        raise UnknownNameError("style of block", style, STYLES)
    w = model.bytes_per_element
    stream, inner = float(model.hidden * w), float(model.ffn * w)
    query, out = float(model.heads * model.score_width * w), float(model.heads * model.value_width * w)
    key, value = float(model.kv_heads * model.score_width * w), float(model.kv_heads * model.value_width * w)
    start = [
        Operator(name="x", kind="input", bytes_per_token=stream),
        Operator(name="attention norm", kind="norm", inputs=("x",), bytes_per_token=stream),
        Operator(name="query projection", kind="linear", inputs=("attention norm",), bytes_per_token=query),
        Operator(name="key projection", kind="linear", inputs=("attention norm",), bytes_per_token=key),
        Operator(name="value projection", kind="linear", inputs=("attention norm",), bytes_per_token=value),
        Operator(
            name="attention",
            kind="attention",
            inputs=("query projection", "key projection", "value projection"),
            bytes_per_token=out,
        ),
        Operator(name="output projection", kind="linear", inputs=("attention",), bytes_per_token=stream),
    ]
    if style == "parallel":
        feed = _feed_forward(model, "attention norm", stream, inner)
        mixed = Operator(name="add 1", kind="add", inputs=("x", feed[-1].name), bytes_per_token=stream)
        last = Operator(name="add 2", kind="add", inputs=("add 1", "output projection"), bytes_per_token=stream)
        return BlockGraph(name=model.name, layers=model.layers, operators=(*start, *feed, mixed, last))
    added = Operator(name="add 1", kind="add", inputs=("x", "output projection"), bytes_per_token=stream)
    norm = Operator(name="feed-forward norm", kind="norm", inputs=("add 1",), bytes_per_token=stream)
    feed = _experts(stream) if style == "moe" else _feed_forward(model, "feed-forward norm", stream, inner)
    last = Operator(name="add 2", kind="add", inputs=("add 1", feed[-1].name), bytes_per_token=stream)
    return BlockGraph(name=model.name, layers=model.layers, operators=(*start, added, norm, *feed, last))


def _feed_forward(model: Model, source: str, stream: float, inner: float) -> list[Operator]:
    up = Operator(name="up projection", kind="linear", inputs=(source,), bytes_per_token=inner)
    if not model.gated_ffn:
        bent = Operator(name="activation", kind="activation", inputs=("up projection",), bytes_per_token=inner)
        middle = [up, bent]
    else:
        gate = Operator(name="gate projection", kind="linear", inputs=(source,), bytes_per_token=inner)
        bent = Operator(name="activation", kind="activation", inputs=("gate projection",), bytes_per_token=inner)
        both = Operator(name="gating", kind="multiply", inputs=("activation", "up projection"), bytes_per_token=inner)
        middle = [gate, up, bent, both]
    down = Operator(name="down projection", kind="linear", inputs=(middle[-1].name,), bytes_per_token=stream)
    return [*middle, down]


def _experts(stream: float) -> list[Operator]:
    router = Operator(name="router", kind="router", inputs=("feed-forward norm",), bytes_per_token=8.0)
    inputs = ("feed-forward norm", "router")
    return [router, Operator(name="experts", kind="experts", inputs=inputs, bytes_per_token=stream)]


def read_block_graph(path: str | Path) -> BlockGraph:
    """Return the graph in a JSON file: ``{"name", "layers", "operators": [{"name", "kind", "inputs", ...}]}``.

    Raises:
        SpecError: no such file, not JSON, or not a graph; names the operator.
    """
    file = Path(path)
    table = read_json(file)
    return validate(BlockGraph, {"name": file.stem, **table}, str(file))


def read_json(file: Path) -> Mapping[str, Any]:
    """Return the object in a JSON file.

    Raises:
        SpecError: no such file, or no JSON object.
    """
    try:
        table: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(
            f"{file}: no such file. Give a JSON file with operators, or a Hugging Face config.json."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: not valid JSON: {error}.") from None
    if not isinstance(table, dict):
        raise SpecError(f"{file}: expected a JSON object, found {type(table).__name__}.")
    return table
