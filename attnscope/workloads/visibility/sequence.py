"""What masks over sequences share: checks of lengths, and where a query stands among the keys."""

from attnscope.errors import UsageError
from attnscope.workloads.visibility.base import SequenceMask
from attnscope.workloads.visibility.intervals import Int64


def check_lengths(mask: SequenceMask, *, causal: bool = False) -> None:
    """Refuse lengths below 1 and fill in `n_keys` 0 by `n_queries`.

    Raises:
        UsageError: a length below 1, or, for a causal mask, more queries than keys.
    """
    if mask.n_queries < 1:
        raise UsageError(f"n_queries {mask.n_queries}: must be >= 1; nearest legal value: 1.")
    if mask.n_keys < 0:
        raise UsageError(f"n_keys {mask.n_keys}: must be >= 1, or 0 for as many as queries; nearest legal value: 1.")
    object.__setattr__(mask, "n_keys", mask.n_keys or mask.n_queries)
    if causal and mask.n_queries > mask.n_keys:
        hidden = mask.n_queries - mask.n_keys
        raise UsageError(
            f"n_queries {mask.n_queries} > n_keys {mask.n_keys}: under a causal mask the first {hidden} queries would "
            f"see no key; nearest legal value: n_keys {mask.n_queries}."
        )


def check_least(mask: object, **least: int) -> None:
    """Refuse integer parameters below their least legal value.

    Raises:
        UsageError: naming the parameter and the nearest legal value.
    """
    for name, bound in least.items():
        value = getattr(mask, name)
        if value < bound:
            raise UsageError(f"{name} {value}: must be >= {bound}; nearest legal value: {bound}.")


def positions(mask: SequenceMask, queries: Int64) -> Int64:
    """Position of each query among the keys: the last query stands at the last key."""
    return queries + (mask.n_keys - mask.n_queries)
