"""The formulas of offloading, compiled: numba makes the very functions of `formulas` callable from compiled loops."""

import hashlib
import inspect

from numba.extending import register_jitable

from attnscope.mappings.gpu import decode_splits, decode_time, pipes
from attnscope.mappings.offload import formulas

_MODULES = (pipes, decode_splits, decode_time, formulas)
_NEEDED = {
    pipes: ("makespan",),
    decode_splits: ("wave_efficiency", "fa2_splits", "fa3_splits", "n_splits"),
    decode_time: ("tile_time_s", "merge_bytes", "split_parts"),
    formulas: (
        "kv_token_bytes",
        "query_bytes",
        "new_kv_bytes",
        "output_bytes",
        "residual_bytes",
        "product_s",
        "linear_layer_s",
        "all_reduce_s",
        "model_slice_s",
        "attention_layer_s",
        "wire_s",
        "serial_chain_s",
        "early_chain_s",
        "period_s",
        "terms",
    ),
}
for _module, _names in _NEEDED.items():
    for _name in _names:
        register_jitable(getattr(_module, _name))


def stamp() -> str:
    """Return a digest of the formulas' text.

    Numba's cache on disk watches the file of a compiled function only; a function that closes over this stamp is
    compiled anew when a formula it calls has changed.
    """
    text = "".join(inspect.getsource(module) for module in _MODULES)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
