"""Decode attention as a workload of a GPU kernel, and its latency: the device's figures put into `decode_time`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from attnscope.errors import UnknownNameError, UsageError
from attnscope.mappings.gpu.decode_constants import DecodeConstants, decode_constants, decode_file, split_rule
from attnscope.mappings.gpu.decode_partition import Partition, lean_partition, lean_tile_keys
from attnscope.mappings.gpu.decode_splits import TILE_ROWS, granted_splits, tile_keys
from attnscope.mappings.gpu.decode_time import resident_fraction, split_parts, stream_k_parts
from attnscope.simulator.gpu_device import GpuDevice

DecodeMapping = Literal["decode-splitkv", "stream-k", "flash"]
DECODE_MAPPINGS: tuple[DecodeMapping, ...] = ("decode-splitkv", "stream-k", "flash")


@dataclass(frozen=True)
class Decode:
    """One layer of decode attention: one query per sequence.

    Attributes:
        kv_heads: KV heads, `group` query heads each.
        score_width, value_width: of a key and a value. `element_bytes`: of one element.
        batch: sequences. `context`: keys per sequence on average, `longest` at most.
        contexts: keys of each sequence; empty where all are equal.
    """

    kv_heads: int
    group: int
    score_width: int
    value_width: int
    element_bytes: int
    batch: int
    context: float
    longest: int
    contexts: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, kv_heads: int, group: int, widths: tuple[int, int], element_bytes: int, contexts: Sequence[int]
    ) -> "Decode":
        """Decode attention over sequences of the given lengths.

        Raises:
            UsageError: no sequence, or a length below 1.
        """
        if not contexts:
            raise UsageError("decode: the batch is empty; give at least one context length.")
        if min(contexts) < 1:
            raise UsageError(f"decode: a context of {min(contexts)} keys; every sequence needs at least 1. Nearest: 1.")
        equal = min(contexts) == max(contexts)
        mean = sum(contexts) / len(contexts)
        return cls(
            kv_heads,
            group,
            *widths,
            element_bytes,
            len(contexts),
            mean,
            max(contexts),
            () if equal else tuple(contexts),
        )

    @property
    def lengths(self) -> tuple[int, ...]:
        """Keys of each sequence."""
        return self.contexts or (self.longest,) * self.batch

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in this layer."""
        return self.kv_heads * (self.score_width + self.value_width) * self.element_bytes

    @property
    def kv_bytes(self) -> float:
        """Bytes of K and V that are read."""
        return self.batch * self.context * self.token_bytes

    @property
    def flops(self) -> float:
        """FLOPs of both products over all keys."""
        width = self.score_width + self.value_width
        return 2.0 * self.batch * self.kv_heads * self.group * self.context * width


class DecodeTime(NamedTuple):
    """Parts of the latency [s], which add up to it, and what the kernel chose.

    `tail_s` is the time in which SMs idle in the last wave or wait for the longest piece.
    """

    launch_s: float
    tiles_s: float
    fixed_s: float
    tail_s: float
    operands_s: float
    merge_s: float
    splits: int
    ctas: int
    waves: float
    efficiency: float
    partition: Partition | None = None

    @property
    def parts_s(self) -> dict[str, float]:
        """The parts by name [s]."""
        return {name.removesuffix("_s"): getattr(self, name) for name in self._fields[:6]}

    @property
    def total_s(self) -> float:
        """The latency [s]."""
        return sum(self[:6])


def decode_time(
    work: Decode,
    device: GpuDevice,
    mapping: DecodeMapping = "decode-splitkv",
    *,
    splits: int = 0,
    warm: bool = False,
    constants: DecodeConstants | None = None,
) -> DecodeTime:
    """Return the time of one layer.

    Args:
        work: what is computed.
        device: on which GPU.
        mapping: `decode-splitkv` (FlashAttention's split-KV kernel and its rule), `flash` (never split) or `stream-k`.
        splits: pieces per context instead of the rule's choice.
        warm: K and V of the same layer were read just before, as in a benchmark's loop.
        constants: fitted constants; those of the device's architecture by default.

    Raises:
        UnknownNameError: no such mapping.
        UsageError: splits below 0, or given to a mapping that does not split.
    """
    if mapping not in DECODE_MAPPINGS:
        raise UnknownNameError("decode mapping", mapping, DECODE_MAPPINGS)
    if splits < 0 or (splits and mapping != "decode-splitkv"):
        raise UsageError(
            f"splits = {splits} for {mapping}: only decode-splitkv takes a number of splits, of at least 1; "
            "leave it out for the kernel's own choice."
        )
    fitted = constants or decode_constants(device)
    if mapping == "stream-k":
        return _stream_k(work, device, fitted, warm)
    return _split(work, device, fitted, 1 if mapping == "flash" else splits, warm)


def decode_latency_s(
    work: Decode, device: GpuDevice, constants: DecodeConstants, *, warm: bool = False, pieces: int = 0
) -> float:
    """Return the latency of the split-KV kernel with the given constants [s].

    `pieces` replaces the kernel's rule where its library grants so many pieces to a whole batch.
    """
    keys = tile_keys(split_rule(device), work.score_width)
    splits = granted_splits(work.batch, math.ceil(work.longest / keys), pieces) if pieces else 0
    return decode_time(work, device, splits=splits, warm=warm, constants=constants).total_s


def _rates(work: Decode, device: GpuDevice, warm: bool) -> tuple[float, float, float]:
    """Bandwidth of DRAM and of L2, and the share of K and V that L2 holds."""
    l2 = device.l2.bandwidth_bytes_per_s * decode_file().l2_fraction
    return device.dram_bytes_per_s, l2, resident_fraction(work.kv_bytes, device.l2.capacity_bytes, warm)


def _split(work: Decode, device: GpuDevice, fitted: DecodeConstants, splits: int, warm: bool) -> DecodeTime:
    rule = split_rule(device)
    keys = tile_keys(rule, work.score_width)
    *parts, pieces = split_parts(
        work.batch,
        work.kv_heads,
        work.group,
        work.context,
        work.longest,
        work.score_width,
        work.value_width,
        work.element_bytes,
        splits,
        rule == "fa2",
        keys,
        device.n_sms,
        *_rates(work, device, warm),
        fitted.launch_s,
        device.launch.graph_s,
        fitted.cta_s,
        fitted.tile_s,
    )
    ctas = work.batch * work.kv_heads * math.ceil(work.group / TILE_ROWS) * int(pieces)
    waves = ctas / device.n_sms
    launch, tiles, fixed, tail, operands, merge = parts
    return DecodeTime(launch, tiles, fixed, tail, operands, merge, int(pieces), ctas, waves, waves / math.ceil(waves))


def _stream_k(work: Decode, device: GpuDevice, fitted: DecodeConstants, warm: bool) -> DecodeTime:
    cut = lean_partition(device.n_sms, work.kv_heads, work.score_width, work.lengths)
    rows = float(work.batch * work.kv_heads * work.group)
    passed_on = sum(1 for _, _, first, _ in cut.pieces() if first > 0)
    parts = stream_k_parts(
        cut.total_tiles * math.ceil(work.group / TILE_ROWS),
        cut.grid,
        cut.max_tiles * math.ceil(work.group / TILE_ROWS),
        float(passed_on * work.group),
        rows,
        lean_tile_keys(work.score_width),
        work.score_width,
        work.value_width,
        work.element_bytes,
        device.n_sms,
        *_rates(work, device, warm),
        fitted.launch_s,
        fitted.cta_s,
        fitted.tile_s,
    )
    return DecodeTime(*parts, cut.n_splits, cut.grid, cut.grid / device.n_sms, cut.efficiency, cut)
