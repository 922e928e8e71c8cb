"""The public call: figures, baseline, reasons, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.offload import equal_cost_count, offload, serve
from attnscope.mappings.offload.pools import list_pool_devices, load_pool_device
from attnscope.mappings.offload.prices import load_prices
from attnscope.workloads.traces import make_trace

TRACE = make_trace("t", "test", [(0.0, 1000, 100), (1.0, 2000, 300)])


def test_throughput_latency_and_price_belong_together() -> None:
    found = offload("llama3-70b", trace=TRACE)
    ours = found.offload
    assert ours.tokens_per_s == pytest.approx(ours.batch / ours.time_between_tokens_s)
    assert ours.tokens_per_dollar == pytest.approx(3600 * ours.tokens_per_s / 40.64)
    assert sum(ours.parts_s.values()) == pytest.approx(ours.time_between_tokens_s)
    assert ours.context == 1600.0
    assert ours.batch == ours.room == ours.deployment.requests_that_fit(1600)


def test_the_baseline_costs_most_nearly_the_same() -> None:
    found = offload("llama3-70b", context=4096)
    assert found.baseline is not None
    assert equal_cost_count(found.offload.deployment) == 4
    assert found.baseline.deployment.label == "h100:4"
    assert found.baseline.price_per_hour == pytest.approx(44.24)
    assert found.offload.price_per_hour == pytest.approx(40.64)
    assert found.gain is not None and found.gain > 0
    assert found.gain_per_dollar == pytest.approx((1 + found.gain) * 44.24 / 40.64 - 1)
    assert set(found.baseline.busy_fraction) == {"linear layers", "attention"}
    assert sum(found.baseline.busy_fraction.values()) == pytest.approx(1.0)
    assert offload("llama3-70b", context=4096, baseline=8).inputs is not None


def test_the_sentence_names_limiter_bandwidth_and_baseline() -> None:
    text = offload("llama3-70b", context=4096).because
    assert "The pace is set by the linear layers on the compute pool (busy: compute 100%" in text
    assert "the link has 45.7 GB/s" in text
    assert "more tokens/s than h100:4" in text
    alone = offload("llama3-70b", context=4096, batches=1).because
    assert "the round trip of each batch, which no other batch fills" in alone


def test_a_slow_link_is_named() -> None:
    found = offload("llama3-70b", context=512, fidelity="roofline", memory="h20:8", link="nccl")
    assert found.minimum_per_nic["compute"] > 35.5e9
    assert "the link misses that with 35.5 GB/s" in found.because


def test_values_are_plain_and_rows_are_flat() -> None:
    found = offload("llama3-70b", context=4096)
    assert json.loads(json.dumps(found.to_dict()))["offload"]["limiter"] == "compute"
    rows = found.to_records()
    assert [row["deployment"] for row in rows] == ["h100:2 + h20:4 over fhbn, by head, 2 batches", "h100:4"]
    assert rows[0]["busy_compute_fraction"] == pytest.approx(1.0)


def test_early_queries_shorten_the_round_trip() -> None:
    early, late = (offload("llama-65b", context=2048, batches=1, early=e).offload for e in (True, False))
    assert early.time_between_tokens_s < late.time_between_tokens_s
    assert early.parts_s["hidden by early queries"] < 0
    assert late.parts_s["hidden by early queries"] == 0


def test_policies_hold_more_requests() -> None:
    full, window = (offload("llama3-70b", context=8192, kv_policy=p).offload for p in ("full", "window+sinks"))
    assert window.batch > 7 * full.batch
    assert window.kv_bytes <= full.deployment.kv_room_bytes


def test_a_stand_in_and_long_requests_are_told() -> None:
    notes = offload("llama3-70b", trace="kimi-conv").warnings
    assert any("trace kimi-conv is a stand-in: drawn from published statistics" in text for text in notes)
    assert any("requests are longer than the 8K tokens of llama3-70b" in text for text in notes)


def test_without_a_homogeneous_pool_that_holds_the_model_there_is_no_baseline() -> None:
    found = offload("llama3-70b", context=4096, memory="h20:1", baseline=1)
    assert (found.baseline, found.gain, found.gain_per_dollar, found.batch_ratio) == (None, None, None, None)
    assert any(text.startswith("no homogeneous baseline: compute pool h100:1: the weights") for text in found.warnings)
    assert len(found.to_records()) == 1
    assert found.to_dict()["baseline"] is None


def test_own_devices_links_and_prices(tmp_path: Path) -> None:
    device, link, prices = (tmp_path / f"{name}.toml" for name in ("chip", "wire", "prices"))
    device.write_text(
        'summary = "mine"\nflops_per_s = 1e14\nbandwidth_bytes_per_s = 2e12\ncapacity_bytes = 64e9\n'
        '[sources]\nall = "me"\n'
    )
    link.write_text(
        'summary = "mine"\nround_trip_s = 1e-5\nbandwidth_bytes_per_s = 9e10\nline_rate_bytes_per_s = 1e11\n'
        '[sources]\nround_trip_s = "me"\nbandwidth_bytes_per_s = "me"\nline_rate_bytes_per_s = "me"\n'
    )
    prices.write_text('unit = "dollar"\nsource = "me"\nprices = { h100 = 3.0, chip = 1.0 }\n')
    found = offload(
        "llama3-8b", context=4096, compute="h100:1", memory=f"{device}:2", link=str(link), prices=str(prices)
    )
    assert found.offload.price_per_hour == 5.0
    assert found.offload.deployment.link_numbers.bytes_per_s == 9e10
    gpu = tmp_path / "gpu.toml"
    gpu.write_text('extends = "h100"\nsummary = "more memory"\n[dram]\ncapacity_bytes = 200000000000\n')
    assert serve(deploy("llama3-8b", memory=None, compute=str(gpu), price={"gpu": 1.0}), 8192).room > 100


def test_every_pool_device_has_capacity_and_rates() -> None:
    names = list_pool_devices()
    assert {"h100", "h20", "tpu-v6e", "l20", "h800", "a800"} <= set(names)
    for name in names:
        chosen = deploy("llama3-8b", compute=f"{name}:8", memory=f"{name}:8", price={name: 1.0})
        assert serve(chosen, 1024).tokens_per_s > 0
        assert load_pool_device(name).name == name


def test_by_request_takes_any_number_of_devices() -> None:
    assert offload("llama3-70b", context=4096, memory="h20:3", by="request").offload.tokens_per_s > 0


REFUSALS: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"memory": "h20:3"},
        "memory pool h20:3: 8 KV heads of llama3-70b cannot be split evenly over 3 devices by head. ",
    ),
    ({"memory": "h20:3"}, "Nearest legal pool: h20:2; or split by request."),
    ({"compute": "h100:0"}, "compute pool: 'h100:0' has 0 devices; a pool needs at least 1. Nearest: h100:1."),
    ({"compute": "h100:1"}, "the weights of llama3-70b (127.5 GiB) do not fit 1 x h100 (72 GiB at 90% of the memory)."),
    ({"compute": "h100:1"}, "Smallest pool that holds them: h100:2."),
    ({"compute": "h100:2", "batches": 4}, "4 batches in flight need 3 replicas of the model, which cannot share 2"),
    ({"batches": 0}, "batches in flight: 0 must be at least 1. Nearest: 1."),
    ({"link": "fbhn"}, "no link named 'fbhn'. Did you mean 'fhbn'?"),
    ({"price": {"h20": 0}}, "price of h20: 0 per hour is refused; a price must be above zero."),
    (
        {"compute": "a100:4"},
        "price list lamina: no price for 'a100' (known: h100, h20, tpu-v6e). Give one, such as a100=2.50",
    ),
    ({"prices": "lama"}, "no price list named 'lama'. Did you mean 'lamina'?"),
    ({"context": 9000}, "context: 9,000 tokens are more than the 8,192 of llama3-70b. Nearest legal context: 8192;"),
    ({"context": 0}, "context: 0 tokens; it must be at least 1. Nearest: 1."),
    ({"context": None}, "give a context length or a trace, and not both"),
    ({"trace": "azure-conv"}, "give a context length or a trace, and not both"),
    ({"batch": 5000}, "batch: 5000 requests of 4,096 tokens on"),
    ({"batch": 1}, "between 2 and 276 are possible. Nearest: 2."),
    ({"by": "heads"}, "no split of attention named 'heads'. Did you mean 'head'?"),
    ({"fidelity": "roof"}, "no fidelity named 'roof'. Did you mean 'roofline'?"),
    ({"slowdown": 0}, "slowdown: 0 must be above 0, such as 0.2 for a fifth."),
    ({"memory": None}, "offload needs a memory pool, such as memory='h20:4'."),
    ({"memory_fraction": 0}, "memory fraction: 0 must lie above 0 and up to 1, such as 0.9."),
    ({"memory": "fusemax:2", "price": {"fusemax": 1.0}}, "no device for a pool named 'fusemax'."),
    ({"weight_bytes": 0}, "weights: 0 bytes is refused; a model has more than 0 bytes of weights."),
    ({"kv_policy": "ful"}, "no KV policy named 'ful'. Did you mean 'full'?"),
    ({"memory_fraction": 0.99, "batches": 2, "context": 8192, "memory": "h20:1", "batch": 40}, "Nearest: 38."),
)


@pytest.mark.parametrize(("options", "message"), REFUSALS)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        offload("llama3-70b", **{"context": 4096, **options})
    assert message in str(caught.value)


def test_too_little_memory_for_two_batches_is_refused() -> None:
    with pytest.raises(IllegalMappingError, match=r"requests of 2,048 tokens fit, and 2 are needed for 2 batches"):
        offload("llama-65b", context=2048, memory="l20:1", price={"l20": 1.0}, memory_fraction=0.2, compute="h100:16")


def test_price_lists_say_where_they_come_from() -> None:
    listed = load_prices("megascale-infer")
    assert (listed.unit, listed.of("h20")) == ("relative", 1.85)
    assert "MegaScale-Infer" in listed.source
    assert load_prices(listed) is listed
