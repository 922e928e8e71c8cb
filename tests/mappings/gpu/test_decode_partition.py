"""Stream-K partition: every row of the published rule, and every tile exactly once."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnscope.errors import UsageError
from attnscope.mappings.gpu.decode_partition import lean_partition, lean_tile_keys
from attnscope.validation.report import facts

ROWS = list(facts("lamina_partition.csv"))


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['gpu']}-{r['batch']}-{r['kv_heads']}-{r['kv_len']}")
def test_partition_table(row: dict[str, str]) -> None:
    contexts = [int(row["kv_len"])] * int(row["batch"])
    cut = lean_partition(
        int(row["sms"]),
        int(row["kv_heads"]),
        int(row["head_dim"]),
        contexts,
        n_queries=int(row["q_len"]),
        causal=row["causal"] == "1",
    )
    assert cut.unit_tiles[0] == int(row["tiles_per_head"])
    assert cut.total_tiles == int(row["total_tiles"])
    assert (cut.grid, cut.max_tiles, cut.full_ctas, cut.n_splits) == tuple(
        int(row[name]) for name in ("grid", "max_tiles_per_cta", "high_load_ctas", "num_splits")
    )
    assert round(cut.efficiency, 4) == float(row["efficiency"])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 20_000), min_size=1, max_size=8),
    st.integers(1, 8),
    st.integers(2, 132),
    st.sampled_from([64, 128, 256]),
)
def test_every_tile_belongs_to_exactly_one_cta(contexts: list[int], kv_heads: int, n_sms: int, width: int) -> None:
    cut = lean_partition(n_sms, kv_heads, width, contexts)
    seen: dict[int, list[tuple[int, int]]] = {}
    load = [0] * cut.grid
    for cta, unit, first, end in cut.pieces():
        seen.setdefault(unit, []).append((first, end))
        load[cta] += end - first
    for unit, tiles in enumerate(cut.unit_tiles):
        edges = sorted(seen[unit])
        assert edges[0][0] == 0
        assert edges[-1][1] == tiles
        assert all(a[1] == b[0] for a, b in pairwise(edges))
    assert max(load) == cut.max_tiles
    assert load.count(cut.max_tiles) == cut.full_ctas
    assert min(load) >= cut.max_tiles - 1


def test_tile_widths() -> None:
    assert [lean_tile_keys(width) for width in (64, 128, 256)] == [256, 128, 64]


def test_partition_as_plain_values() -> None:
    plain = lean_partition(132, 32, 128, [4096]).to_dict()
    assert plain["grid"] == 264
    assert plain["efficiency"] == pytest.approx(0.9697, abs=1e-4)


@pytest.mark.parametrize("contexts", [[], [5, 0]])
def test_empty_sequences_are_refused(contexts: list[int]) -> None:
    with pytest.raises(UsageError, match="stream-K partition: every sequence needs a context of at least 1 key"):
        lean_partition(132, 8, 128, contexts)
