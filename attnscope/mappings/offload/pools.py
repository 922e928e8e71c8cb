"""Devices of a pool: any GPU of the simulator, or an accelerator of which only peaks and capacity are known."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from attnscope.errors import SpecError, UnknownNameError
from attnscope.mappings.gpu.decode_constants import decode_constants, split_rule
from attnscope.mappings.gpu.decode_splits import tile_keys
from attnscope.mappings.gpu.pipes import MEMORY_EXPONENT
from attnscope.mappings.offload.linear import layer_starts_s, linear_file
from attnscope.mappings.offload.numbers import PoolNumbers
from attnscope.simulator.device import list_devices, load_device
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, packaged, read_toml, validate

Fidelity = Literal["kernels", "roofline"]
FIDELITIES: tuple[Fidelity, ...] = ("kernels", "roofline")

KERNELS_PER_LAYER = 8  # of an accelerator that is no GPU: four matrix products and four others
_DTYPES = {4: "tf32", 2: "bf16", 1: "e4m3"}
_PACKAGE, _FOLDER = "attnscope.mappings.offload", "accelerators"


class Accelerator(Frozen):
    """A device known by its peaks; the fractions say how much of them kernels reach.

    Attributes:
        flops_per_s: dense, at two bytes per element.
        bandwidth_bytes_per_s, capacity_bytes: of its memory.
        flops_fraction, bandwidth_fraction: what large kernels reach of the peaks.
        launch_s: from one kernel to the next.
    """

    name: str
    summary: str
    flops_per_s: float = Field(gt=0)
    bandwidth_bytes_per_s: float = Field(gt=0)
    capacity_bytes: float = Field(gt=0)
    flops_fraction: float = Field(default=0.8, gt=0, le=1)
    bandwidth_fraction: float = Field(default=0.9, gt=0, le=1)
    launch_s: float = Field(default=2e-6, ge=0)
    sources: dict[str, str]


PoolDevice = GpuDevice | Accelerator


def list_pool_devices() -> tuple[str, ...]:
    """Return the names of all devices that can form a pool."""
    return tuple(sorted({*list_devices("gpu"), *packaged(_PACKAGE, _FOLDER)}))


@cache
def load_pool_device(name: str) -> PoolDevice:
    """Return a GPU or an accelerator by name, or the one in a user's TOML file.

    Raises:
        UnknownNameError: no such device; suggests the nearest.
        SpecError: the file breaks its schema.
    """
    if name.endswith(".toml"):
        table = read_toml(Path(name))
        if "family" not in table and "extends" not in table:
            return validate(Accelerator, {"name": Path(name).stem, **table}, name)
        return _gpu(name)
    if name.casefold() in packaged(_PACKAGE, _FOLDER):
        with resources.as_file(resources.files(_PACKAGE) / _FOLDER / f"{name.casefold()}.toml") as path:
            return validate(Accelerator, {"name": path.stem, **read_toml(path)}, f"device {name}")
    if name.casefold() not in list_pool_devices():
        raise UnknownNameError("device for a pool", name, list_pool_devices())
    return _gpu(name)


def _gpu(name: str) -> GpuDevice:
    device = load_device(name)
    if not isinstance(device, GpuDevice):
        raise SpecError(
            f"device {name}: is of the family {device.family!r}; a pool needs {', '.join(list_pool_devices())}."
        )
    return device


def capacity_bytes(device: PoolDevice) -> float:
    """Memory of one device [bytes]."""
    return float(device.dram.capacity_bytes if isinstance(device, GpuDevice) else device.capacity_bytes)


def peak_bandwidth(device: PoolDevice) -> float:
    """Datasheet bandwidth of one device [bytes/s]."""
    return device.dram.bandwidth_bytes_per_s if isinstance(device, GpuDevice) else device.bandwidth_bytes_per_s


def peak_flops(device: PoolDevice, element_bytes: int = 2) -> float:
    """Datasheet rate of matrix products of one device [FLOP/s]."""
    if isinstance(device, GpuDevice):
        return device.tensor_flops_per_s(_DTYPES.get(element_bytes, "bf16"))
    return device.flops_per_s


def pool_numbers(
    device: PoolDevice, price: float, fidelity: Fidelity, element_bytes: int = 2, head_dim: int = 128
) -> PoolNumbers:
    """Return the figures of one device: peaks alone for a `roofline`, what kernels reach otherwise.

    Raises:
        UnknownNameError: no such fidelity.
    """
    if fidelity not in FIDELITIES:
        raise UnknownNameError("fidelity", fidelity, FIDELITIES)
    flops, bandwidth = peak_flops(device, element_bytes), peak_bandwidth(device)
    room = capacity_bytes(device)
    if fidelity == "roofline":
        return PoolNumbers(flops, bandwidth, bandwidth, 0.0, room, price, 0.0, 0.0, 0.0, 0.0, 0.0, False, 128.0, 0.0)
    if isinstance(device, Accelerator):
        reached = bandwidth * device.bandwidth_fraction
        flops *= device.flops_fraction
        launches = KERNELS_PER_LAYER * device.launch_s
        return PoolNumbers(
            flops,
            reached,
            reached,
            MEMORY_EXPONENT,
            room,
            price,
            0.0,
            0.0,
            device.launch_s,
            0.0,
            0.0,
            False,
            128.0,
            launches,
        )
    return _gpu_numbers(device, price, element_bytes, head_dim)


def _gpu_numbers(device: GpuDevice, price: float, element_bytes: int, head_dim: int) -> PoolNumbers:
    fitted, rule = decode_constants(device), split_rule(device)
    return PoolNumbers(
        flops_per_s=device.tensor_flops_per_s(_DTYPES.get(element_bytes, "bf16"), "sustained"),
        linear_bytes_per_s=linear_file().bandwidth_share * device.dram_bytes_per_s,
        attention_bytes_per_s=device.dram_bytes_per_s,
        overlap_exponent=MEMORY_EXPONENT,
        capacity_bytes=float(device.dram.capacity_bytes),
        price_per_hour=price,
        n_sms=float(device.n_sms),
        launch_s=fitted.launch_s,
        merge_launch_s=device.launch.graph_s,
        cta_s=fitted.cta_s,
        tile_s=fitted.tile_s,
        is_fa2=rule == "fa2",
        keys_per_tile=float(tile_keys(rule, head_dim)),
        layer_launches_s=layer_starts_s(device),
    )
