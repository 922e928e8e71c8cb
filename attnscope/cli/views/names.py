"""Lists of what comes with the package."""

from collections.abc import Callable, Iterator
from typing import Any

from attnscope.cli.output import Plain, Record
from attnscope.cli.render import Column, heading, left, table
from attnscope.units import format_bytes, format_length, format_si

_SUMMARY = left("summary", wrap=True)
_NAME = left("name", "bold")


def names_view(kind: str, answer: Plain) -> Iterator[Any]:
    """Yield a table, or one per family."""
    for number, (title, columns, chosen, cells) in enumerate(_TABLES[kind]):
        if title:
            yield from (["", heading(title)] if number else [heading(title)])
        yield table(columns, (cells(row) for row in answer.records if chosen(row)))


def _transformer(row: Record) -> tuple[Any, ...]:
    heads = f"{row['heads']}" if row["heads"] == row["kv_heads"] else f"{row['heads']}/{row['kv_heads']}"
    sizes = (row["layers"], row["batch"])
    return (row["name"], heads, str(row["hidden"]), *map(str, sizes), format_length(row["seq_len"]), row["summary"])


def _device(row: Record) -> tuple[Any, ...]:
    peak, bandwidth = format_si(row["peak_flops_per_s"], "FLOP/s", 3), format_si(row["dram_bytes_per_s"], "B/s", 3)
    return (row["name"], peak, bandwidth, format_bytes(row["on_chip_bytes"]), row["summary"])


def _mapping(row: Record) -> tuple[Any, ...]:
    return (row["name"], row["cascade"], row["summary"])


def _cascade(row: Record) -> tuple[Any, ...]:
    return (row["name"], str(row["n_einsums"]), row["summary"])


def _mask(row: Record) -> tuple[Any, ...]:
    return (row["name"], ", ".join(row["needs"]), row["summary"])


def _named(row: Record) -> tuple[Any, ...]:
    return (row["name"], row["summary"])


def _all(row: Record) -> bool:
    return bool(row)


_TRANSFORMER = (_NAME, "heads", "width", "layers", "batch", "length", _SUMMARY)
_DEVICE = (_NAME, "peak", "DRAM", "on chip", _SUMMARY)
_Listing = tuple[str, tuple[str | Column, ...], Callable[[Record], bool], Callable[[Record], tuple[Any, ...]]]
_TABLES: dict[str, tuple[_Listing, ...]] = {
    "models": (
        ("Transformers", _TRANSFORMER, lambda row: row["kind"] == "transformer", _transformer),
        ("Diffusion transformers", (_NAME, _SUMMARY), lambda row: row["kind"] == "diffusion", _named),
        ("Vision backbones", (_NAME, _SUMMARY), lambda row: row["kind"] == "hierarchical", _named),
    ),
    "devices": (
        ("Spatial arrays", _DEVICE, lambda row: row["family"] == "spatial", _device),
        ("GPUs", _DEVICE, lambda row: row["family"] == "gpu", _device),
    ),
    "mappings": (("", (_NAME, left("cascade"), _SUMMARY), _all, _mapping),),
    "cascades": (("", (_NAME, "Einsums", _SUMMARY), _all, _cascade),),
    "masks": (("", (_NAME, left("needs", wrap=True), _SUMMARY), _all, _mask),),
}
