"""Decode estimates: split choice, waves, tail, ragged batches, KV policies, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.decode import decode_estimate
from attnscope.mappings.gpu.decode_calibrate import fit_decode, read_decode_table, split_rows
from attnscope.mappings.gpu.decode_constants import decode_constants, decode_file, split_rule
from attnscope.mappings.gpu.decode_splits import granted_splits
from attnscope.mappings.gpu.decode_work import Decode, decode_latency_s, decode_time
from attnscope.mappings.gpu.device import load_gpu
from attnscope.workloads.shape import AttentionShape
from attnscope.workloads.traces import make_trace


@pytest.mark.parametrize(("device", "measured_s"), [("a100", 681.6e-6), ("h100", 360.4e-6), ("h200", 255.4e-6)])
def test_published_decode_latencies(device: str, measured_s: float) -> None:
    found = decode_estimate("llama3-8b", device=device, batch=64, context=4096, cache="warm")
    assert found.latency_s == pytest.approx(measured_s, rel=0.10)
    assert found.limiter == "dram"


@pytest.mark.parametrize("mapping", ["decode-splitkv", "stream-k", "flash"])
def test_parts_add_up_to_the_latency(mapping: Any) -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"batch": 1, "context": 32768},
        {"lengths": [100, 9000, 40]},
        {"batch": 64, "context": 777},
    )
    for sizes in cases:
        found = decode_estimate("llama3-8b", mapping=mapping, **sizes)
        assert sum(found.choices["parts_s"].values()) == pytest.approx(found.latency_s, rel=1e-12)
        assert all(0.0 <= share <= 1.0 for share in found.utilization.values())


def test_one_long_sequence_is_split_and_fills_the_gpu() -> None:
    split, whole = (
        decode_estimate("llama3-8b", mapping=m, batch=1, context=131072) for m in ("decode-splitkv", "flash")
    )
    assert split.choices["splits"] == 15
    assert split.choices["wave_efficiency"] > 0.8
    assert split.latency_s < whole.latency_s / 3
    assert decode_estimate("llama3-8b", batch=1, context=131072, splits=2).choices["splits"] == 2


def test_stream_k_pays_on_ragged_batches() -> None:
    lengths = [200] * 31 + [60_000]
    split, lean = (decode_estimate("llama3-8b", mapping=m, lengths=lengths) for m in ("decode-splitkv", "stream-k"))
    assert lean.latency_s < split.latency_s
    assert lean.choices["partition"]["efficiency"] > 0.9
    assert "the tail" not in lean.because
    assert "all tiles cut evenly" in lean.because


def test_a_trace_gives_the_lengths() -> None:
    trace = make_trace("t", "test", [(0.0, 1000, 10), (1.0, 3000, 10)])
    found = decode_estimate("llama3-8b", lengths=trace, batch=2)
    assert found.workload == "llama3-8b decode B2 1005 to 3005 keys"


def test_policies_read_and_keep_less_and_show_what_choosing_costs() -> None:
    full = decode_estimate("llama3-8b", batch=16, context=8192)
    window = decode_estimate("llama3-8b", batch=16, context=8192, kv_policy="window+sinks:window=1020")
    pages = decode_estimate("llama3-8b", batch=16, context=8192, kv_policy="page-select")
    assert window.choices["kv_bytes_read"] == full.choices["kv_bytes_read"] / 8
    assert window.occupancy_bytes["dram"] == full.occupancy_bytes["dram"] / 8
    assert pages.occupancy_bytes["dram"] > full.occupancy_bytes["dram"]
    assert pages.choices["parts_s"]["selection"] > 0
    assert any(row.tensor == "selection" for row in pages.traffic)
    assert window.latency_s < pages.latency_s < full.latency_s


def test_an_estimate_is_plain_values_and_one_row() -> None:
    found = decode_estimate(AttentionShape(4, 8, 8, 1, 512, 64, 64), device="a100")
    assert json.loads(json.dumps(found.to_dict()))["mapping"] == "decode-splitkv"
    assert found.to_records()[0]["dram_bytes"] == pytest.approx(found.bytes["dram"])
    assert found.workload == "B4 H8 P1 M512 E64 F64 decode B4 512 keys"


def test_warnings_say_what_does_not_fit_and_what_is_beyond_the_model() -> None:
    found = decode_estimate("llama3-8b", device="l40s", batch=1024, context=32768)
    assert any("do not fit l40s" in text for text in found.warnings)
    assert any("a context of 32K is longer than the 8K that the model was trained for" in t for t in found.warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mapping": "streamk"}, "no decode mapping named 'streamk'. Did you mean 'stream-k'?"),
        ({"splits": -1}, "splits = -1 for decode-splitkv: only decode-splitkv takes a number of splits, of at least 1"),
        ({"mapping": "flash", "splits": 2}, "splits = 2 for flash: only decode-splitkv takes a number of splits"),
        ({"lengths": []}, "decode: the batch is empty; give at least one context length."),
        ({"lengths": [4], "context": 5}, "give a context for all sequences or the length of each, and not both."),
        ({"lengths": [4, 5], "batch": 3}, "batch = 3, but 2 lengths are given."),
        ({"cache": "hot"}, "no state of the cache named 'hot'."),
        ({"batch": 0}, "decode: batch = 0 must be at least 1. Nearest: 1."),
        ({"context": -5}, "decode: context = -5 must be at least 1. Nearest: 1."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode_estimate("llama3-8b", **options)
    assert message in str(caught.value)


def test_lengths_below_one_are_refused() -> None:
    with pytest.raises(UsageError, match=r"a context of 0 keys; every sequence needs at least 1. Nearest: 1."):
        Decode.of(8, 4, (128, 128), 2, [4, 0])


def test_constants_by_device_then_architecture_then_the_nearest() -> None:
    known = decode_file().constants
    assert decode_constants(load_gpu("h200")) == known["h200"]
    assert decode_constants(load_gpu("h20")) == known["sm_90"]
    assert decode_constants(load_gpu("l40s")) == known["sm_90"]
    assert (split_rule(load_gpu("a100")), split_rule(load_gpu("h20"))) == ("fa2", "fa3")


def test_a_library_may_grant_pieces_to_the_whole_batch() -> None:
    gpu = load_gpu("h200")
    constants = decode_constants(gpu)
    for batch, splits in ((1, 32), (4, 8), (64, 1)):
        work = Decode(1, 8, 128, 128, 2, batch, 65536, 65536)
        granted = decode_latency_s(work, gpu, constants, pieces=32)
        assert granted == decode_time(work, gpu, splits=splits).total_s
    assert granted_splits(1, 4, 32) == 1


def table(
    folder: Path, rows: list[str], head: str = "batch_size,q_heads,kv_heads,head_dim,kv_len,window,latency_ms"
) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_fit_finds_the_constants_that_made_the_table(tmp_path: Path) -> None:
    gpu = load_gpu("h100")
    truth = decode_constants(gpu).model_copy(update={"launch_s": 5e-6, "cta_s": 3e-6})
    rows = []
    for batch in (1, 4, 16, 64, 256):
        for keys in (64, 1024, 8192):
            work = Decode(8, 4, 128, 128, 2, batch, keys, keys)
            rows.append(f"{batch},32,8,128,{keys},0,{decode_latency_s(work, gpu, truth, warm=True) * 1e3}")
    found = read_decode_table(table(tmp_path, [*rows, "1,32,8,128,64,128,9.0"]))
    assert len(found) == len(rows)
    fitted = fit_decode(found, gpu, "test")
    assert fitted.launch_s == pytest.approx(5e-6, rel=0.03)
    assert fitted.cta_s == pytest.approx(3e-6, rel=0.03)


def test_the_split_of_a_table_depends_on_the_shapes_alone(tmp_path: Path) -> None:
    rows = [f"{batch},32,8,128,{keys},0,1.0" for batch in range(1, 21) for keys in range(1, 11)]
    fit, rest = split_rows(read_decode_table(table(tmp_path, rows)))
    again, _ = split_rows(read_decode_table(table(tmp_path, rows[::-1])))
    assert (len(fit), len(rest)) == (100, 100)
    assert {r.rank for r in fit} == {r.rank for r in again}


def test_other_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the columns window, latency_ms are missing. Expected: batch_size"):
        read_decode_table(table(tmp_path, [], head="batch_size,q_heads,kv_heads,head_dim,kv_len"))
    with pytest.raises(UsageError, match=r"none.csv: no such file. Give a CSV with the columns batch_size"):
        read_decode_table(tmp_path / "none.csv")


def test_shipped_constants_are_those_of_the_fit(shared: Path) -> None:
    name = "generation_attention_bf16_h100_sxm_vllm0.19.0.csv"
    fit, _ = split_rows(read_decode_table(shared / "reference" / "aiconfigurator" / name))
    shipped = decode_file().constants["sm_90"]
    assert fit_decode(fit, load_gpu("h100"), shipped.origin) == shipped


def test_unknown_mapping_of_the_kernel_time() -> None:
    with pytest.raises(UnknownNameError, match="no decode mapping named 'x'"):
        decode_time(Decode(1, 1, 64, 64, 2, 1, 5, 5), load_gpu("h100"), "x")  # type: ignore[arg-type]
