"""Which fused neighbourhood-attention kernels exist: backends, their tile pairs, and who may use them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from attnscope.errors import IllegalMappingError, UnknownNameError
from attnscope.mappings.gpu.tiles import TilePair
from attnscope.simulator.gpu_device import GpuDevice
from attnscope.specs import Frozen, read_toml, validate

Instruction = Literal["simt", "mma_sync", "wgmma", "tcgen05"]
MaskPolicy = Literal["launch", "per-tile"]
POLICIES: tuple[MaskPolicy, ...] = ("launch", "per-tile")
KvTiling = Literal["static", "dynamic"]
NATIVE: dict[int, Instruction] = {8: "mma_sync", 9: "wgmma", 10: "tcgen05", 12: "mma_sync"}


class KernelTable(Frozen):
    """Tile pairs by rank for some head dims; `not_on` lists architectures without enough shared memory."""

    residents: int = Field(gt=0)
    head_dims: tuple[int, ...] = ()
    not_on: tuple[str, ...] = ()
    rank1: tuple[str, ...] = ()
    rank2: tuple[str, ...] = ()
    rank3: tuple[str, ...] = ()

    def pairs(self, rank: int) -> tuple[TilePair, ...]:
        """Tile pairs for layouts of `rank` axes."""
        return tuple(TilePair.parse(text) for text in (self.rank1, self.rank2, self.rank3)[rank - 1])


class Backend(Frozen):
    """A family of fused kernels; the comments of backends.toml say what the fields mean."""

    name: str
    summary: str
    source: str
    architectures: tuple[str, ...]
    instruction: Literal["native", "mma_sync", "wgmma", "tcgen05"]
    kv_tiling: KvTiling
    mask: MaskPolicy
    mask_ops: tuple[int, int]
    permutes: bool
    dtypes: tuple[str, ...]
    head_dim_step: int = 0
    head_dim_limit: int = 0
    kernels: tuple[KernelTable, ...]

    @property
    def head_dims(self) -> tuple[int, ...]:
        """Head dims with kernels; every multiple of the step where any will do."""
        if self.head_dim_step:
            return tuple(range(self.head_dim_step, self.head_dim_limit + 1, self.head_dim_step))
        return tuple(sorted({d for table in self.kernels for d in table.head_dims}))


@dataclass(frozen=True)
class Kernel:
    """One fused kernel: a tile pair and how it is worked off; backends.toml says what the fields mean."""

    backend: str
    pair: TilePair
    instruction: Instruction
    kv_tiling: KvTiling | Literal["flat"] = "static"
    mask: MaskPolicy = "launch"
    mask_ops: tuple[int, int] = (4, 2)
    permutes: bool = False
    residents: int = 1

    @property
    def label(self) -> str:
        """Backend and pair, such as ``hopper-fna 16x8/16x8``."""
        return f"{self.backend} {self.pair}"


def native_instruction(device: GpuDevice) -> Instruction:
    """The fastest tensor instruction of the device's architecture."""
    return NATIVE.get(device.sm_version // 10, "mma_sync")


@cache
def backends() -> dict[str, Backend]:
    """All backends by name."""
    with resources.as_file(resources.files("attnscope.mappings.gpu") / "backends.toml") as path:
        table = read_toml(Path(path))
    return {name: validate(Backend, {"name": name, **fields}, f"backend {name}") for name, fields in table.items()}


def find_backend(name: str) -> Backend:
    """The backend called `name`.

    Raises:
        UnknownNameError: nobody owns the name.
    """
    known = backends()
    if name.casefold() not in known:
        raise UnknownNameError("backend", name, known)
    return known[name.casefold()]


def legal_kernels(
    device: GpuDevice, rank: int, head_dim: int, dtype: str = "fp16", backend: str | None = None
) -> tuple[Kernel, ...]:
    """Kernels that run on `device` for layouts of `rank` axes.

    Raises:
        UnknownNameError: `backend` does not exist.
        IllegalMappingError: no kernel is left; the message names the rule and the nearest legal value.
    """
    chosen = [find_backend(backend)] if backend else list(backends().values())
    on_device = [b for b in chosen if device.architecture in b.architectures]
    if not on_device:
        raise IllegalMappingError(_no_backend(device, chosen))
    typed = [b for b in on_device if dtype in b.dtypes]
    if not typed:
        known = ", ".join(sorted({d for b in on_device for d in b.dtypes}))
        raise IllegalMappingError(f"no kernel on {device.name} takes {dtype}. Legal data types: {known}.")
    found = [kernel for b in typed for kernel in _kernels(b, device, rank, head_dim)]
    if not found:
        raise IllegalMappingError(_no_head_dim(device, typed, head_dim))
    return tuple(found)


def _kernels(backend: Backend, device: GpuDevice, rank: int, head_dim: int) -> Iterable[Kernel]:
    if head_dim not in backend.head_dims:
        return
    for table in backend.kernels:
        fits = not table.head_dims or head_dim in table.head_dims
        if fits and device.architecture not in table.not_on:
            for pair in table.pairs(rank):
                yield Kernel(
                    backend.name,
                    pair,
                    native_instruction(device) if backend.instruction == "native" else backend.instruction,
                    backend.kv_tiling,
                    backend.mask,
                    backend.mask_ops,
                    backend.permutes,
                    table.residents,
                )


def _no_backend(device: GpuDevice, chosen: list[Backend]) -> str:
    names = ", ".join(b.name for b in chosen)
    runs = ", ".join(b.name for b in backends().values() if device.architecture in b.architectures) or "none"
    needs = ", ".join(sorted({a for b in chosen for a in b.architectures}))
    return (
        f"{names} has no kernels for {device.architecture} ({device.name}); it needs {needs}. "
        f"Backends on {device.name}: {runs}."
    )


def _no_head_dim(device: GpuDevice, chosen: list[Backend], head_dim: int) -> str:
    nearest = min((d for b in chosen for d in b.head_dims), key=lambda d: (abs(d - head_dim), -d))
    names = ", ".join(b.name for b in chosen)
    return f"no kernel on {device.name} has head dim {head_dim} ({names}). Nearest legal head dim: {nearest}."


def find_kernel(kernels: Iterable[Kernel], pair: str | TilePair, device: GpuDevice) -> Kernel:
    """The first kernel with the tile pair.

    Raises:
        IllegalMappingError: the device has no such kernel; names the nearest legal pairs.
    """
    legal, wanted = list(kernels), TilePair.parse(pair)
    for kernel in legal:
        if kernel.pair == wanted:
            return kernel
    raise IllegalMappingError(no_such_pair(legal, wanted, device))


def no_such_pair(legal: list[Kernel], wanted: TilePair, device: GpuDevice) -> str:
    """Sentence: the pair has no kernel on the device, and which legal pairs are nearest."""
    rank = legal[0].pair.rank
    if wanted.rank != rank:
        return (
            f"tile pair {wanted} has {wanted.rank} axes but the layout has {rank}. Legal pairs: {nearest(legal, None)}."
        )
    elsewhere = sorted(
        b.name
        for b in backends().values()
        for table in b.kernels
        if device.architecture not in b.architectures and wanted in table.pairs(rank)
    )
    belongs = f" It belongs to {', '.join(dict.fromkeys(elsewhere))}." if elsewhere else ""
    return (
        f"no kernel on {device.name} ({device.architecture}) has the tile pair {wanted}.{belongs} "
        f"Nearest legal pairs: {nearest(legal, wanted)}."
    )


def nearest(legal: list[Kernel], wanted: TilePair | None, count: int = 3) -> str:
    """The legal kernels nearest to `wanted`, as text."""
    if wanted is not None:
        legal = sorted(legal, key=lambda k: k.pair.distance(wanted))
    return ", ".join(f"{k.pair} ({k.backend})" for k in legal[:count])
