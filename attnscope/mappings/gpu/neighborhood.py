"""What neighbourhood attention costs a model on a GPU: per attention layer and end to end, against dense attention."""

from dataclasses import replace
from typing import Any

from attnscope.errors import IllegalMappingError, UsageError
from attnscope.mappings.gpu.advisor import best_kernel
from attnscope.mappings.gpu.backends import Kernel, find_kernel, legal_kernels
from attnscope.mappings.gpu.constants import constants_for
from attnscope.mappings.gpu.descriptor import Descriptor
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.fused import fused, library_kernel
from attnscope.mappings.gpu.latency import KernelTime, launch_time, predict
from attnscope.mappings.gpu.linear import elementwise_launches, gemm_launch
from attnscope.mappings.gpu.model_estimate import How, LayerEstimate, ModelEstimate
from attnscope.mappings.gpu.problem import MaskedAttention
from attnscope.mappings.gpu.report import to_estimate
from attnscope.mappings.gpu.unfused import gemm, naive
from attnscope.simulator.estimate import Estimate
from attnscope.simulator.gpu_device import GpuDevice, PowerState
from attnscope.workloads.shape import Gemm
from attnscope.workloads.visibility import Dense, Gna
from attnscope.workloads.vision import Backbone, Diffusion, GridAttention, VisionModel, load_vision_model


def estimate_neighborhood(
    model: str | VisionModel,
    device: str | GpuDevice,
    *,
    window: Any = None,
    stride: Any = None,
    dilation: Any = 1,
    causal: Any = False,
    batch: int | None = None,
    dtype: str = "fp16",
    dense_steps: int | None = None,
    how: How | None = None,
) -> ModelEstimate:
    """Cost of a model's attention, and of the whole model, on a GPU.

    Args:
        model: a vision or video model by name, a TOML file, or a value.
        device: a GPU.
        window: keys per axis of a diffusion model's mask; the model's own by default.
        stride: queries per axis that share a window; the model's own with its own window, else 1.
        dilation: distance between neighbours per axis.
        causal: whether later coordinates are hidden, per axis.
        batch: images or videos at once; the model's default.
        dtype: element type of everything.
        dense_steps: diffusion steps that keep dense attention; the model's default.
        how: method, tile pair, backend, mask policy and power state.

    Raises:
        UsageError: a broken rule of the mask, a backbone given a window, or more dense steps than steps.
        UnknownNameError, IllegalMappingError: as `advise`.
    """
    found = load_vision_model(model) if isinstance(model, str) else model
    gpu, manner = load_gpu(device), how or How()
    if isinstance(found, Diffusion):
        kinds = [found.attention(window, stride, dilation, causal)]
        layers = [_layer(k, gpu, batch or 1, dtype, manner) for k in kinds]
        return _diffusion(found, gpu, layers, dense_steps, dtype)
    if window is not None or stride is not None or dense_steps is not None:
        raise UsageError(
            f"{found.name} has its own windows per stage; window, stride and dense_steps are for diffusion models."
        )
    images = batch or found.batch
    layers = [_layer(k, gpu, images, dtype, manner) for k in found.attention_layers]
    return _backbone(found, gpu, layers, images, dtype, manner.state)


def estimate_attention(problem: MaskedAttention, device: str | GpuDevice, how: How | None = None) -> Estimate:
    """One attention layer under any mask on a GPU; see `How` for the choices.

    Raises:
        IllegalMappingError, UnknownNameError: as `advise`.
    """
    gpu, manner = load_gpu(device), how or How()
    descriptor = describe(problem, gpu, manner)
    return to_estimate(problem, descriptor, predict(descriptor, gpu, manner.state), gpu, manner.state)


def describe(problem: MaskedAttention, gpu: GpuDevice, how: How) -> Descriptor:
    """The kernel that `how` asks for; with "auto" the fastest legal tile pair."""
    if how.method == "naive":
        return naive(problem, gpu)
    if how.method == "gemm":
        return gemm(problem, gpu)
    return fused(problem, _kernel(problem, gpu, how))


def _kernel(problem: MaskedAttention, gpu: GpuDevice, how: How) -> Kernel:
    if not isinstance(problem.mask, Gna):
        if how.pair != "auto":
            raise IllegalMappingError(f"tile pair {how.pair}: only neighbourhood attention has tile pairs; use auto.")
        return library_kernel(gpu, problem.mask.n_queries)
    legal = legal_kernels(gpu, problem.rank, problem.head_dim, problem.dtype, how.backend)
    if how.mask_policy:
        legal = tuple(replace(k, mask=how.mask_policy) for k in legal)
    if how.pair != "auto":
        return find_kernel(legal, how.pair, gpu)
    return best_kernel(problem, legal, gpu, how.state)


def _layer(kind: GridAttention, gpu: GpuDevice, batch: int, dtype: str, how: How) -> LayerEstimate:
    problem = MaskedAttention(kind.mask, kind.heads, kind.head_dim, batch * kind.windows, dtype)
    n_tokens = 1
    for extent in kind.layout:
        n_tokens *= extent
    whole = MaskedAttention(Dense(n_tokens), kind.heads, kind.head_dim, batch, dtype)
    manner = how if isinstance(kind.mask, Gna) else How(state=how.state)
    dense = to_estimate(whole, *_timed_dense(whole, gpu, how.state), gpu, how.state)
    return LayerEstimate(kind.name, kind.count, estimate_attention(problem, gpu, manner), dense)


def _timed_dense(problem: MaskedAttention, gpu: GpuDevice, state: PowerState) -> tuple[Descriptor, KernelTime]:
    descriptor = fused(problem, library_kernel(gpu, problem.mask.n_queries))
    return descriptor, predict(descriptor, gpu, state)


def _sums(layers: list[LayerEstimate]) -> tuple[float, float]:
    ours = sum(x.count * x.estimate.latency_s for x in layers)
    return ours, sum(x.count * x.dense.latency_s for x in layers)


def amdahl(fraction: float, speedup: float, kept_share: float = 0.0) -> float:
    """End-to-end speed-up when a `fraction` of the time becomes `speedup` times faster.

    GNA (arXiv 2504.16922), section 4: ``1 / (1 - p + p / S)`` with ``p = fraction (1 - kept_share)``; `kept_share`
    is the share of steps that stay dense.
    """
    p = fraction * (1.0 - kept_share)
    return 1.0 / (1.0 - p + p / speedup)


def _diffusion(
    model: Diffusion, gpu: GpuDevice, layers: list[LayerEstimate], dense_steps: int | None, dtype: str
) -> ModelEstimate:
    kept = model.dense_steps if dense_steps is None else dense_steps
    if not 0 <= kept <= model.steps:
        near = min(max(kept, 0), model.steps)
        raise UsageError(f"dense_steps {kept}: must be 0 to the {model.steps} steps of {model.name}. Nearest: {near}.")
    ours, dense = _sums(layers)
    share = model.attention_fraction
    whole = dense * model.steps / share if share else 0.0
    sparse = whole / amdahl(share, dense / ours, kept / model.steps) if share else 0.0
    return ModelEstimate(
        model.name,
        gpu.name,
        tuple(layers),
        ours,
        dense,
        dense / share - dense if share else 0.0,
        sparse,
        whole,
        _because(layers, share, kept, model.steps),
        {"dense_steps": kept, "steps": model.steps, "dtype": dtype},
        _diffusion_warnings(model, gpu),
    )


def _because(layers: list[LayerEstimate], share: float, kept: int, steps: int) -> str:
    ours, dense = _sums(layers)
    text = f"attention takes {ours / dense:.1%} of dense attention's time"
    if not share:
        return f"{text}; {layers[0].estimate.because}"
    whole = f"it is {share:.1%} of the end-to-end time, and {kept} of {steps} steps stay dense"
    return f"{text}, {whole}; {layers[0].estimate.because}"


def _diffusion_warnings(model: Diffusion, gpu: GpuDevice) -> tuple[str, ...]:
    if not model.attention_fraction:
        return (f"no share of self attention in the end-to-end time is published for {model.name}: attention only.",)
    if gpu.name == model.fraction_device:
        return ()
    text = f"the share of self attention was measured on {model.fraction_device} and is taken over for {gpu.name}."
    return (text,)


def _backbone(
    model: Backbone, gpu: GpuDevice, layers: list[LayerEstimate], batch: int, dtype: str, state: PowerState
) -> ModelEstimate:
    ours, dense = _sums(layers)
    other = other_s(model, gpu, batch, dtype, state)
    return ModelEstimate(
        model.name,
        gpu.name,
        tuple(layers),
        ours,
        dense,
        other,
        ours + other,
        dense + other,
        f"attention takes {ours / (ours + other):.1%} of the time, dense attention {dense / (dense + other):.1%}",
        {"batch": batch, "dtype": dtype},
    )


def other_s(model: Backbone, gpu: GpuDevice, batch: int, dtype: str, state: PowerState) -> float:
    """Time of everything but attention, for `batch` images [s]: linear layers, convolutions, element-wise work."""
    fitted = constants_for(gpu)
    products = [Gemm(p.name, p.rows * batch, p.inner, p.columns) for p in model.products]
    launches = [gemm_launch(g, gpu, dtype) for g in products]
    for stage in model.stages:
        sizes = [Gemm(g.name, g.rows * batch, g.inner, g.columns) for g in stage.gemms()]
        one = [gemm_launch(g, gpu, dtype) for g in sizes]
        one += elementwise_launches(stage.tokens * batch, stage.width, stage.mlp_ratio, dtype)
        launches += one * stage.depth
    return float(sum(launch_time(x, gpu, fitted, state).total_s for x in launches))
