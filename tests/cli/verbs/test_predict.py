"""`attnscope predict`: kernels of serving libraries on GPUs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Cli

Data = Callable[..., Any]
SHAPE = ("--heads", "32", "--kv-heads", "8", "--head-dim", "128", "--length", "4K")


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_attention(cli: Cli, data: Data, phase: str) -> None:
    found = data("predict", "attention", "--phase", phase, *SHAPE, "--device", "h200")
    assert found["latency_s"] > 0
    assert {"tensor", "dram"} <= set(found["busy_s"])
    text = cli("predict", "attention", "--phase", phase, *SHAPE, "--device", "h200").stdout
    assert "because" in text


def test_gemm_grows_with_the_work(data: Data) -> None:
    small, large = (
        data("predict", "gemm", "--m", m, "--n", "4K", "--k", "4K", "--device", "a100") for m in ("1K", "8K")
    )
    assert large["latency_s"] > 4 * small["latency_s"]


def test_refusals(cli: Cli) -> None:
    result = cli("predict", "attention", *SHAPE, "--device", "fusemax", code=2)
    assert "fusemax" in result.stderr
    assert "Missing option '--head-dim'" in cli("predict", "attention", "--heads", "3", code=2).stderr
