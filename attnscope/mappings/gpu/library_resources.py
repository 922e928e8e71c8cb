"""Static resources of library kernels: tile sizes, residents, and the launches around the kernel in one call."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from attnscope.mappings.gpu.backends import Instruction
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate

CacheWrite = Literal["tokens", "beside", "none"]
Splits = Literal["none", "fa2", "dynamic", "shared"]


class AttentionTile(Frozen):
    """Q rows and KV rows of a tile, for head dims up to `head_dim`."""

    head_dim: int
    q_rows: int
    kv_rows: int


class AttentionKernels(Frozen):
    """One family of attention kernels; published_kernels.toml says what the fields mean."""

    source: str
    instruction: Instruction
    packs_heads: bool
    residents: int
    decode_residents: int
    tiles: tuple[AttentionTile, ...]

    def tile(self, head_dim: int) -> AttentionTile:
        """The tile for `head_dim`; the widest where none is wide enough."""
        return next((t for t in self.tiles if head_dim <= t.head_dim), self.tiles[-1])


class Library(Frozen):
    """One version of a serving library on one architecture; published_kernels.toml says what the fields mean."""

    attention: str
    cache_write: CacheWrite
    prefill_splits: Splits
    decode_splits: Splits
    most_splits: int
    head_copies: bool
    source: str

    @property
    def kernels(self) -> AttentionKernels:
        """Its attention kernels."""
        return kernel_file().attention[self.attention]


class GemmTiles(Frozen):
    """Tiles of a library's matrix products; published_kernels.toml says what the fields mean."""

    source: str
    step: int
    multicast: int
    splits: tuple[int, ...]
    tiles: tuple[tuple[int, int], ...]


class KernelFile(Frozen):
    """The whole of published_kernels.toml."""

    attention: dict[str, AttentionKernels]
    library: dict[str, Library]
    gemm: dict[str, GemmTiles]


@cache
def kernel_file() -> KernelFile:
    """The resources shipped with the package."""
    with resources.as_file(resources.files("attnscope.mappings.gpu") / "published_kernels.toml") as path:
        return validate(KernelFile, read_toml(Path(path)), "published_kernels.toml")


def find_library(version: str, device: GpuDevice) -> Library:
    """The library called `version` ("vllm0.19.0") on the device's architecture.

    A version that is not listed takes the newest listed one of the same library, then of any, on the nearest
    architecture that is not newer than the device.
    """
    known = kernel_file().library
    wanted = f"{version} {device.architecture}"
    if wanted in known:
        return known[wanted]
    framework = version.rstrip("0123456789.")
    return known[max(known, key=lambda name: _nearness(name, framework, device.sm_version))]


def _nearness(name: str, framework: str, sm_version: int) -> tuple[bool, int, bool, str]:
    library, architecture = name.split()
    sm = int(architecture.removeprefix("sm_"))
    return (sm <= sm_version, sm if sm <= sm_version else -sm, library.startswith(framework), library)


def gemm_tiles(device: GpuDevice) -> GemmTiles:
    """Tiles of matrix products on the newest listed architecture that is not newer than the device; else the oldest."""
    known = kernel_file().gemm
    versions = sorted(int(name.removeprefix("sm_")) for name in known)
    older = [v for v in versions if v <= device.sm_version]
    return known[f"sm_{older[-1] if older else versions[0]}"]
