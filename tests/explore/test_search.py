"""The search against exhaustive enumeration, against the shipped mappings, and against the peers' traffic."""

from itertools import combinations, pairwise, product
from typing import Any

import pytest

from attnscope.einsum_cascade import load
from attnscope.errors import IllegalMappingError, UsageError
from attnscope.explore import search as module
from attnscope.explore.search import Search, search
from attnscope.explore.search_core import Best, Counts, Searcher, space_size, undominated
from attnscope.mappings.spatial.loopnest import Choice, LoopNest, Options, Phase
from attnscope.mappings.spatial.loopnest_price import facts_of, price, sizes_on
from attnscope.mappings.spatial.loopnest_terms import Terms
from attnscope.mappings.spatial.loopnest_tiling import tilings
from attnscope.simulator.device import spatial_device
from attnscope.workloads.shape import AttentionShape

SMALL = {"array_2d.rows": 4, "array_2d.columns": 4, "array_1d.columns": 4}


def _few(options: Options, seed: int, names: tuple[str, ...]) -> dict[str, tuple[Choice, ...]]:
    """Two choices for the named Einsums and one for each other, others for each seed."""
    out = {}
    for i, name in enumerate(options.names):
        choices = list(options.works[name])
        start = seed * (i + 3)
        count = 2 if name in names else 1
        out[name] = tuple(dict.fromkeys(choices[(start + k * 5) % len(choices)] for k in range(count)))
    return out


def _every(options: Options, s: Any, cuts: tuple[int, ...]) -> list[LoopNest]:
    """Every legal nest, by brute force."""
    n, out = len(options.names), []
    inner = [c for c in cuts if 0 < c < n]
    for picked in product(*(options.works[name] for name in options.names)):
        choices = dict(zip(options.names, picked, strict=True))
        for size in range(len(inner) + 1):
            for middle in combinations(inner, size):
                ends = (0, *middle, n)
                spans = [options.names[a:b] for a, b in pairwise(ends)]
                ways = [
                    [
                        Phase(span, t.order, t.blocks, t.places, t.rows_spill, t.occupancy_bytes, t.spill)
                        for t in tilings(facts_of(span, choices, options), s, options.device, every=True)
                    ]
                    for span in spans
                ]
                out += [LoopNest(options.cascade.name, choices, phases, True) for phases in product(*ways)]
    return out


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("cascade", "names", "cuts", "sizes"),
    [
        ("attention-3pass", ("QK", "GM", "SN", "AV"), (0, 1, 5, 6), (4, 4)),
        ("attention-3pass", ("QK", "SN", "A", "AV"), (0, 6), (12, 20)),
        ("attention-3pass-deferred", ("QK", "SN", "SD", "AV"), (0, 3, 6), (4, 4)),
        ("attention-1pass", ("QK", "LM", "SLN", "SLD", "PRM"), (0, 12), (12, 8)),
    ],
)
@pytest.mark.parametrize("capacity", [400, 4000])
def test_the_search_finds_what_enumeration_finds(
    cascade: str, names: tuple[str, ...], cuts: tuple[int, ...], sizes: tuple[int, int], seed: int, capacity: int
) -> None:
    device = spatial_device("fusemax", {**SMALL, "buffer.capacity_bytes": capacity})
    whole = Options(load(cascade), device)
    options = Options(load(cascade), device, _few(whole, seed, names))
    s = sizes_on(AttentionShape(2, 3, 3, *sizes, 4, 4), options)
    prices = []
    for nest in _every(options, s, cuts):
        try:
            prices.append(price(nest, options, s))
        except IllegalMappingError:
            continue
    terms = Terms(options, s, True)
    for goal in ("latency", "energy", "edp", "dram"):
        best = Best(1)
        Searcher(terms, module.OBJECTIVES[goal], best, Counts(), float("inf"), cuts).run()
        found = [price(nest, options, s) for nest in best.found]
        values = [module._value(goal, p.latency_s, p.energy_j, p.dram_bytes) for p in prices]
        mine = [module._value(goal, p.latency_s, p.energy_j, p.dram_bytes) for p in found]
        assert bool(mine) == bool(values)
        if values:
            assert min(mine) == pytest.approx(min(values), rel=1e-12)
            assert module._bound(terms, goal, best, device) <= min(values) * (1 + 1e-12)
    assert space_size(terms, cuts, forced=False) >= len(prices)


def test_nothing_shipped_is_better() -> None:
    for device in ("fusemax", "flat-cloud"):
        for goal in ("latency", "energy", "edp", "dram"):
            found: Search = search("bert", seq_len=16384, device=device, objective=goal)
            assert found.proven
            assert found.gap == 0.0
            assert len(found.best) == 10
            values = [row["value"] for row in found.to_records()]
            assert values[:10] == sorted(values[:10])
            assert all(value >= values[0] * (1 - 1e-12) for value in values)
            assert found.bound <= values[0]


@pytest.mark.parametrize(("seq_len", "bits"), [(1024, 50_331_648), (4096, 201_326_592)])
def test_fused_traffic_is_compulsory(seq_len: int, bits: int) -> None:
    found = search("bert", seq_len=seq_len, batch=1, objective="dram", top=1)
    assert found.best[0].price.dram_bytes * 8 == bits


@pytest.mark.parametrize(("seq_len", "bits"), [(1024, 855_638_016), (4096, 13_086_228_480), (65536, 3_301_756_108_800)])
def test_unfused_traffic_is_that_of_the_peers(seq_len: int, bits: int) -> None:
    three = [["QK"], ["GM", "SN", "SD", "A"], ["AV"]]
    found = search(
        "bert", seq_len=seq_len, batch=1, objective="dram", top=1, cascades=["attention-3pass"], fusion=three
    )
    assert found.best[0].price.dram_bytes * 8 == bits
    assert [phase.einsums for phase in found.best[0].nest.phases] == [tuple(names) for names in three]


def test_a_stopped_search_gives_its_gap() -> None:
    found = search("bert", seq_len=4096, objective="energy", time_limit_s=0.0)
    assert not found.proven
    assert found.gap > 0.0
    assert found.bound < found.best[0].value
    assert "Stopped early: the best is at most" in found.proof
    whole = search("bert", seq_len=4096, objective="energy")
    assert found.bound <= whole.best[0].value <= found.best[0].value
    assert found.gap >= found.best[0].value / whole.best[0].value - 1.0
    assert whole.proof.startswith("Proven optimal over ")


def test_the_outcome_is_plain_and_always_the_same() -> None:
    one, two = (search("t5", seq_len=2048, objective="edp", top=3, fusion="all") for _ in range(2))
    assert one.to_dict() == two.to_dict()
    assert one.share_pruned > 0.999
    best = one.to_dict()["best"][0]
    assert next(iter(best["phases"][0]["einsums"])) == "QK"
    assert best["tree"].startswith("attention-")
    assert {row["mapping"] for row in one.to_dict()["known"]} >= {"fusemax", "unfused"}


def test_one_tile_at_a_time_where_registers_hold_no_more() -> None:
    found = search("bert", seq_len=1024, objective="latency", fields={"array_2d.registers.words": 3}, top=1)
    free = search("bert", seq_len=1024, objective="latency", top=1)
    assert not found.best[0].nest.interleaved
    assert found.best[0].value > free.best[0].value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "speed"}, "search: no objective named 'speed'. Known: dram, edp, energy, latency."),
        ({"top": 0}, "search: top = 0 mappings; ask for at least 1."),
        ({"cascades": []}, "search: no cascades to choose from. Name some of: attention-1pass"),
        ({"cascades": ["attention-3pas"]}, "Did you mean 'attention-3pass'?"),
        (
            {"cascades": ["attention-3pass"], "fusion": [["QK"], ["AV"]]},
            "the fusion sets name QK, AV; attention-3pass has, in order: QK, GM, SN, SD, A, AV.",
        ),
        (
            {
                "cascades": ["attention-1pass"],
                "fusion": [
                    ["QK", "LM", "RM", "SLN", "SLD", "SLNV", "PRM", "SPD"],
                    ["RD", "SPNV", "RNV", "AV"],
                ],
            },
            "a phase cannot end after SPD, which is part of a recurrence along the keys. Nearest cut: after PRM.",
        ),
        ({"fields": {"buffer.capacity_bytes": 64}}, "no mapping of attention-1pass, attention-3pass"),
        ({"fields": {"buffer.capacity": 64}}, "Did you mean 'buffer.capacity_bytes'?"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        search("bert", seq_len=1024, **options)
    assert message in str(caught.value)


def test_undominated_keeps_as_many_as_asked() -> None:
    import numpy as np

    values = np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0], [0.5, 3.0]])
    assert undominated(values, 1).tolist() == [0, 3]
    assert undominated(values, 2).tolist() == [0, 1, 3]
    assert undominated(values, 3).tolist() == [0, 1, 2, 3]
