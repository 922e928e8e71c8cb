"""What linear layers on a GPU cost beside arithmetic and bytes: data with sources."""

from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import Field

from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate

PRODUCTS = 4  # QKV, output, gate with up, down


class LinearFile(Frozen):
    """linear.toml.

    Attributes:
        bandwidth_share: of the bandwidth that decode attention reaches, what memory-bound matrix products reach.
        product_s: a matrix product of next to no size, by architecture.
        other_kernels: kernels of a block beside its matrix products and attention.
    """

    bandwidth_share: float = Field(gt=0, le=1)
    product_s: dict[str, float]
    other_kernels: int = Field(ge=0)
    sources: dict[str, str]


@cache
def linear_file() -> LinearFile:
    """The figures shipped with the package."""
    with resources.as_file(resources.files("attnscope.mappings.offload") / "linear.toml") as path:
        return validate(LinearFile, read_toml(Path(path)), "linear.toml")


def product_start_s(device: GpuDevice) -> float:
    """Time of a matrix product of next to no size; that of the nearest architecture with a figure."""
    known = linear_file().product_s
    return known[min(known, key=lambda name: abs(int(name.removeprefix("sm_")) - device.sm_version))]


def layer_starts_s(device: GpuDevice) -> float:
    """Starts of all kernels of a block but attention."""
    return PRODUCTS * product_start_s(device) + linear_file().other_kernels * device.launch.graph_s
