"""Published mixtures of masks, by head or by layer."""

from attnscope.errors import UsageError
from attnscope.workloads.visibility.masks.causal import Causal
from attnscope.workloads.visibility.masks.mixture import Mixture
from attnscope.workloads.visibility.masks.shifted_groups import ShiftedGroups
from attnscope.workloads.visibility.masks.shifted_windows import ShiftedWindows
from attnscope.workloads.visibility.masks.streaming import Streaming
from attnscope.workloads.visibility.masks.strided_groups import Grid, StridedGroups
from attnscope.workloads.visibility.registry import register


@register("duo", "DuoAttention, arXiv 2410.10819")
def duo_attention(
    n_queries: int, n_keys: int, n_heads: int, full_fraction: float = 0.5, window: int = 256, n_sinks: int = 64
) -> Mixture:
    """Retrieval heads see all earlier keys, streaming heads only sinks and recent keys.

    Args:
        n_queries: number of queries.
        n_keys: number of keys; 0 for as many as queries.
        n_heads: heads of the layer (KV heads where heads share them).
        full_fraction: share of retrieval heads, rounded to whole heads; 0.25 (MHA) and 0.5 (GQA) in the paper.
        window: recent keys of a streaming head.
        n_sinks: first keys of a streaming head.

    Raises:
        UsageError: a share outside [0, 1] or an illegal length.
    """
    if not 0 <= full_fraction <= 1:
        raise UsageError(f"full_fraction {full_fraction} is not in [0, 1]; nearest: {min(max(full_fraction, 0), 1)}.")
    n_full = round(n_heads * full_fraction)
    kinds = (n_full, Causal(n_queries, n_keys)), (n_heads - n_full, Streaming(n_queries, n_keys, window, n_sinks))
    return Mixture(tuple((n, mask) for n, mask in kinds if n))


@register("s2", "LongLoRA, arXiv 2309.12307; SinkLoRA, arXiv 2406.05678 (sinks)")
def shifted_sparse_attention(n_queries: int, group: int, n_heads: int = 2, n_sinks: int = 0) -> Mixture:
    """Half of the heads attend inside groups, the other half inside groups shifted by half a group (causal)."""
    halves = n_heads - n_heads // 2, n_heads // 2
    kinds = [ShiftedGroups(n_queries, 0, group, shift, n_sinks=n_sinks) for shift in (0, group // 2)]
    return Mixture(tuple((n, mask) for n, mask in zip(halves, kinds, strict=True) if n))


@register("swin", "Swin Transformer, arXiv 2103.14030")
def swin(layout: tuple[int, ...], window: tuple[int, ...]) -> Mixture:
    """A layer of plain windows and a layer of windows shifted by half a window."""
    plain = ShiftedWindows(layout, window)
    return Mixture(((1, plain), (1, ShiftedWindows(layout, window, tuple(w // 2 for w in plain.window)))))


@register("maxvit", "MaxViT, arXiv 2204.01697")
def maxvit(layout: tuple[int, ...], window: tuple[int, ...], grid: tuple[int, ...]) -> Mixture:
    """A layer of block attention and a layer of grid attention."""
    return Mixture(((1, ShiftedWindows(layout, window)), (1, Grid(layout, grid))))


@register("crossformer", "CrossFormer, arXiv 2108.00154")
def crossformer(layout: tuple[int, ...], group: tuple[int, ...], interval: tuple[int, ...]) -> Mixture:
    """A layer of short-distance attention in groups and a layer of long-distance attention at an interval."""
    return Mixture(((1, ShiftedWindows(layout, group)), (1, StridedGroups(layout, interval))))


@register("masformer", "Efficient Long-Range Transformers: You Need to Attend More, but Not Necessarily at Every Layer")
def masformer(n_queries: int, n_layers: int, n_full_layers: int, block: int) -> Mixture:
    """A few layers with full causal attention, the others inside blocks (causal)."""
    kinds = (n_full_layers, Causal(n_queries)), (n_layers - n_full_layers, ShiftedGroups(n_queries, 0, block))
    return Mixture(tuple((n, mask) for n, mask in kinds if n))
