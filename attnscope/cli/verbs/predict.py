"""`attnscope predict`."""

from typing import Any

import click

from attnscope.cli.group import LazyGroup, Verb
from attnscope.cli.options import in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import COUNT, DEVICE, Word

_HERE = "attnscope.cli.verbs.predict"
of_problem = in_section("Problem")
of_machine = in_section("Machine")


@click.group(cls=LazyGroup, sections={"Verbs": {"attention": f"{_HERE}:attention", "gemm": f"{_HERE}:gemm"}})
def predict() -> None:
    """Predict how long a serving library's kernel takes on a GPU, pipe by pipe, with an interval."""


@click.command(cls=Verb)
@of_problem("--phase", type=Word(("prefill", "decode")), default="prefill", help="Causal prompts, or one query each.")
@of_problem("--batch", type=COUNT, default=1, metavar="N", help="Sequences, all of one length.")
@of_problem("--heads", "q_heads", type=COUNT, required=True, metavar="N", help="Query heads.")
@of_problem(
    "--kv-heads", type=COUNT, metavar="N", help="Heads of keys and values; as many as query heads if not given."
)
@of_problem("--head-dim", type=COUNT, required=True, metavar="N", help="Width of a head.")
@of_problem("--length", type=COUNT, required=True, metavar="N", help="Tokens of a prompt, or keys, such as 8K.")
@of_problem("--window", type=COUNT, metavar="N", help="Keys that a query sees, itself included; all if not given.")
@of_machine("--device", type=DEVICE, required=True, help="A GPU: a name or a TOML file.")
@of_machine("--library", metavar="NAME", help="Kernels of another library that was fitted.")
@output_options
def attention(device: str, window: int | None, out: Output, **problem: Any) -> None:
    """Predict attention of a serving library: time per pipe, waves, splits, limiter and a 90 % interval.

    Examples:
      attnscope predict attention --heads 32 --kv-heads 8 --head-dim 128 --length 8K --device h200
      attnscope predict attention --phase decode --batch 64 --heads 32 --head-dim 128 --length 4K --device h100
    """
    from attnscope.mappings.gpu.library_estimate import predict_attention

    _tell(predict_attention(device, window=window or 0, **problem), out)


@click.command(cls=Verb)
@of_problem("--m", "m", type=COUNT, required=True, metavar="N", help="Rows of the result.")
@of_problem("--n", "n", type=COUNT, required=True, metavar="N", help="Columns of the result.")
@of_problem("--k", "k", type=COUNT, required=True, metavar="N", help="The inner size.")
@of_machine("--device", type=DEVICE, required=True, help="A GPU: a name or a TOML file.")
@output_options
def gemm(device: str, out: Output, **sizes: int) -> None:
    """Predict a matrix product [m, k] x [k, n] of a library: time per pipe, tiles, waves, limiter and a 90 % interval.

    Examples:
      attnscope predict gemm --m 4096 --n 4096 --k 4096 --device h200
      attnscope predict gemm --m 64 --n 28K --k 8K --device a100 --format json
    """
    from attnscope.mappings.gpu.library_estimate import predict_gemm

    _tell(predict_gemm(device, **sizes), out)


def _tell(found: Any, out: Output) -> None:
    from attnscope.cli.views.estimate import estimate_view

    out.emit(found, estimate_view)
    out.warn(found.warnings)
