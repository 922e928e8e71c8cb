"""Rotational staggered pipelining (Lamina, arXiv 2405.01814 v2): n batches, n - 1 replicas, one memory pool.

At the ideal point, where attention takes ``t_m / (n - 1)``, no resource idles and no two batches meet.
"""

from attnscope.errors import UsageError


def replica_of(batch: int, piece: int, batches: int) -> int:
    """Replica, from 0, that runs slice `piece` of `batch`: ``(j + k) mod (n - 1)``.

    Raises:
        UsageError: less than two batches.
    """
    _at_least_two(batches)
    return (batch + piece) % (batches - 1)


def ideal_attention_s(model_s: float, batches: int) -> float:
    """Attention time at which both pools are busy all the time: ``t_m / (n - 1)``."""
    _at_least_two(batches)
    return model_s / (batches - 1)


def slice_start_s(batch: int, piece: int, model_s: float, batches: int) -> float:
    """When slice `piece` of `batch` starts at the ideal point: ``j t_a + k (t_m + t_a)``."""
    attention_s = ideal_attention_s(model_s, batches)
    return batch * attention_s + piece * (model_s + attention_s)


def ideal_step_s(layers: int, model_s: float, batches: int) -> float:
    """Time between tokens at the ideal point: ``L t_m n / (n - 1)``."""
    return layers * model_s * batches / (batches - 1)


def _at_least_two(batches: int) -> None:
    if batches < 2:
        raise UsageError(f"rotational schedule: {batches} batches in flight; it needs at least 2. Nearest: 2.")
