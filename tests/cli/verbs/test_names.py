from collections.abc import Callable
from typing import Any

import pytest

from attnscope.api import list_names
from attnscope.einsum_cascade import library
from attnscope.workloads.visibility import list_masks
from tests.cli.conftest import Cli

Data = Callable[..., Any]


@pytest.mark.parametrize("kind", ["devices", "mappings"])
def test_lists_hold_all_names(kind: Any, data: Data) -> None:
    assert [row["name"] for row in data("list", kind)] == list(list_names(kind))


def test_models_of_both_kinds(data: Data) -> None:
    names = {row["name"]: row["kind"] for row in data("list", "models")}
    assert (names["bert"], names["flux-4k"], names["swin-t"]) == ("transformer", "diffusion", "hierarchical")


def test_cascades_and_masks(data: Data) -> None:
    assert [row["name"] for row in data("list", "cascades")] == list(library())
    assert [row["name"] for row in data("list", "masks")] == [entry.name for entry in list_masks()]
    assert {"layout", "window"} <= set(next(row for row in data("list", "masks") if row["name"] == "gna")["needs"])


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("models", "llama3-70b    64/8"),
        ("devices", "GPUs"),
        ("mappings", "attention-1pass"),
        ("cascades", "attention-3pass"),
        ("masks", "sliding-window"),
    ],
)
def test_tables(kind: str, line: str, cli: Cli) -> None:
    text = cli("list", kind).stdout
    assert line in text
    assert "summary" in text


def test_refused(cli: Cli) -> None:
    error = cli("list", "modls", code=2).stderr
    assert "'modls' is none of models, devices, mappings, cascades, masks. Did you mean 'models'?" in error
