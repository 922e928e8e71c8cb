"""Links with sources, pools as people write them."""

import pytest

from attnscope.errors import SpecError, UnknownNameError, UsageError
from attnscope.simulator.cluster import Link, PoolSpec, list_links, load_link, parse_pool
from attnscope.specs import validate


def test_every_shipped_link_loads_with_sources() -> None:
    for name in list_links():
        link = load_link(name)
        assert link.name == name
        assert 0.0 < link.line_share <= 1.0


def test_published_figures_of_the_two_network_stacks() -> None:
    fhbn, nccl = load_link("fhbn"), load_link("nccl")
    assert fhbn.round_trip_s / nccl.round_trip_s == pytest.approx(0.495, abs=0.005)
    assert fhbn.line_share == pytest.approx(0.914)


def test_unknown_link_suggests_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no link named 'fhbm'. Did you mean 'fhbn'\? Known: fhbn, nccl, nvlink."
    ):
        load_link("fhbm")


def test_a_figure_without_source_is_refused() -> None:
    table = {
        "name": "mine",
        "summary": "",
        "round_trip_s": 1e-6,
        "bandwidth_bytes_per_s": 1e9,
        "line_rate_bytes_per_s": 2e9,
        "sources": {"round_trip_s": "measured"},
    }
    with pytest.raises(
        SpecError, match=r"no source is given for bandwidth_bytes_per_s, line_rate_bytes_per_s. Add a line"
    ):
        validate(Link, table, "link mine")


def test_pools_as_people_write_them() -> None:
    assert parse_pool("h100:2") == PoolSpec("h100", 2)
    assert parse_pool("h100") == PoolSpec("h100", 1)
    assert parse_pool(PoolSpec("h20", 3)) == PoolSpec("h20", 3)
    assert parse_pool("h20:4").label == "h20:4"
    assert parse_pool("my/own.toml:2") == PoolSpec("my/own.toml", 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h100:0", "memory pool: 'h100:0' has 0 devices; a pool needs at least 1. Nearest: h100:1."),
        (
            "h100:two",
            "memory pool: 'two' in 'h100:two' is not a count. Write a device and a whole number, such as h100:2.",
        ),
        (":2", "memory pool: ':2' names no device. Write a device and a count, such as h100:2."),
    ],
)
def test_wrong_pools_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pool(text, "memory pool")
    assert str(caught.value) == message


def test_an_empty_pool_is_refused() -> None:
    with pytest.raises(UsageError, match=r"pool h20:0: a pool needs at least 1 device. Nearest: h20:1."):
        PoolSpec("h20", 0)
