"""Options of decode attention on GPUs, and the one call that they lead to."""

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.options import Ask, Callback, gathered, in_section, policy_option, trace_options
from attnscope.cli.params import COUNT, COUNTS, Word
from attnscope.cli.traces import find_trace
from attnscope.errors import UsageError

if TYPE_CHECKING:
    from attnscope.simulator.estimate import Estimate

DECODE_MAPPINGS = ("decode-splitkv", "flash", "stream-k")
_ONLY_SHAPES = ("heads", "kv_heads", "score_width", "value_width", "bytes_per_element")

of_decode = in_section("Decode on a GPU")


@dataclass(frozen=True)
class DecodeAsk:
    """What was asked of a decode step; only options that were given are there."""

    phase: str
    given: dict[str, Any]

    def is_wanted(self, mapping: str | None) -> bool:
        """Whether the estimate is of a decode step: by the phase, or by the name of the mapping.

        Raises:
            UsageError: an option of decode is given without either.
        """
        if self.phase == "decode" or mapping in DECODE_MAPPINGS:
            return True
        if self.given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in self.given)
            raise UsageError(f"{flags}: only for decode on a GPU; add --phase decode.")
        return False

    def estimate(self, ask: Ask, device: str | None, mapping: str | None, others: dict[str, Any]) -> "Estimate":
        """Return the cost of one layer with one query per sequence; `others` are options that it does not take.

        Raises:
            UsageError: no device, or an option that a decode step does not take.
        """
        from attnscope.mappings.gpu.decode import decode_estimate
        from attnscope.simulator.device import list_devices

        if device is None:
            raise UsageError(f"a decode step needs a GPU. Give --device: {', '.join(list_devices('gpu'))}.")
        _refuse_others(ask, others)
        options = dict(self.given)
        lengths, remarks = _lengths(options)
        context = _context(ask, options.pop("context", None))
        if not (context or lengths or ask.name or ask.config):
            raise UsageError("no context: give --context, such as 32K, or the length of each sequence by --lengths.")
        if mapping:
            options["mapping"] = mapping
        workload = replace(ask, seq_len=None, sizes={**ask.sizes, "queries": 1}).workload
        batch = ask.sizes.get("batch")
        found = decode_estimate(workload, device=device, batch=batch, context=context, lengths=lengths, **options)
        return replace(found, warnings=(*remarks, *found.warnings))


def _context(ask: Ask, context: int | None) -> int | None:
    """Keys per sequence, by whatever name they were given.

    Raises:
        UsageError: two names say different things.
    """
    said = {"context": context, "keys": ask.sizes.get("keys"), "seq-len": ask.seq_len}
    given = {name: value for name, value in said.items() if value}
    if len(set(given.values())) > 1:
        flags = ", ".join(f"--{name} {value}" for name, value in given.items())
        raise UsageError(f"{flags}: all say how many keys a sequence has. Give one of them.")
    return next(iter(given.values()), None)


def _lengths(options: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """The contexts of a ragged batch, as a list or a trace, and remarks on them.

    Raises:
        UsageError: both are given.
    """
    lengths, trace, reference = (options.pop(name, None) for name in ("lengths", "trace", "reference"))
    if lengths and trace:
        raise UsageError("--lengths and --trace both say how long contexts are. Leave one out.")
    return find_trace(trace, reference) if trace else (lengths, ())


def _refuse_others(ask: Ask, others: dict[str, Any]) -> None:
    """Refuse sizes that a decode step fixes, or that a model brings along, and options of other mappings."""
    sizes = (*_ONLY_SHAPES, "queries") if ask.name or ask.config else ("queries",)
    names = [*(name for name in sizes if name in ask.sizes), *(name for name, value in others.items() if value)]
    if names:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise UsageError(f"{flags}: not for a decode step, which is one query per sequence on a GPU. Leave it out.")


def decode_options(function: Callback) -> Callback:
    """Give a verb the options of decode on GPUs; it gets them as `decode`."""
    names = ("context", "lengths", "trace", "reference", "kv_policy", "splits", "cache")

    @functools.wraps(function)
    def call(*args: Any, phase: str, **rest: Any) -> Any:
        options = {name: rest.pop(name) for name in names}
        return function(*args, decode=DecodeAsk(phase, {n: v for n, v in options.items() if v is not None}), **rest)

    return gathered(
        of_decode("--phase", type=Word(("prefill", "decode")), default="prefill", help="decode: one query a sequence."),
        of_decode("--context", type=COUNT, metavar="N", help="Keys per sequence, such as 32K."),
        of_decode("--lengths", type=COUNTS, metavar="N,...", help="Keys of each sequence of a ragged batch."),
        trace_options(of_decode),
        policy_option(of_decode),
        of_decode("--splits", type=click.IntRange(min=1), metavar="N", help="Pieces per context; the kernel's choice."),
        of_decode(
            "--cache", type=Word(("cold", "warm")), help="Where K and V are before: in DRAM (default), or in L2."
        ),
    )(call)
