"""The public calls: one estimate, several side by side, a timeline, names; and what they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

import attnscope
from attnscope.api import STUDY_PAIRS, default_mapping, list_names, resolve_workload
from attnscope.errors import IllegalMappingError, SpecError, UnknownNameError, UsageError
from attnscope.workloads.models import load_model
from attnscope.workloads.shape import AttentionShape

SHAPE = AttentionShape(1, 4, 4, 1024, 1024, 64, 64)


def test_a_model_by_name_carries_the_batch_of_the_study() -> None:
    found = attnscope.estimate("bert", seq_len=65536, device="fusemax", mapping="fusemax")
    assert (found.workload, found.mapping, found.device) == ("bert 64K", "fusemax", "fusemax")
    assert found.latency_s * 940e6 == pytest.approx(6_958_350_336, rel=1e-12)


def test_the_dictionary_of_an_estimate_has_the_promised_keys() -> None:
    said = json.loads(json.dumps(attnscope.estimate("bert", seq_len=1024).to_dict()))
    assert said["latency_s"] > 0
    assert said["energy_j"] == pytest.approx(sum(said["energy_parts_j"].values()))
    assert said["bytes"]["dram"] == 402_653_184
    assert {"array_2d", "array_1d"} <= said["utilization"].keys()
    assert said["limiter"] == "array_1d"
    assert said["accounting"] == "corrected"


def test_equal_inputs_give_equal_bytes() -> None:
    once, again = (json.dumps(attnscope.estimate("bert", seq_len=1024).to_dict()) for _ in range(2))
    assert once == again
    assert attnscope.estimate("bert", seq_len=1024).input_hash == json.loads(once)["provenance"]["input_hash"]
    assert attnscope.estimate("bert", seq_len=2048).input_hash != json.loads(once)["provenance"]["input_hash"]


def test_workloads_of_every_kind_meet(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    keys = {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12}
    config.write_text(json.dumps(keys), encoding="utf-8")
    bert = load_model("bert")
    ways: tuple[Any, ...] = ("bert", bert, bert.attention(1024), str(config))
    latencies = {attnscope.estimate(way, seq_len=1024, batch=64).latency_s for way in ways}
    assert len(latencies) == 1


def test_sizes_and_fields_replace_single_values() -> None:
    found = attnscope.estimate("bert", seq_len=1024, batch=1, keys=4096, fields={"dram.bandwidth_bytes_per_s": 1e9})
    assert found.workload == "bert 1K queries, 4K keys"
    assert found.limiter == "dram"
    assert found.inputs["shape"].batch == 1


def test_the_whole_block_adds_its_linear_layers() -> None:
    # Source: FuseMax artefact: one BERT layer at 1K is 2.01314 ms of attention and 7.5297 ms of linear layers.
    alone, block = (attnscope.estimate("bert", seq_len=1024, layers=layers) for layers in ("attention", "block"))
    assert block.latency_s - alone.latency_s == pytest.approx(7.5297e-3, rel=1e-4)
    assert block.workload == "bert 1K, whole block"
    assert set(block.choices["latency_s_by_part"]) >= {"bert 1K", "feed-forward up"}
    assert block.bytes["dram"] == pytest.approx(402_653_184 + 1_826_095_104)


def test_end_to_end_over_flat() -> None:
    # Source: FuseMax artefact, BERT: end-to-end speed-up of FuseMax over FLAT at 1K, 64K and 1M.
    for length, ratio in ((1 << 10, 2.192), (1 << 16, 7.015), (1 << 20, 8.543)):
        flat = attnscope.estimate("bert", seq_len=length, device="flat-cloud", mapping="flat", layers="block")
        ours = attnscope.estimate("bert", seq_len=length, device="fusemax", mapping="fusemax", layers="block")
        assert flat.latency_s / ours.latency_s == pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize(("device", "mapping"), [("fusemax", "fusemax"), ("flat-cloud", "flat"), ("flat-edge", "flat")])
def test_the_best_known_mapping_of_a_device(device: str, mapping: str) -> None:
    assert default_mapping(device) == mapping
    assert attnscope.estimate(SHAPE, device=device).mapping == mapping


def test_a_device_that_no_mapping_fits(tmp_path: Path) -> None:
    path = tmp_path / "bare.toml"
    path.write_text('family = "spatial"\nsummary = "adds only"\n' + BARE, encoding="utf-8")
    with pytest.raises(SpecError, match="none of the shipped mappings runs on it; name a mapping of your own"):
        attnscope.estimate(SHAPE, device=str(path))


BARE = """
[clock]
frequency_hz = 1e9
[dram]
bandwidth_bytes_per_s = 1e11
energy_pj_per_bit = 4
[buffer]
capacity_bytes = 1048576
row_bits = 512
read_energy_pj_per_row = 1
write_energy_pj_per_row = 1
[array_2d]
rows = 8
columns = 8
registers = { words = 4, read_energy_pj_per_word = 1, write_energy_pj_per_word = 1 }
units = { add = { energy_pj = 1 } }
[array_1d]
rows = 1
columns = 8
registers = { words = 4, read_energy_pj_per_word = 1, write_energy_pj_per_word = 1 }
units = { add = { energy_pj = 1 } }
[sources]
clock = "a test"
"""


def refusal(**options: Any) -> str:
    with pytest.raises(UsageError) as refused:
        attnscope.estimate(options.pop("workload", "bert"), **options)
    return str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workload": "brt"}, "no model named 'brt'. Did you mean 'bert'? Known: bert,"),
        ({"device": "fusmax"}, "no device named 'fusmax'. Did you mean 'fusemax'? Known: "),
        ({"device": "h100"}, "device h100: is of the family 'gpu'; this mapping needs a spatial array: flat-cloud,"),
        ({"mapping": "fused"}, "no mapping named 'fused'. Did you mean 'unfused'? Known: cascade, flat, fusemax,"),
        ({"mapping": "none.toml"}, "none.toml: no such file. Give the path of a TOML file that exists."),
        ({"workload": "none.json"}, "none.json: no such file. Give the path of a Hugging Face config.json."),
        ({"seq_len": 0}, "attention shape: queries = 0 must lie between 1 and 2^40. Nearest: 1."),
        (
            {"seq_len": 10**30},
            "attention shape: queries = 1000000000000000000000000000000 must lie between 1 and 2^40.",
        ),
        ({"head": 3}, "attention shape: no size named 'head'. Did you mean 'heads'? Known: batch,"),
        (
            {"kv_heads": 5},
            "attention shape: 12 heads cannot share 5 KV heads evenly. Nearest kv_heads that divides: 4.",
        ),
        ({"layers": "blocks"}, "no choice of layers named 'blocks'. Did you mean 'block'? Known: attention, block."),
        (
            {"energy_accounting": "publishd"},
            "no energy accounting named 'publishd'. Did you mean 'published'? Known: corrected, published.",
        ),
        (
            {"fields": {"dram.bandwith_bytes_per_s": 1}},
            "device fusemax: no field 'dram.bandwith_bytes_per_s'. Did you mean 'dram.bandwidth_bytes_per_s'?",
        ),
        (
            {"fields": {"buffer.capacity_bytes": 1024}},
            "mapping fusemax: one tile of 256 queries with E = 64, F = 64 needs",
        ),
        (
            {"block": 1000},
            "mapping fusemax: a block of 1000 query tiles does not fit the buffer of fusemax; legal: 1 to",
        ),
        (
            {"device": "flat-cloud", "mapping": "fusemax"},
            "LM is bound to array_2d of flat-cloud, which has no unit for",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_mend(options: dict[str, Any], words: str) -> None:
    assert refusal(**options).startswith(words)


def test_a_block_needs_a_model() -> None:
    assert refusal(workload=SHAPE, layers="block") == (
        "layers 'block' needs a model, whose hidden and feed-forward widths are known. Name one."
    )


def test_without_names_the_pairs_of_the_study_are_compared() -> None:
    found = attnscope.compare("bert", seq_len=65536)
    assert [(e.mapping, e.device) for e in found.estimates] == list(STUDY_PAIRS)
    assert found.baseline.mapping == "unfused"
    # Source: FuseMax artefact, BERT at 64K.
    speedups = [row["speedup"] for row in found.to_records()]
    assert speedups == pytest.approx([1.0, 1.561, 1.382, 3.491, 11.565], rel=1e-3)


def test_pairs_that_do_not_fit_are_kept_with_their_reason() -> None:
    found = attnscope.compare("bert", seq_len=1024, devices=["flat-cloud", "fusemax"], mappings=["flat", "fusemax"])
    assert [(e.mapping, e.device) for e in found.estimates] == [
        ("flat", "flat-cloud"),
        ("flat", "fusemax"),
        ("fusemax", "fusemax"),
    ]
    (refused,) = found.refused
    assert (refused.mapping, refused.device) == ("fusemax", "flat-cloud")
    assert refused.reason.startswith("LM is bound to array_2d of flat-cloud")
    with pytest.raises(IllegalMappingError, match="LM is bound to array_2d"):
        attnscope.compare("bert", devices=["flat-cloud"], mappings=["fusemax"])


def test_a_device_alone_is_compared_under_every_mapping() -> None:
    found = attnscope.compare(SHAPE, devices=["fusemax"])
    assert {e.mapping for e in found.estimates} | {r.mapping for r in found.refused} == {*list_names("mappings")}


def test_a_timeline_is_the_layer_in_time() -> None:
    found = attnscope.timeline("bert", seq_len=1024, device="fusemax", mapping="fusemax", batch=1)
    assert found.estimate.workload == "bert 1K"
    assert found.share == 1.0
    assert found.against_closed_form < 0.03
    cut = attnscope.timeline("bert", seq_len=1 << 16, max_tasks=20_000)
    assert cut.share < 0.001
    assert abs(cut.against_closed_form) < 0.01


def test_names() -> None:
    assert {"bert", "t5", "trxl", "xlm"} <= {*list_names("models")}
    assert {"fusemax", "flat-cloud", "flat-edge"} <= {*list_names("devices")}
    assert list_names("mappings") == ("unfused", "flat", "cascade", "fusemax-serial", "fusemax")
    with pytest.raises(UnknownNameError) as refused:
        list_names("device")  # type: ignore[arg-type]
    assert str(refused.value) == (
        "no kind of name named 'device'. Did you mean 'devices'? Known: devices, mappings, models."
    )


def test_workloads_are_resolved_to_model_shape_and_name() -> None:
    model, shape, name = resolve_workload("bert", 2048, {"keys": 1000})
    assert model is load_model("bert")
    assert (shape.queries, shape.keys, name) == (2048, 1000, "bert 2K queries, 1000 keys")
    none, shape, name = resolve_workload(SHAPE, None, {"heads": 2})
    assert none is None
    assert name == shape.label == "B1 H2 P1K M1K E64 F64"
