"""Fitted constants of library kernels: twelve of the device, at most three of each kernel family."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field

from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.library_shapes import Family
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate


class DeviceConstants(Frozen):
    """What library kernels get out of a device.

    Attributes:
        launch_s: a call of attention that does next to nothing; `gemm_launch_s` the same of a matrix product.
        merge_s: each further small kernel of a call (merging of splits, copies).
        dram_fraction: share of the device file's bandwidth.
        l2_fraction: the same of L2 where tiles are loaded again (prefill, matrix products); `warm_l2_fraction` where K
            and V of a repeated decode call are in L2.
        tensor_fraction: share of the tensor rate in attention. `softmax_factor`: time of exponentials and other
            arithmetic over their counts at full rate.
        sustained_fraction: rate of a long run over that of a short one.
        write_cta_s: a CTA that stores one token's K and V.
        write_factor: time of these stores over their bytes at DRAM speed.
        gemm_tensor_fraction: share of the tensor rate in matrix products.
    """

    launch_s: float = Field(default=9e-6, gt=0)
    merge_s: float = Field(default=2e-6, gt=0)
    dram_fraction: float = Field(default=0.88, gt=0)
    l2_fraction: float = Field(default=1.0, gt=0)
    warm_l2_fraction: float = Field(default=0.7, gt=0)
    tensor_fraction: float = Field(default=0.9, gt=0)
    softmax_factor: float = Field(default=1.0, gt=0)
    sustained_fraction: float = Field(default=0.85, gt=0)
    write_cta_s: float = Field(default=4e-6, gt=0)
    write_factor: float = Field(default=1.2, gt=0)
    gemm_launch_s: float = Field(default=2.5e-6, gt=0)
    gemm_tensor_fraction: float = Field(default=0.9, gt=0)


class PrefillResiduals(Frozen):
    """Residuals of prefill.

    Attributes:
        cta_s: a CTA outside its iterations. `cold_s`: more of it where its first K and V are in no cache.
        tail: share of the longest CTA by which the SMs end apart.
    """

    cta_s: float = Field(default=2e-6, gt=0)
    cold_s: float = Field(default=1e-6, gt=0)
    tail: float = Field(default=0.5, gt=0)


class DecodeResiduals(Frozen):
    """Residuals of decode: a CTA outside its iterations, a KV tile of 64 KiB in one CTA, each sequence."""

    cta_s: float = Field(default=2e-6, gt=0)
    tile_s: float = Field(default=1.2e-6, gt=0)
    sequence_s: float = Field(default=4e-8, gt=0)


class GemmResiduals(Frozen):
    """Residuals of matrix products.

    Attributes:
        cta_s: a CTA outside its iterations. `split_s`: the reduction of a split inner dimension.
        load_factor: bytes between L2 and the SMs over those counted; neighbours share some in ways not counted.
    """

    cta_s: float = Field(default=1e-6, gt=0)
    split_s: float = Field(default=2e-6, gt=0)
    load_factor: float = Field(default=1.0, gt=0)


class Spread(Frozen):
    """Errors of a family on rows that were left out in turn while fitting: measured over predicted time.

    Attributes:
        low, high: 5 % and 95 % quantiles, which make the prediction interval. `mean`: mean absolute error.
        rows: rows of calibration.
    """

    low: float
    high: float
    mean: float
    rows: int


TELLS: dict[Family, tuple[str, ...]] = {
    "prefill": (
        "launch_s",
        "merge_s",
        "dram_fraction",
        "l2_fraction",
        "tensor_fraction",
        "softmax_factor",
        "sustained_fraction",
        "write_cta_s",
        "write_factor",
    ),
    "decode": ("launch_s", "merge_s", "dram_fraction", "warm_l2_fraction"),
    "gemm": ("gemm_launch_s", "dram_fraction", "sustained_fraction", "gemm_tensor_fraction"),
}


class LibraryConstants(Frozen):
    """All fitted constants of one device, with the spread of their errors and the tables they come from."""

    device: DeviceConstants = DeviceConstants()
    prefill: PrefillResiduals = PrefillResiduals()
    decode: DecodeResiduals = DecodeResiduals()
    gemm: GemmResiduals = GemmResiduals()
    spread: dict[Family, Spread] = Field(default_factory=dict)
    tables: dict[Family, str] = Field(default_factory=dict)

    def with_values(self, values: dict[str, float]) -> "LibraryConstants":
        """These constants with some replaced, by dotted name such as ``prefill.cta_s``."""
        parts: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            part, field = name.split(".")
            parts.setdefault(part, {})[field] = value
        return self.model_copy(update={p: getattr(self, p).model_copy(update=f) for p, f in parts.items()})


class ConstantsFile(Frozen):
    """published_constants.toml."""

    source: str
    device: dict[str, LibraryConstants]


@cache
def constants_file() -> ConstantsFile:
    """The constants shipped with the package."""
    with resources.as_file(resources.files("attnscope.mappings.gpu") / "published_constants.toml") as path:
        return validate(ConstantsFile, read_toml(Path(path)), "published_constants.toml")


def library_constants(device: GpuDevice) -> tuple[LibraryConstants, str]:
    """Constants for `device` and the name of the device they were fitted on: itself, else one of the nearest design."""
    known = constants_file().device
    if device.name in known:
        return known[device.name], device.name
    nearest = min(known, key=lambda name: (abs(load_gpu(name).sm_version - device.sm_version), name))
    return known[nearest], nearest


def to_toml(source: str, fitted: dict[str, LibraryConstants]) -> str:
    """The text of published_constants.toml."""
    lines = [f'source = "{source}"']
    for name, constants in sorted(fitted.items()):
        for part, table in constants.model_dump().items():
            if part == "spread":
                for family, spread in table.items():
                    lines += ["", f"[device.{name}.spread.{family}]", *_lines(spread)]
            else:
                lines += ["", f"[device.{name}.{part}]", *_lines(table)]
    return "\n".join(lines) + "\n"


def _lines(table: dict[str, Any]) -> list[str]:
    return [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value!r}" for key, value in table.items()]
