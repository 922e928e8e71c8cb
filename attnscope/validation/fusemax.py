"""The FuseMax study, row by row: latency, traffic, utilisation, energy, end to end, sizes, areas, pass counts."""

from collections.abc import Iterator

from attnscope.api import estimate
from attnscope.einsum_cascade import analyse_passes, load
from attnscope.mappings.spatial import evaluate_gemm
from attnscope.simulator.device import spatial_device
from attnscope.units import format_length
from attnscope.validation.report import Report, Row, facts
from attnscope.validation.study import Study, fusemax_study
from attnscope.workloads.models import load_model

_TIGHT, _SEARCHED, _ENERGY, _MEAN, _AREA = 0.005, 0.01, 0.03, 0.02, 0.005

# Headline means of the paper's abstract and conclusion, with the digits of its artefact (arithmetic over 24 cases).
_HEADLINES = {
    ("attention", "flat", "speedup"): 6.7226,
    ("attention", "flat", "energy"): 0.7875,
    ("attention", "unfused", "speedup"): 10.0520,
    ("attention", "unfused", "energy"): 0.7674,
    ("block", "flat", "speedup"): 5.3017,
    ("block", "flat", "energy"): 0.8335,
    ("block", "unfused", "speedup"): 7.6021,
    ("block", "unfused", "energy"): 0.8210,
}
_GEOMETRIC_SPEEDUP = 6.4625

# Passes over a rank that the paper states (sections III and IV) for its cascades.
_PASSES = (
    ("cascade-1", "K", "A", 2),
    ("cascade-2", "K", "A", 1),
    ("cascade-3", "K", "A", 1),
    ("attention-3pass", "M", "K", 3),
    ("attention-3pass", "M", "V", 1),
    ("attention-2pass", "M", "K", 2),
    ("attention-1pass", "M", "K", 1),
)

_NOTES = (
    "energy in the 'published' accounting: registers of one PE only, no exponentials of the cascade on FLAT hardware",
    "rows marked 'wrapped' hold spurious buffer reads of the tool that produced them; they inform and are not judged",
    "unfused: an exact search over the operand of each product that stays in the buffer, and in blocks of which height",
    "unfused: the published mapping came from a search that stops short of the optimum above 64K",
    "means: arithmetic over 4 models x 6 lengths, as the study prints them; the geometric mean stands beside the first",
)


def validate_fusemax() -> Report:
    """Return the report of every figure of the study that is on record here."""
    study = fusemax_study("published")
    rows = [*_layers(study), *_linear(), *_means(study), *_sizes(), *_areas(), *_passes()]
    return Report("fusemax", tuple(rows), _NOTES)


def _layers(study: Study) -> Iterator[Row]:
    for fact in facts("fusemax_layers.csv"):
        mapping, model, length = fact["mapping"], fact["model"], int(fact["seq_len"])
        case = f"{mapping} {model} {format_length(length)}"
        tight = _SEARCHED if mapping == "unfused" else _TIGHT
        wrapped = fact["wrapped"] == "yes"
        attention, block = study.get(mapping, model, length), study.get(mapping, model, length, "block")
        ours = {
            "attention_latency_s": attention.latency_s,
            "attention_dram_bytes": attention.bytes["dram"],
            "utilization_array_2d": attention.utilization["array_2d"],
            "utilization_array_1d": attention.utilization["array_1d"],
            "block_latency_s": block.latency_s,
        }
        for quantity, value in ours.items():
            yield Row(case, quantity, float(fact[quantity]), value, tight)
        for quantity, found in (("attention_energy_j", attention), ("block_energy_j", block)):
            label = f"{quantity} (wrapped)" if wrapped else quantity
            yield Row(case, label, float(fact[quantity]), found.energy_j, None if wrapped else _ENERGY)


def _linear() -> Iterator[Row]:
    for fact in facts("fusemax_linear.csv"):
        model, device = load_model(fact["model"]), spatial_device(fact["device"])
        gemms = [
            evaluate_gemm(gemm, device, "published")
            for gemm in model.linear_layers(model.attention(int(fact["seq_len"])))
        ]
        case = f"{fact['device']} {model.name} {format_length(int(fact['seq_len']))}"
        yield Row(case, "linear_latency_s", float(fact["latency_s"]), sum(g.latency_s for g in gemms), _TIGHT)
        yield Row(case, "linear_dram_bytes", float(fact["dram_bytes"]), sum(g.bytes["dram"] for g in gemms), _TIGHT)
        yield Row(case, "linear_energy_j", float(fact["energy_j"]), sum(g.energy_j for g in gemms), _ENERGY)


def _means(study: Study) -> Iterator[Row]:
    for mean in study.means:
        published = _HEADLINES[mean.layers, mean.baseline, mean.quantity]
        case = f"fusemax over {mean.baseline}, {mean.layers}"
        yield Row(case, f"mean {mean.quantity}", published, mean.arithmetic, _MEAN)
    attention = study.mean("speedup", "fusemax", "flat")
    yield Row("fusemax over flat, attention", "geometric mean speedup", _GEOMETRIC_SPEEDUP, attention.geometric, _MEAN)


def _sizes() -> Iterator[Row]:
    for fact in facts("fusemax_sizes.csv"):
        device = f"fusemax-{fact['side']}"
        found = estimate(fact["model"], device=device, mapping="fusemax", seq_len=2**18)
        case = f"{device} {fact['model']} 256K"
        yield Row(case, "sized_latency_s", float(fact["latency_s"]), found.latency_s, _TIGHT)
        yield Row(case, "sized_dram_bytes", float(fact["dram_bytes"]), found.bytes["dram"], _TIGHT)
        yield Row(case, "sized_area_mm2", float(fact["area_mm2"]), spatial_device(device).area_mm2, _AREA)


def _areas() -> Iterator[Row]:
    flat, fusemax = spatial_device("flat-cloud").area_mm2, spatial_device("fusemax").area_mm2
    yield Row("flat-cloud", "area_mm2", 1391.819, flat, _AREA)
    yield Row("fusemax", "area_mm2", 1302.952, fusemax, _AREA)
    yield Row("fusemax below flat-cloud", "area saving", 0.064, 1 - fusemax / flat, 0.001, absolute=True)


def _passes() -> Iterator[Row]:
    for name, rank, tensor, published in _PASSES:
        ours = analyse_passes(load(name), rank).n_passes(tensor)
        yield Row(f"{name}, {tensor} over {rank}", "passes", published, ours, 0.0, absolute=True)
