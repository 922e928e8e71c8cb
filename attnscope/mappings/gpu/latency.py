"""Time of a kernel descriptor on a GPU: counts over rates, pipe by pipe, combined by `pipes`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from attnscope.mappings.gpu import pipes
from attnscope.mappings.gpu.constants import Constants, constants_for
from attnscope.mappings.gpu.descriptor import Descriptor, IterationCounts, LaunchCounts
from attnscope.simulator.gpu_device import GpuDevice, PowerState

BURST_S = 10e-3  # after idling, a GPU holds its burst clocks for about ten milliseconds before the power limit binds


PARTS = ("tiles", "mask", "fixed", "tail", "memory", "copies", "launch")


@dataclass(frozen=True)
class LaunchTime:
    """Time of one launch [s] and of its parts; numbers, or arrays where the counts were arrays.

    Attributes:
        total_s: the launch from start to end.
        pipes_s: busy time of each pipe, averaged over the SMs: tensor, exp, alu, mask, shared, l2, dram.
        parts_s: the total as a sum: tiles, mask, fixed (clocks of each CTA outside its iterations), tail (idle SMs),
            memory (what L2 and DRAM add), copies, launch.
        waves: CTAs over the slots of all SMs.
        dram_bytes: bytes from and to DRAM, K and V read again included.
    """

    name: str
    total_s: Any
    pipes_s: dict[str, Any]
    parts_s: dict[str, Any]
    waves: Any
    dram_bytes: Any


@dataclass(frozen=True)
class KernelTime:
    """Time of a descriptor: its launches one after the other."""

    launches: tuple[LaunchTime, ...]

    @property
    def total_s(self) -> Any:
        """All launches [s]."""
        return sum(x.total_s for x in self.launches)

    def part(self, *prefixes: str) -> Any:
        """Time of the launches whose names start with one of the prefixes [s]."""
        return sum(x.total_s for x in self.launches if x.name.startswith(prefixes))

    @property
    def copies_s(self) -> Any:
        """Padding and token permutation [s]."""
        return self.part("pad", "permute")

    def parts_s(self) -> dict[str, Any]:
        """The total as a sum of named parts [s]."""
        return {n: sum(x.parts_s[n] for x in self.launches) for n in PARTS}

    def busy_s(self) -> dict[str, float]:
        """Busy time of each pipe over all launches [s]."""
        names = self.launches[0].pipes_s
        return {n: float(sum(x.pipes_s[n] for x in self.launches)) for n in names}


def power_state(busy_s: float) -> PowerState:
    """State of a GPU that has been at work for `busy_s` since it idled."""
    return "burst" if busy_s <= BURST_S else "sustained"


def predict(
    descriptor: Descriptor, device: GpuDevice, state: PowerState = "sustained", constants: Constants | None = None
) -> KernelTime:
    """Time of every launch of `descriptor` on `device`, launched through a stream.

    Args:
        descriptor: what is done.
        device: on which GPU.
        state: "burst" for the first ten milliseconds of work after idling, "sustained" under the power limit.
        constants: fitted constants; those of the device's architecture by default.
    """
    fitted = constants or constants_for(device)
    library = descriptor.name.startswith("library")
    return KernelTime(tuple(launch_time(x, device, fitted, state, library=library) for x in descriptor.launches))


def launch_time(
    launch: LaunchCounts, device: GpuDevice, fitted: Constants, state: PowerState, *, library: bool = False
) -> LaunchTime:
    """Time of one launch; see `pipes` for the equations."""
    if launch.copied_bytes:
        return _copy_time(launch, device, fitted)
    plain, masked = (iteration_s(launch, device, fitted, state, masked=m, library=library) for m in (False, True))
    once = fitted.cta_cycles[launch.instruction] / device.clock.frequency_hz
    visits, flagged = launch.iterations, launch.masked_iterations
    residents = np.minimum(launch.residents, np.ceil(launch.n_ctas / device.n_sms))
    parts = {
        "tiles": visits * plain / device.n_sms,
        "mask": flagged * (masked - plain) / device.n_sms,
        "fixed": launch.n_ctas * once / residents / device.n_sms,
    }
    worst = (launch.worst_iterations - launch.worst_masked) * plain + launch.worst_masked * masked + once / residents
    even_s = sum(parts.values())
    sm_s = pipes.makespan(launch.n_ctas, device.n_sms, launch.residents, even_s * device.n_sms, worst)
    l2_bytes = visits * launch.iteration.l2_bytes + launch.l2_bytes
    dram_bytes = launch.dram_bytes + _kv_bytes(launch, device)
    l2_s, dram_s = l2_bytes / device.l2.bandwidth_bytes_per_s, dram_bytes / device.dram_bytes_per_s
    total = pipes.kernel_time(sm_s, l2_s, dram_s, device.launch.stream_s)
    outside = {"memory": total - device.launch.stream_s - sm_s, "copies": 0.0, "launch": device.launch.stream_s}
    return LaunchTime(
        launch.name,
        total,
        {**_busy(launch, device, fitted, state), "l2": l2_s, "dram": dram_s},
        {**parts, "tail": sm_s - even_s, **outside},
        launch.n_ctas / (device.n_sms * launch.residents),
        dram_bytes,
    )


def iteration_s(
    launch: LaunchCounts,
    device: GpuDevice,
    fitted: Constants,
    state: PowerState,
    *,
    masked: bool,
    library: bool = False,
) -> float:
    """SM time of one iteration [s].

    Under the power limit a kernel of the project's or NATTEN's kind loses tensor rate; a library kernel, which runs
    nearest to the limit, slows down as a whole.
    """
    pipe = pipe_times(launch.iteration, launch, device, fitted, "burst" if library else state)
    exponent = fitted.overlap_exponent if launch.pipelined else 1.0
    alu = pipe["alu"] + (pipe["mask"] if masked else 0.0)
    time = float(pipes.overlapped(exponent, pipe["tensor"], pipe["exp"], alu, pipe["shared"]))
    if not library:
        return time
    return time * fitted.library_factor / (device.tensor.sustained_fraction if state == "sustained" else 1.0)


def pipe_times(
    work: IterationCounts, launch: LaunchCounts, device: GpuDevice, fitted: Constants, state: PowerState
) -> dict[str, Any]:
    """Time of one iteration on each pipe of one SM [s]: counts over rates."""
    clock, sm = device.clock.frequency_hz, device.sm
    tensor_s = 0.0
    if np.any(work.tensor_flops):
        share = device.tensor.mma_sync_fraction if launch.instruction == "mma_sync" else 1.0
        tensor_s = work.tensor_flops * device.n_sms / (device.tensor_flops_per_s(launch.dtype, state) * share)
    return {
        "tensor": tensor_s,
        "exp": work.exps / (sm.exp_per_clock * clock),
        "alu": work.fp32_ops / (sm.fp32_per_clock * clock) + work.int_ops / (sm.int32_per_clock * clock),
        "mask": fitted.mask_factor * work.mask_ops / (sm.int32_per_clock * clock),
        "shared": work.shared_bytes / (sm.shared_bytes_per_clock * clock),
    }


def _busy(launch: LaunchCounts, device: GpuDevice, fitted: Constants, state: PowerState) -> dict[str, Any]:
    pipe = pipe_times(launch.iteration, launch, device, fitted, state)
    per_sm = {name: launch.iterations * s / device.n_sms for name, s in pipe.items()}
    return per_sm | {"mask": launch.masked_iterations * pipe["mask"] / device.n_sms}


def _kv_bytes(launch: LaunchCounts, device: GpuDevice) -> Any:
    if not launch.kv_bytes_per_head:
        return 0.0
    slots = float(device.n_sms * launch.residents)
    share = launch.window_share
    tiles = launch.tiles_per_head
    return pipes.kv_dram_bytes(launch.kv_bytes_per_head, launch.n_heads, tiles, slots, share, device.l2.capacity_bytes)


def _copy_time(launch: LaunchCounts, device: GpuDevice, fitted: Constants) -> LaunchTime:
    """A copy runs at DRAM speed; a re-layout also at the rate at which SMs gather short rows."""
    dram_s = launch.copied_bytes / device.dram_bytes_per_s
    gather = fitted.permute_bytes_per_clock * device.n_sms * device.clock.frequency_hz
    sm_s = launch.copied_bytes / gather if launch.dtype == "permute" else 0.0
    busy = dict.fromkeys(("tensor", "exp", "alu", "mask"), 0.0) | {"shared": sm_s, "l2": 0.0, "dram": dram_s}
    copy_s = max(sm_s, dram_s)
    parts = dict.fromkeys(PARTS, 0.0) | {"copies": copy_s, "launch": device.launch.stream_s}
    return LaunchTime(launch.name, copy_s + device.launch.stream_s, busy, parts, 1.0, launch.copied_bytes)
