"""attnscope: what does this attention cost on that machine, why, and which mapping would be better?

>>> import attnscope
>>> fast = attnscope.estimate("bert", seq_len=65536, device="fusemax", mapping="fusemax")
>>> f"{fast.latency_s:.2f} s, limited by {fast.limiter}"
'7.40 s, limited by array_1d'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from attnscope.api import compare, estimate, timeline
    from attnscope.errors import AttnScopeError
    from attnscope.mappings.compare import Comparison
    from attnscope.mappings.gpu import advise, estimate_neighborhood
    from attnscope.simulator.estimate import Estimate
    from attnscope.validation.families import validate
    from attnscope.workloads.shape import AttentionShape

# Names load on first use, so that `import attnscope` and `attnscope --help` stay instant.
_HOMES = {
    "AttentionShape": "attnscope.workloads.shape",
    "AttnScopeError": "attnscope.errors",
    "Comparison": "attnscope.mappings.compare",
    "Estimate": "attnscope.simulator.estimate",
    "advise": "attnscope.mappings.gpu",
    "compare": "attnscope.api",
    "estimate": "attnscope.api",
    "estimate_neighborhood": "attnscope.mappings.gpu",
    "timeline": "attnscope.api",
    "validate": "attnscope.validation.families",
}

__all__ = [
    "AttentionShape",
    "AttnScopeError",
    "Comparison",
    "Estimate",
    "advise",
    "compare",
    "estimate",
    "estimate_neighborhood",
    "timeline",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(
            f"module 'attnscope' has no attribute {name!r}. Public names: {', '.join(sorted(_HOMES))}."
        )
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
