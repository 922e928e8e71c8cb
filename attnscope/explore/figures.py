"""Figures of a design point: what the model gives, and what follows from it."""

from attnscope.explore.expressions import Expression
from attnscope.mappings.spatial.batch_trace import METRICS

# Each is an expression over the figures before it.
FOLLOWING = {
    "edp_js": "energy_j * latency_s",
    "power_w": "energy_j / latency_s",
    "latency_area_s_mm2": "latency_s * area_mm2",
}
FIGURES = (*METRICS, *FOLLOWING)
FOLLOWING_EXPRESSIONS = {name: Expression(text, "figure") for name, text in FOLLOWING.items()}
