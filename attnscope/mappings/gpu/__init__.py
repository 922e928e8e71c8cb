"""Attention on GPUs: kernel descriptors (counts), their times on a device, the tile advisor, whole models."""

from attnscope.mappings.gpu.advice import Advice, TileChoice
from attnscope.mappings.gpu.advisor import advise
from attnscope.mappings.gpu.backends import backends, legal_kernels
from attnscope.mappings.gpu.device import load_gpu
from attnscope.mappings.gpu.latency import predict
from attnscope.mappings.gpu.model_estimate import How, LayerEstimate, ModelEstimate
from attnscope.mappings.gpu.neighborhood import estimate_attention, estimate_neighborhood
from attnscope.mappings.gpu.problem import MaskedAttention

__all__ = [
    "Advice",
    "How",
    "LayerEstimate",
    "MaskedAttention",
    "ModelEstimate",
    "TileChoice",
    "advise",
    "backends",
    "estimate_attention",
    "estimate_neighborhood",
    "legal_kernels",
    "load_gpu",
    "predict",
]
