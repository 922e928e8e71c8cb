"""Loop nests: shipped mappings are points of the space, terms sum to prices, prices follow the peers' traffic."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

import attnscope
from attnscope.einsum_cascade import load
from attnscope.errors import IllegalMappingError
from attnscope.mappings.spatial import load_mapping
from attnscope.mappings.spatial.loopnest import Choice, LoopNest, Options, Phase
from attnscope.mappings.spatial.loopnest_price import can_interleave, facts_of, price, sizes_on
from attnscope.mappings.spatial.loopnest_terms import State, Terms
from attnscope.mappings.spatial.loopnest_tiling import Blocks, count_blocks, tilings
from attnscope.simulator.device import spatial_device
from attnscope.workloads.models import load_model


def _options(cascade: str = "attention-1pass", device: str = "fusemax", **fields: Any) -> Options:
    return Options(load(cascade), spatial_device(device, {k.replace("__", "."): v for k, v in fields.items()}))


def _choices(mapping: str, dataflow: str | None, chained: tuple[str, ...] = ()) -> dict[str, Choice]:
    binds = [b for b in load_mapping(mapping).bind if b.dataflow in (None, dataflow)]
    return {name: Choice(b.array, b.rows, b.columns, name in chained) for b in binds for name in b.einsums}


def _nest(options: Options, choices: Mapping[str, Choice], cuts: list[int], blocks: list[Blocks]) -> LoopNest:
    phases = tuple(
        Phase(options.names[a:b], t.order, t.blocks, t.places, t.rows_spill, t.occupancy_bytes, t.spill)
        for a, b, t in zip(cuts[:-1], cuts[1:], blocks, strict=True)
    )
    return LoopNest(options.cascade.name, dict(choices), phases, True)


@pytest.mark.parametrize("seq_len", [1024, 4096, 65536, 2**20])
def test_fusemax_is_a_point(seq_len: int) -> None:
    options = _options()
    choices = _choices("fusemax", None)
    s = sizes_on(load_model("bert").attention(seq_len), options)
    single = attnscope.estimate("bert", seq_len=seq_len, device="fusemax", mapping="fusemax")
    facts = facts_of(options.names, choices, options)
    places = (("Q", "buffer"), ("K", "buffer"), ("V", "buffer"), ("AV", "stream"))
    tiling = next(
        t
        for t in tilings(facts, s, options.device, every=True)
        if t.order == "queries" and t.blocks == single.choices["query_blocks"] and t.places == places
    )
    found = price(_nest(options, choices, [0, 12], [tiling]), options, s)
    assert found.latency_s == single.latency_s
    assert found.energy_j == pytest.approx(single.energy_j, rel=1e-13)
    assert found.dram_bytes == single.bytes["dram"]
    assert tiling.occupancy_bytes == single.occupancy_bytes["buffer"]


@pytest.mark.parametrize("seq_len", [1024, 4096, 16384])
def test_flat_is_a_point(seq_len: int) -> None:
    options = _options("attention-3pass", "flat-cloud")
    choices = _choices("flat", "output", chained=("SN",))
    s = sizes_on(load_model("bert").attention(seq_len), options)
    single = attnscope.estimate("bert", seq_len=seq_len, device="flat-cloud", mapping="flat")
    facts = facts_of(options.names, choices, options)
    tiling = next(
        t
        for t in tilings(facts, s, options.device, every=True)
        if t.blocks == single.choices["query_blocks"]
        and not t.rows_spill
        and all(place == "stream" for _, place in t.places)
    )
    found = price(_nest(options, choices, [0, 6], [tiling]), options, s)
    assert found.latency_s == single.latency_s
    assert found.energy_j == pytest.approx(single.energy_j, rel=1e-13)
    assert found.dram_bytes == pytest.approx(single.bytes["dram"], rel=1e-13)
    assert tiling.spill == pytest.approx(single.choices["spill_fraction"])


def test_a_score_tile_stays_as_it_was_made() -> None:
    options = _options()
    choices = {**_choices("fusemax", None), "LM": Choice("array_2d", "P", "M")}
    s = sizes_on(load_model("bert").attention(1024), options)
    facts = facts_of(options.names, choices, options)
    tiling = next(iter(tilings(facts, s, options.device)))
    with pytest.raises(IllegalMappingError) as caught:
        price(_nest(options, choices, [0, 12], [tiling]), options, s)
    assert str(caught.value) == (
        "LM on 2D[P x M] needs the scores QK that lie in the PEs as 2D[M x P]. Spread both alike: 2D[M x P]."
    )


@pytest.mark.parametrize(("cascade", "device"), [("attention-1pass", "fusemax"), ("attention-3pass", "flat-cloud")])
@pytest.mark.parametrize("interleaved", [True, False])
def test_terms_sum_to_the_price(cascade: str, device: str, interleaved: bool) -> None:
    """Random walks through the decisions: their terms against the price of the nest they lead to."""
    import random

    options = _options(cascade, device, buffer__capacity_bytes=2**20)
    s = sizes_on(load_model("bert").attention(queries=1500, keys=2300), options)
    terms, rng, n = Terms(options, s, interleaved), random.Random(7), len(options.names)
    hz, walks = options.device.clock.frequency_hz, 0
    while walks < 60:
        inner = [c for c in options.cuts if 0 < c < n]
        cuts = [0, *sorted(rng.sample(inner, rng.randint(0, min(3, len(inner))))), n]
        choices, blocks, cycles, energy, words = {}, [], 0.0, 0.0, 0.0
        try:
            for first, last in pairwise(cuts):
                state, of_2d, of_1d = State(), 0.0, 0.0
                for index in range(first, last):
                    step = rng.choice(terms.steps[index])
                    joined = terms.add(state, first, index, step)
                    if joined is None:
                        raise LookupError
                    state, more = joined
                    choices[options.names[index]] = step.choice
                    of_2d, of_1d, energy = of_2d + step.cycles_2d, of_1d + step.cycles_1d, energy + step.energy_j + more
                ending = rng.choice(terms.endings(first, last, state))
                blocks.append(ending.blocks)
                cycles += max(of_2d, of_1d, ending.dram_words * terms.cycles_per_word)
                energy, words = energy + ending.energy_j, words + ending.dram_words
        except LookupError:
            continue
        except IndexError:
            continue  # no tiling fits
        walks += 1
        nest = _nest(options, choices, cuts, blocks)
        found = price(LoopNest(nest.cascade, nest.choices, nest.phases, interleaved), options, s)
        assert cycles / hz == pytest.approx(found.latency_s, rel=1e-12)
        assert energy == pytest.approx(found.energy_j, rel=1e-11)
        assert words * s.word_bytes == pytest.approx(found.dram_bytes, rel=1e-12)


def test_more_blocks_never_move_fewer_words() -> None:
    options = _options(buffer__capacity_bytes=2**20)
    s = sizes_on(load_model("bert").attention(4096), options)
    facts = facts_of(options.names, _choices("fusemax", None), options)
    every = list(tilings(facts, s, options.device, every=True))
    few = list(tilings(facts, s, options.device))
    assert len(few) < len(every) <= count_blocks(facts, s)
    for tiling in few:
        same = [t for t in every if (t.order, t.places) == (tiling.order, tiling.places)]
        assert min(t.blocks for t in same) == tiling.blocks
        assert all(dict(t.refetch)[name] >= times for t in same for name, times in tiling.refetch)
        assert tiling.occupancy_bytes <= options.device.buffer.capacity_bytes


def test_recurrences_are_not_cut() -> None:
    options = _options()
    assert options.names[7:11] == ("SPD", "RD", "SPNV", "RNV")
    assert options.cuts == (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12)


def test_chaining_needs_units_of_their_own() -> None:
    chained = [c for c in _options("attention-3pass", "flat-cloud").works["SN"] if c.chained]
    assert {c.columns for c in chained} == {"M", "P"}
    assert not [c for c in _options("attention-3pass", "fusemax").works["SN"] if c.chained]


def test_registers_decide_on_interleaving() -> None:
    assert can_interleave(spatial_device("fusemax"))
    assert not can_interleave(spatial_device("fusemax", {"array_2d.registers.words": 3}))


def test_the_tree_shows_every_decision() -> None:
    options = _options()
    choices = _choices("fusemax", None)
    s = sizes_on(load_model("bert").attention(1024), options)
    facts = facts_of(options.names, choices, options)
    places = (("Q", "buffer"), ("K", "buffer"), ("V", "buffer"), ("AV", "stream"))
    tiling = next(t for t in tilings(facts, s, options.device) if t.order == "queries" and t.places == places)
    assert _nest(options, choices, [0, 12], [tiling]).text.splitlines()[:8] == [
        "attention-1pass, tiles interleaved",
        "`- phase 1: for each head",
        "   `- for each of 1 block of queries",
        "      |- in the buffer: Q, K, V",
        "      |- streamed: AV",
        "      `- for each tile of keys, of queries",
        "         |- QK    2D[M x P]",
        "         |- LM    2D[M x P]",
    ]
