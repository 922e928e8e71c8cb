from typing import Any

import click
import pytest

from attnscope.cli.params import (
    ASSIGNMENT,
    CASCADE,
    COUNT,
    DEVICE,
    FAMILY,
    MAPPING,
    MASK,
    MODEL,
    SIZES,
    TIME,
    Name,
    Word,
    read_value,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e9", 1e9), ("512", 512), ("-3", -3), ("true", True), ("False", False), ("fp16", "fp16"), ("0.5", 0.5)],
)
def test_read_value(text: str, value: Any) -> None:
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("param", "text", "value"),
    [
        (COUNT, "64K", 65536),
        (COUNT, 7, 7),
        (ASSIGNMENT, "dram.bandwidth_bytes_per_s=100e9", ("dram.bandwidth_bytes_per_s", 100e9)),
        (ASSIGNMENT, "a = b=c", ("a", "b=c")),
        (SIZES, "m=64K, M0=256", {"M": 65536, "M0": 256}),
        (TIME, "1.5ms", 1.5e-3),
        (TIME, "20us", 20e-6),
        (TIME, "3e-6", 3e-6),
        (TIME, "2 s", 2.0),
    ],
)
def test_conversion(param: click.ParamType, text: Any, value: Any) -> None:  # type: ignore[type-arg]
    assert param.convert(text, None, None) == pytest.approx(value) if isinstance(value, float) else value
    assert param.convert(value, None, None) == value


@pytest.mark.parametrize(
    ("param", "text", "message"),
    [
        (COUNT, "0", "'0' must be at least 1. Nearest: 1."),
        (COUNT, "64Q", "unknown unit 'Q' in '64Q'"),
        (ASSIGNMENT, "dram", "'dram': write a name, an equals sign and a value, such as batch=64."),
        (ASSIGNMENT, "dram=", "write a name, an equals sign and a value"),
        (SIZES, "M", "'M': write a rank, an equals sign and a length, such as M=64K."),
        (SIZES, "M=x", "length of rank M: 'x' is not a count"),
        (TIME, "5 minutes", "'5 minutes' is not a time. Write seconds, or a unit: 1.5ms, 20us, 300ns."),
        (TIME, "-1us", "is not a time"),
        (Word(("table", "json")), "tabel", "'tabel' is none of table, json. Did you mean 'table'?"),
    ],
)
def test_refusal(param: click.ParamType, text: str, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(click.UsageError) as refused:
        param.convert(text, None, None)
    assert message in refused.value.format_message()


@pytest.mark.parametrize(
    ("name", "begin", "expected"),
    [
        (MODEL, "hun", "hunyuan-video"),
        (DEVICE, "fusemax-1", "fusemax-128"),
        (MAPPING, "fl", "flat"),
        (CASCADE, "attention-1pass-c", "attention-1pass-causal"),
        (MASK, "swi", "swin"),
        (FAMILY, "fu", "fusemax"),
    ],
)
def test_completion(name: Name, begin: str, expected: str) -> None:
    option = click.Option(["--x"])
    items = name.shell_complete(click.Context(click.Command("x")), option, begin)
    assert expected in [item.value for item in items]
    assert all(item.value.startswith(begin) for item in items)
