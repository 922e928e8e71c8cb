"""Vision and video models that attend over token grids: one TOML file each, every figure with its source.

Two kinds: "hierarchical" backbones (NAT, DiNAT, Swin), whose layers are listed completely so that their
multiply-accumulates can be checked against the published ones, and "diffusion" transformers, known by their token grid
and the published share of self attention in the end-to-end time.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from attnscope.errors import SpecError
from attnscope.specs import Frozen, find, packaged, read_toml, validate
from attnscope.workloads.shape import Gemm
from attnscope.workloads.visibility import Dense, Gna, Mask
from attnscope.workloads.visibility.masks.shifted_windows import ShiftedWindows

_PACKAGE, _FOLDER = "attnscope.workloads", "vision_models"
Axes = tuple[int, ...]


@dataclass(frozen=True)
class GridAttention:
    """One kind of attention layer of a model: `count` layers over one image or video.

    `windows` > 1: the mask holds inside each of that many separate windows of the grid.
    """

    name: str
    mask: Mask
    layout: Axes
    heads: int
    head_dim: int
    count: int
    windows: int = 1

    @property
    def pairs(self) -> int:
        """(query, key) pairs of one head of one layer."""
        return self.mask.total_pairs * self.windows


class Stage(Frozen):
    """Like layers of a backbone.

    `dilations` and `shifts` are taken in turn, layer by layer; `partition` makes the windows disjoint (Swin).
    """

    layout: Axes
    width: int = Field(gt=0)
    heads: int = Field(gt=0)
    depth: int = Field(gt=0)
    window: Axes
    mlp_ratio: float = Field(gt=0)
    dilations: Axes = (1,)
    partition: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of the grid."""
        return math.prod(self.layout)

    def attention(self, index: int) -> list[GridAttention]:
        """The kinds of attention layers of the stage, with how often each occurs."""
        counts = {d: len(range(i, self.depth, len(self.dilations))) for i, d in enumerate(self.dilations)}
        kinds = []
        for dilation, count in counts.items():
            mask, windows = self._mask(dilation)
            label = f"stage {index}" + (f", dilation {dilation}" if len(counts) > 1 else "")
            kinds.append(GridAttention(label, mask, self.layout, self.heads, self.width // self.heads, count, windows))
        return kinds

    def _mask(self, dilation: int) -> tuple[Mask, int]:
        if self.partition:
            ShiftedWindows(self.layout, self.window)
            n = math.prod(-(-x // w) for x, w in zip(self.layout, self.window, strict=True))
            return Dense(math.prod(self.window)), n
        return Gna(self.layout, self.window, dilation=(dilation,) * len(self.layout)), 1

    def gemms(self) -> list[Gemm]:
        """Matrix products of one layer for one image: Q, K and V, projection, feed-forward."""
        n, c, inner = self.tokens, self.width, round(self.width * self.mlp_ratio)
        return [
            Gemm("qkv", n, c, 3 * c),
            Gemm("projection", n, c, c),
            Gemm("feed-forward up", n, c, inner),
            Gemm("feed-forward down", n, inner, c),
        ]

    @property
    def macs(self) -> float:
        """Multiply-accumulates of all layers of the stage for one image."""
        attention = sum(2 * a.pairs * self.width * a.count for a in self.attention(0))
        return attention + self.depth * sum(g.macs for g in self.gemms())


class Product(Frozen):
    """A convolution or linear layer as a matrix product: `rows` outputs of `columns` channels over `inner` inputs."""

    name: str
    rows: int = Field(gt=0)
    inner: int = Field(gt=0)
    columns: int = Field(gt=0)


class Backbone(Frozen):
    """A hierarchical vision transformer.

    Attributes:
        stages: layers. `products`: stem, down-sampling, head.
        published_macs: multiply-accumulates per image as published. `image`: pixels per side.
        batch: default number of images.
    """

    name: str
    kind: Literal["hierarchical"]
    summary: str
    source: str
    image: int = Field(gt=0)
    batch: int = Field(default=1, gt=0)
    published_macs: float = Field(gt=0)
    published_parameters: float = Field(default=0, ge=0)
    stages: tuple[Stage, ...]
    products: tuple[Product, ...]

    @property
    def attention_layers(self) -> list[GridAttention]:
        """All kinds of attention layers."""
        return [a for i, stage in enumerate(self.stages, 1) for a in stage.attention(i)]

    @property
    def macs(self) -> float:
        """Multiply-accumulates per image: both products of attention, linear layers, convolutions."""
        return sum(s.macs for s in self.stages) + sum(float(p.rows) * p.inner * p.columns for p in self.products)


class Diffusion(Frozen):
    """A diffusion transformer over a token grid.

    Attributes:
        layout, heads, head_dim, layers: its self attention.
        steps: diffusion steps; `dense_steps` of them are run with dense attention by default.
        attention_fraction: published share of self attention in the end-to-end time, 0 where none is published.
        fraction_device: the GPU that share was measured on.
        window, stride: defaults.
    """

    name: str
    kind: Literal["diffusion"]
    summary: str
    source: str
    layout: Axes
    heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    layers: int = Field(gt=0)
    steps: int = Field(gt=0)
    dense_steps: int = Field(default=0, ge=0)
    attention_fraction: float = Field(default=0.0, ge=0, lt=1)
    fraction_device: str = ""
    window: Axes
    stride: Axes

    @model_validator(mode="after")
    def _mask_is_legal(self) -> "Diffusion":
        Gna(self.layout, self.window, self.stride)
        if self.dense_steps > self.steps:
            raise ValueError(f"dense_steps {self.dense_steps} must be <= steps {self.steps}.")
        return self

    def attention(
        self, window: Any = None, stride: Any = None, dilation: Any = 1, causal: Any = False
    ) -> GridAttention:
        """The self-attention layers under a window; defaults are the model's."""
        own = window is None
        mask = Gna(self.layout, self.window if own else window, self._stride(own, stride), dilation, causal)
        return GridAttention("self attention", mask, self.layout, self.heads, self.head_dim, self.layers)

    def _stride(self, own_window: bool, stride: Any) -> Any:
        if stride is not None:
            return stride
        return self.stride if own_window else 1

    @property
    def attention_layers(self) -> list[GridAttention]:
        """The one kind of attention layer, under the default window."""
        return [self.attention()]


VisionModel = Backbone | Diffusion
_KINDS: dict[str, type[Backbone] | type[Diffusion]] = {"hierarchical": Backbone, "diffusion": Diffusion}


def list_vision_models() -> tuple[str, ...]:
    """Names of the shipped vision and video models, sorted."""
    return tuple(packaged(_PACKAGE, _FOLDER))


@cache
def load_vision_model(name: str) -> VisionModel:
    """A vision or video model by name, or the one in a user's TOML file.

    Raises:
        UnknownNameError: no such model; suggests the nearest.
        SpecError: the file breaks the schema.
    """
    path = find("vision model", name, _PACKAGE, _FOLDER)
    where = str(path) if name.endswith(".toml") else f"vision model {path.stem}"
    table = {"name": path.stem, **read_toml(path)}
    kind = table.get("kind")
    if kind not in _KINDS:
        raise SpecError(f"{where}: kind = {kind!r} is refused: should be one of {', '.join(sorted(_KINDS))}.")
    return validate(_KINDS[kind], table, where)
