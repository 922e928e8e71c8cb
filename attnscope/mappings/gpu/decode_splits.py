"""How many pieces a decode kernel cuts the context into: the rules of the public FlashAttention kernels, as code.

Pure functions of numbers, without numpy, so that sweeps can compile them.
"""

import math

SPLIT_RULES = {"sm_80": "fa2", "sm_86": "fa2", "sm_89": "fa2", "sm_90": "fa3", "sm_100": "fa3", "sm_120": "fa2"}
ENOUGH = 0.8  # no split where CTAs fill this share of the slots
NEAR_BEST = 0.85  # the fewest splits whose wave efficiency is within this share of the best
MOST = 128
FA3_SHORT = 4  # FlashAttention-3 never splits contexts of up to four tiles
TILE_ROWS = 64  # query rows of a decode tile; the heads that share K and V fill them


def tile_keys(rule: str, head_dim: int) -> int:
    """Keys per tile: FlashAttention-2's split-KV kernels take 256, 128 or 64 by head dim, FlashAttention-3 128."""
    if rule == "fa2":
        return 256 if head_dim <= 64 else 128 if head_dim <= 128 else 64
    return 128


def wave_efficiency(ctas: float, slots: float) -> float:
    """Share of the slots at work over all waves (section "wave quantisation" of any GPU guide)."""
    waves = ctas / slots
    return waves / math.ceil(waves)


def fa2_splits(units: float, tiles: float, n_sms: float, group: float) -> int:
    """Splits of FlashAttention-2's variable-length decode kernel (flash_api.cpp, num_splits_heuristic).

    Args:
        units: CTAs without a split (sequences x KV heads x row tiles).
        tiles: KV tiles of the longest context.
        n_sms: SMs; the rule counts two slots on each.
        group: query heads per KV head; the kernel splits only where heads share K and V.
    """
    slots = 2.0 * n_sms
    if group <= 1 or units >= ENOUGH * slots:
        return 1
    most = int(min(MOST, slots, tiles))
    best = 0.0
    for s in range(1, most + 1):
        if s == 1 or math.ceil(tiles / s) != math.ceil(tiles / (s - 1)):
            best = max(best, wave_efficiency(units * s, slots))
    for s in range(1, most + 1):
        if s > 1 and math.ceil(tiles / s) == math.ceil(tiles / (s - 1)):
            continue
        if wave_efficiency(units * s, slots) >= NEAR_BEST * best:
            return s
    return 1


def fa3_splits(units: float, tiles: float, n_sms: float) -> int:
    """Splits of FlashAttention-3's decode kernel (hopper/heuristics.h, num_splits_heuristic): one slot per SM."""
    if units >= ENOUGH * n_sms or tiles <= FA3_SHORT:
        return 1
    most = int(min(MOST, n_sms, tiles))
    best = 0.0
    for s in range(1, most + 1):
        best = max(best, wave_efficiency(units * s, n_sms))
    for s in range(1, most + 1):
        if wave_efficiency(units * s, n_sms) >= NEAR_BEST * best:
            return s
    return 1


def granted_splits(batch: float, tiles: float, pieces: int) -> int:
    """Splits where a library grants `pieces` to a whole batch (vLLM 0.14 on Hopper: 32); short contexts stay whole."""
    return 1 if tiles <= FA3_SHORT else int(max(1, min(pieces // batch, tiles)))


def n_splits(is_fa2: bool, units: float, tiles: float, n_sms: float, group: float) -> int:
    """Splits by the rule of the kernel family."""
    if is_fa2:
        return fa2_splits(units, tiles, n_sms, group)
    return fa3_splits(units, tiles, n_sms)
