"""The few fitted numbers of the GPU model, per architecture, and where GPUs without published rows get theirs."""

from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import Field

from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate


class Constants(Frozen):
    """Fitted constants of one architecture; calibration.toml says how each was found.

    Attributes:
        overlap_exponent: power mean of the pipes of one SM (1: serial, large: perfect overlap).
        mask_factor: instructions issued per counted mask operation.
        library_factor: time of the vendor's dense kernel over that of a fused kernel of the same tiles at burst clocks.
        permute_bytes_per_clock: bytes that one SM copies per clock when it re-lays tokens out.
        cta_cycles: clocks of a CTA outside its iterations, by instruction: pipeline fill, final rescaling, store of O.
        origin: how the values were found, in words.
    """

    overlap_exponent: float = Field(gt=0)
    mask_factor: float = Field(gt=0)
    library_factor: float = Field(gt=0)
    permute_bytes_per_clock: float = Field(gt=0)
    cta_cycles: dict[str, float]
    origin: str


class PublishedRow(Frozen):
    """A published time used for calibration: dense, neighbourhood (na) or strided (gna) attention, kernel alone."""

    device: str
    kind: str
    kernel_s: float = Field(gt=0)
    permute_s: float = Field(default=0.0, ge=0)


class CalibrationCase(Frozen):
    """The one workload the constants are fitted on."""

    source: str
    layout: tuple[int, ...]
    window: tuple[int, ...]
    gna_stride: tuple[int, ...]
    heads: int
    head_dim: int
    dtype: str
    tiles: dict[str, str]
    rows: tuple[PublishedRow, ...]


class LibraryRate(Frozen):
    """Highest published rate of a dense library kernel at head dim 128, where no calibration row exists."""

    flops_per_s: float = Field(gt=0)
    device: str
    source: str


class Prior(Frozen):
    """A constant taken from elsewhere, not fitted here."""

    value: float = Field(gt=0)
    source: str


class Calibration(Frozen):
    """The calibration file: what was fitted on, what was taken over, and the result."""

    case: CalibrationCase
    cta_cycles: dict[str, Prior]
    library_rate: dict[str, LibraryRate]
    constants: dict[str, Constants]


@cache
def calibration() -> Calibration:
    """The calibration shipped with the package."""
    with resources.as_file(resources.files("attnscope.mappings.gpu") / "calibration.toml") as path:
        return validate(Calibration, read_toml(Path(path)), "calibration.toml")


def constants_for(device: GpuDevice) -> Constants:
    """Constants of the device's architecture; the nearest older one where it has none, else the oldest."""
    known = calibration().constants
    if device.architecture in known:
        return known[device.architecture]
    versions = sorted(int(a.removeprefix("sm_")) for a in known)
    older = [v for v in versions if v <= device.sm_version]
    return known[f"sm_{older[-1] if older else versions[0]}"]
