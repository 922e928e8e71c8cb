"""Options that several verbs share, gathered into one value each."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import SectionedOption
from attnscope.cli.output import FORMATS, Output, figure_path
from attnscope.cli.params import ASSIGNMENT, COUNT, DEVICE, MAPPING, MODEL, POLICY, TRACE, Word
from attnscope.errors import UsageError

if TYPE_CHECKING:
    from attnscope.workloads.shape import AttentionShape

Callback = Callable[..., Any]
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
FIGURES, DATA = (".svg", ".png"), (".json", ".csv", ".txt")

_SIZES = {
    "batch": "independent sequences",
    "heads": "query heads",
    "kv_heads": "heads of keys and values (GQA, MQA); as many as heads by default",
    "queries": "P, queries per sequence",
    "keys": "M, keys per sequence; as many as queries by default",
    "score_width": "E, width of a query and a key",
    "value_width": "F, width of a value; the score width by default",
    "bytes_per_element": "bytes of one element of every tensor",
}


def option(*names: str, section: str, **attrs: Any) -> Callable[[Callback], Callback]:
    """Return an option that the help lists under `section`."""
    return click.option(*names, cls=SectionedOption, section=section, **attrs)


def in_section(section: str) -> Callable[..., Callable[[Callback], Callback]]:
    """Return `option` with the section given."""
    return functools.partial(option, section=section)


def gathered(*options: Callable[[Callback], Callback]) -> Callable[[Callback], Callback]:
    """Return one decorator that applies all, so that help lists them in the order given."""

    def apply(function: Callback) -> Callback:
        for decorate in reversed(options):
            function = decorate(function)
        return function

    return apply


def output_options(function: Callback) -> Callback:
    """Give a verb ``--format``, ``--output`` and ``--quiet``; it gets them as `out`."""

    @functools.wraps(function)
    def call(*args: Any, form: str | None, output: Path | None, quiet: bool, **rest: Any) -> Any:
        return function(*args, out=_output(form, output, quiet), **rest)

    where = "Write to FILE instead of stdout; .json and .csv choose the format."
    file = option("-o", "--output", type=FILE, metavar="FILE", section="Answer", help=where)
    return gathered(_format_option(), file, _quiet_option())(call)


def _output(form: str | None, path: Path | None, quiet: bool) -> Output:
    guessed = path.suffix.lower().removeprefix(".") if path else ""
    return Output(form or (guessed if guessed in FORMATS else "table"), path, quiet)


def drawn_options(function: Callback) -> Callback:
    """Give a verb what `output_options` gives; an output to be drawn arrives as `figure`, and `out` is stdout then."""

    @functools.wraps(function)
    def call(*args: Any, form: str | None, output: Path | None, quiet: bool, **rest: Any) -> Any:
        figure = output if output and output.suffix.lower() in FIGURES else None
        if output and not figure:
            figure_path(output, (*FIGURES, *DATA))
        return function(*args, out=_output(form, None if figure else output, quiet), figure=figure, **rest)

    where = "Draw to .svg or .png, or write to .json, .csv or .txt instead of stdout."
    file = option("-o", "--output", type=FILE, metavar="FILE", section="Answer", help=where)
    return gathered(_format_option(), file, _quiet_option())(call)


def text_options(function: Callback) -> Callback:
    """Give a verb whose ``--output`` is a figure the other two; it gets them as `out`."""

    @functools.wraps(function)
    def call(*args: Any, form: str | None, quiet: bool, **rest: Any) -> Any:
        return function(*args, out=Output(form or "table", None, quiet), **rest)

    return gathered(_format_option(), _quiet_option())(call)


def _format_option() -> Callable[[Callback], Callback]:
    text = "A table for people (default), or data."
    return option("--format", "form", type=Word(FORMATS), section="Answer", help=text)


def _quiet_option() -> Callable[[Callback], Callback]:
    return option("-q", "--quiet", is_flag=True, section="Answer", help="No notes and warnings on stderr.")


@dataclass(frozen=True)
class Ask:
    """The workload that was asked for: a model's name, a configuration file or sizes."""

    name: str | None
    config: Path | None
    seq_len: int | None
    sizes: dict[str, int]

    @property
    def workload(self) -> "str | AttentionShape":
        """What the public calls take.

        Raises:
            UsageError: nothing, or too much, was said; names what is missing.
        """
        if self.name and self.config:
            raise UsageError(f"both the model {self.name!r} and --config {self.config} are given. Leave one out.")
        if self.config:
            return str(self.config) if self.config.suffix == ".json" else f"{self.config}/config.json"
        return self.name or self._shape()

    @property
    def options(self) -> dict[str, Any]:
        """The sizes, for the public calls."""
        return {"seq_len": self.seq_len, **self.sizes}

    def _shape(self) -> "AttentionShape":
        from attnscope.workloads.shape import AttentionShape

        sizes = {"queries": self.seq_len, "keys": self.seq_len, **self.sizes}
        missing = [f"--{n.replace('_', '-')}" for n in ("heads", "queries", "score_width") if not sizes.get(n)]
        if missing:
            hint = "--queries may be given as --seq-len." if "--queries" in missing else ""
            raise UsageError(
                f"no workload: name a model (`attnscope list models`), give --config, or give a whole shape. "
                f"Missing for a shape: {', '.join(missing)}. {hint}".rstrip()
            )
        usual = {"batch": 1, "kv_heads": sizes["heads"], "value_width": sizes["score_width"]}
        usual["keys"] = sizes.get("keys") or sizes["queries"]
        return AttentionShape(**{**usual, **{n: v for n, v in sizes.items() if v}})  # type: ignore[arg-type]


def workload_options(function: Callback) -> Callback:
    """Give a verb the argument WORKLOAD and all that can be said about it; it gets them as `ask`."""

    @functools.wraps(function)
    def call(*args: Any, workload: str | None, config: Path | None, seq_len: int | None, **rest: Any) -> Any:
        sizes = {name: rest.pop(name) for name in _SIZES}
        given = {name: value for name, value in sizes.items() if value is not None}
        return function(*args, ask=Ask(workload, config, seq_len, given), **rest)

    config = click.Path(path_type=Path)
    sizes = [
        option(f"--{n.replace('_', '-')}", n, type=COUNT, metavar="N", section="Workload", help=_capital(text))
        for n, text in _SIZES.items()
    ]
    return gathered(
        click.argument("workload", required=False, type=MODEL),
        option("--seq-len", type=COUNT, metavar="N", section="Workload", help="Queries and keys, such as 4096 or 64K."),
        option("--config", type=config, metavar="FILE", section="Workload", help="A Hugging Face config.json."),
        *sizes,
    )(call)


def machine_options(*, many: bool = False) -> Callable[[Callback], Callback]:
    """Return ``--device`` and ``--mapping`` (as tuples where `many`) and ``--set``, which arrives as `fields`."""
    more = " May be given several times." if many else ""

    def apply(function: Callback) -> Callback:
        @functools.wraps(function)
        def call(*args: Any, fields: tuple[tuple[str, Any], ...], **rest: Any) -> Any:
            return function(*args, fields=dict(fields), **rest)

        device = f"A device's name or a TOML file.{more}"
        mapping = f"A mapping's name or a TOML file.{more}"
        replace = "Replace a field of the device, such as dram.bandwidth_bytes_per_s=100e9."
        return gathered(
            option("--device", type=DEVICE, multiple=many, metavar="NAME", section="Machine", help=device),
            option("--mapping", type=MAPPING, multiple=many, metavar="NAME", section="Machine", help=mapping),
            option(
                "--set", "fields", type=ASSIGNMENT, multiple=True, metavar="PATH=VALUE", section="Machine", help=replace
            ),
            option("--block", type=COUNT, metavar="N", section="Machine", help="Query tiles per block, fixed."),
        )(call)

    return apply


def kind_options(function: Callback) -> Callback:
    """Give a verb ``--layers`` and ``--energy-accounting``."""
    layers = "Attention alone (default), or the block with projections and FFN."
    accounting = "Charge everything (default), or what the FuseMax artefact charges."
    return gathered(
        option("--layers", type=Word(("attention", "block")), default="attention", section="Workload", help=layers),
        option(
            "--energy-accounting",
            type=Word(("corrected", "published")),
            default="corrected",
            section="Machine",
            help=accounting,
        ),
    )(function)


def trace_options(place: Callable[..., Callable[[Callback], Callback]]) -> Callable[[Callback], Callback]:
    """Return ``--trace`` and ``--reference`` under the heading of `place`."""
    reference = "A folder with the files of the public traces; what it lacks is drawn from published statistics."
    return gathered(
        place(
            "--trace", type=TRACE, metavar="NAME", help="A public trace, such as azure-conv, or a CSV file of yours."
        ),
        place("--reference", type=FOLDER, metavar="DIR", help=reference),
    )


def policy_option(place: Callable[..., Callable[[Callback], Callback]]) -> Callable[[Callback], Callback]:
    """Return ``--kv-policy`` under the heading of `place`."""
    text = "What is kept and read: full, window+sinks, duo, topk-reuse or page-select, as in window+sinks:window=4K."
    return place("--kv-policy", type=POLICY, metavar="POLICY", help=text)


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
