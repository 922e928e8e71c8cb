"""Fitted numbers of the decode kernels: three per architecture or device, with how they were found."""

from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import Field

from attnscope.mappings.gpu.decode_splits import SPLIT_RULES
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate


class DecodeConstants(Frozen):
    """What decode kernels of one architecture cost beside the bytes they stream.

    Attributes:
        launch_s: a kernel that reads next to nothing, from launch to end, with the write of the new keys and values.
        cta_s: fixed time of each CTA: start, first loads, final rescaling, store.
        tile_s: least time of a tile of 128 keys of head dim 128 (64 KiB) in one CTA.
        origin: how the values were found, in words.
    """

    launch_s: float = Field(ge=0)
    cta_s: float = Field(ge=0)
    tile_s: float = Field(ge=0)
    origin: str


class DecodeFile(Frozen):
    """decode.toml: `l2_fraction` of the L2 bandwidth reaches the SMs when K and V are in L2; constants by name."""

    l2_fraction: float = Field(gt=0, le=1)
    l2_source: str
    constants: dict[str, DecodeConstants]


@cache
def decode_file() -> DecodeFile:
    """The constants shipped with the package."""
    with resources.as_file(resources.files("attnscope.mappings.gpu") / "decode.toml") as path:
        return validate(DecodeFile, read_toml(Path(path)), "decode.toml")


def decode_constants(device: GpuDevice) -> DecodeConstants:
    """Constants of the device itself, else of its architecture, else of the nearest architecture that has any."""
    known = decode_file().constants
    if device.name in known:
        return known[device.name]
    architectures = [name for name in known if name.startswith("sm_")]
    return known[min(architectures, key=lambda name: abs(int(name.removeprefix("sm_")) - device.sm_version))]


def split_rule(device: GpuDevice) -> str:
    """Which FlashAttention decides on splits: 2 up to Ada, 3 from Hopper on."""
    return SPLIT_RULES.get(device.architecture, "fa2")
