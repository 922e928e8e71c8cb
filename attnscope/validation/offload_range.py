"""How much throughput per dollar offloading can gain over homogeneous pools, explored with our prices."""

from collections.abc import Iterator
from dataclasses import dataclass

from attnscope.errors import IllegalMappingError
from attnscope.mappings.offload.deploy import deploy
from attnscope.mappings.offload.offload import serve
from attnscope.mappings.offload.result import ServingEstimate

MODELS = ("llama-33b", "llama-65b", "llama3-70b")
CONTEXTS = (1024, 2048, 4096, 8192, 16384)
COMPUTE = ("h100:1", "h100:2", "h100:4")
MEMORY = ("h20:1", "h20:2", "h20:4", "h20:8")


@dataclass(frozen=True)
class CostPoint:
    """A deployment and the homogeneous pool of as many compute devices."""

    model: str
    context: int
    offload: ServingEstimate
    homogeneous: ServingEstimate

    @property
    def ratio(self) -> float:
        """Tokens per dollar over the homogeneous pool's."""
        return self.offload.tokens_per_dollar / self.homogeneous.tokens_per_dollar


def cost_points() -> Iterator[CostPoint]:
    """Yield every legal pair: pools of H100 with H20 beside them, against the same H100 alone."""
    for model in MODELS:
        for compute in COMPUTE:
            for memory in MEMORY:
                for context in CONTEXTS:
                    try:
                        chosen = deploy(model, compute=compute, memory=memory)
                        alone = chosen.homogeneous(chosen.compute.count)
                        yield CostPoint(model, context, serve(chosen, context), serve(alone, context))
                    except IllegalMappingError:
                        continue
