"""Values as people type them, checked while the command line is parsed."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from attnscope.errors import UsageError, did_you_mean
from attnscope.units import parse_length

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _Param = click.ParamType[Any]  # generic only since click 8.4, and for type checkers
    _Words = click.Choice[str]
else:
    _Param, _Words = click.ParamType, click.Choice


_TIME = re.compile(r"^\s*([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+)\s*([a-zµ]*)\s*$")
_TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Count(_Param):
    """A whole number of at least 1, such as ``4096`` or ``64K``."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; the message of a refusal names the option."""
        try:
            return value if isinstance(value, int) else parse_length(value, param.opts[-1] if param else "count")
        except UsageError as error:
            raise click.UsageError(str(error), ctx) from None


class Time(_Param):
    """A time such as ``1.5ms``, ``20us`` or ``3e-6`` (seconds)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        found = _TIME.match(str(value))
        if not found or found[2] not in _TIME_UNITS:
            self.fail(f"{value!r} is not a time. Write seconds, or a unit: 1.5ms, 20us, 300ns.", param, ctx)
        return float(found[1]) * _TIME_UNITS[found[2]]


class Word(_Words):
    """One of a few words; a wrong one is refused with the nearest and the list."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Say what would do."""
        words = [str(choice) for choice in self.choices]
        return f"{value!r} is none of {', '.join(words)}.{did_you_mean(str(value), words)}"


class Name(_Param):
    """A name or a path; `known` lists the names for the shell's completion and is not called otherwise."""

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        self.name, self.known = name, known

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> "list[CompletionItem]":
        """Return the known names that begin like what was typed."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self.known() if name.startswith(incomplete)]


class Assignment(_Param):
    """``path=value``: a pair of a name and a number, a truth value or a text."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """Return the pair."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not (name.strip() and equals and text.strip()):
            self.fail(f"{value!r}: write a name, an equals sign and a value, such as batch=64.", param, ctx)
        return name.strip(), read_value(text.strip())


class Sizes(_Param):
    """``M=64K,E=64``: lengths of ranks."""

    name = "rank=count,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, int]:
        """Return the lengths by rank, in upper case."""
        if isinstance(value, dict):
            return value
        found: dict[str, int] = {}
        for part in str(value).replace(" ", "").split(","):
            rank, equals, text = part.partition("=")
            if not (rank and equals and text):
                self.fail(f"{part!r}: write a rank, an equals sign and a length, such as M=64K.", param, ctx)
            try:
                found[rank.upper()] = parse_length(text, f"length of rank {rank}")
            except UsageError as error:
                raise click.UsageError(str(error), ctx) from None
        return found


class Axis(_Param):
    """``name=1,2,4``: one of a few axes and the counts on it."""

    name = "axis=n,..."

    def __init__(self, axes: tuple[str, ...]) -> None:
        self.axes = axes

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Return the axis and its counts."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        if name.strip() not in self.axes:
            known = ", ".join(self.axes)
            self.fail(
                f"no axis named {name.strip()!r}.{did_you_mean(name.strip(), self.axes)} Known: {known}.", param, ctx
            )
        return name.strip(), COUNTS.convert(text, param, ctx)


class Counts(_Param):
    """``1K,2K,4K``: whole numbers of at least 1."""

    name = "n,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",") if part.strip()]
        if not parts:
            self.fail("give whole numbers with commas between, such as 1,2,4 or 4K,8K.", param, ctx)
        return tuple(COUNT.convert(part, param, ctx) for part in parts)


def read_value(text: str) -> int | float | bool | str:
    """Return ``true`` or ``false`` as a truth value, a number as a number, anything else as it stands.

    >>> read_value("100e9"), read_value("512"), read_value("false"), read_value("fp16")
    (100000000000.0, 512, False, 'fp16')
    """
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


COUNT = Count()
COUNTS = Counts()
ASSIGNMENT = Assignment()
SIZES = Sizes()
TIME = Time()


def _models() -> Iterable[str]:
    from attnscope.workloads.models import list_models
    from attnscope.workloads.vision import list_vision_models

    return (*list_models(), *list_vision_models())


def _devices() -> Iterable[str]:
    from attnscope.simulator.device import list_devices

    return list_devices()


def _mappings() -> Iterable[str]:
    from attnscope.mappings.spatial import list_spatial_mappings

    return list_spatial_mappings()


def _cascades() -> Iterable[str]:
    from attnscope.einsum_cascade import library

    return library()


def _masks() -> Iterable[str]:
    from attnscope.workloads.visibility import list_masks

    return [entry.name for entry in list_masks()]


def _pools() -> Iterable[str]:
    from attnscope.mappings.offload.pools import list_pool_devices

    return list_pool_devices()


def _links() -> Iterable[str]:
    from attnscope.simulator.cluster import list_links

    return list_links()


def _traces() -> Iterable[str]:
    from attnscope.workloads.traces import published_traces

    return published_traces()


def _policies() -> Iterable[str]:
    from attnscope.workloads.kv_policy import POLICIES

    return POLICIES


def _families() -> Iterable[str]:
    from attnscope.validation.families import FAMILIES

    return FAMILIES


MODEL = Name("workload", _models)
DEVICE = Name("device", _devices)
MAPPING = Name("mapping", _mappings)
CASCADE = Name("cascade", _cascades)
MASK = Name("mask", _masks)
POOL = Name("pool", _pools)
LINK = Name("link", _links)
TRACE = Name("trace", _traces)
POLICY = Name("KV policy", _policies)
FAMILY = Name("family", _families)
