"""GPUs: streaming multiprocessors with tensor, exponential, ALU and shared-memory pipes, an L2 cache and DRAM."""

from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from attnscope.errors import UnknownNameError
from attnscope.specs import Frozen

PowerState = Literal["burst", "sustained"]


class GpuClock(Frozen):
    """Clock at which the datasheet rates hold, and the highest the GPU reaches."""

    frequency_hz: float = Field(gt=0)
    boost_hz: float = Field(gt=0)


class Tensor(Frozen):
    """Dense tensor-core rates.

    `sustained_fraction` is the share of the datasheet rate that a matrix product on random data holds once the power
    limit binds (seconds of work); `mma_sync_fraction` the share that warp-level ``mma.sync`` reaches.
    """

    flops_per_s: dict[str, float]
    sustained_fraction: float = Field(gt=0, le=1)
    mma_sync_fraction: float = Field(gt=0, le=1)


class Sm(Frozen):
    """One streaming multiprocessor: lanes and bytes per clock, and what its residents share."""

    fp32_per_clock: int = Field(gt=0)
    int32_per_clock: int = Field(gt=0)
    exp_per_clock: int = Field(gt=0)
    shared_bytes_per_clock: int = Field(gt=0)
    shared_capacity_bytes: int = Field(gt=0)
    shared_per_cta_bytes: int = Field(gt=0)
    shared_reserved_bytes: int = Field(ge=0)
    registers: int = Field(gt=0)
    warps: int = Field(gt=0)
    ctas: int = Field(gt=0)


class Cache(Frozen):
    """The L2 cache."""

    capacity_bytes: int = Field(gt=0)
    bandwidth_bytes_per_s: float = Field(gt=0)


class GpuMemory(Frozen):
    """DRAM; `achievable_fraction` of the datasheet bandwidth is the most a kernel gets."""

    capacity_bytes: int = Field(gt=0)
    bandwidth_bytes_per_s: float = Field(gt=0)
    achievable_fraction: float = Field(gt=0, le=1)


class Launch(Frozen):
    """Time from one kernel to the next, node to node in a graph and through a stream."""

    graph_s: float = Field(ge=0)
    stream_s: float = Field(ge=0)


class Power(Frozen):
    """Board power and energy per operation; the latter are planning figures, see `sources`."""

    limit_w: float = Field(gt=0)
    idle_w: float = Field(gt=0)
    tensor_pj_per_flop: float = Field(ge=0)
    alu_pj_per_op: float = Field(ge=0)
    l2_pj_per_byte: float = Field(ge=0)
    dram_pj_per_byte: float = Field(ge=0)


class GpuDevice(Frozen):
    """A GPU. `sources` names, by path prefix, where its figures come from."""

    name: str
    family: Literal["gpu"]
    summary: str
    architecture: str = Field(pattern=r"^sm_\d+$")
    n_sms: int = Field(gt=0)
    clock: GpuClock
    tensor: Tensor
    sm: Sm
    l2: Cache
    dram: GpuMemory
    launch: Launch
    power: Power
    sources: dict[str, str]

    @model_validator(mode="after")
    def _every_figure_has_a_source(self) -> "GpuDevice":
        parts = ("n_sms", "clock", "tensor", "sm", "l2", "dram", "launch", "power")
        missing = [p for p in parts if not any(s == p or s.startswith(f"{p}.") for s in self.sources)]
        if missing:
            raise ValueError(f"no source is given for {', '.join(missing)}. Add a line to [sources].")
        return self

    @cached_property
    def sm_version(self) -> int:
        """Compute capability times ten: 90 for sm_90."""
        return int(self.architecture.removeprefix("sm_"))

    @property
    def dram_bytes_per_s(self) -> float:
        """Most DRAM bandwidth a kernel gets [bytes/s]."""
        return self.dram.bandwidth_bytes_per_s * self.dram.achievable_fraction

    def tensor_flops_per_s(self, dtype: str, state: PowerState = "burst") -> float:
        """Tensor-core rate for `dtype`, all SMs: the datasheet's in a burst, the power-limited one when sustained.

        Raises:
            UnknownNameError: the GPU has no tensor rate for `dtype`; lists those it has.
        """
        rate = self.tensor.flops_per_s.get(dtype)
        if rate is None:
            raise UnknownNameError("tensor-core data type", dtype, self.tensor.flops_per_s, f"device {self.name}")
        return rate * (self.tensor.sustained_fraction if state == "sustained" else 1.0)
