"""`attnscope slice`."""

from typing import Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import MODEL, Word

of_model = in_section("Model")
_STYLE = "How the block of a model is built: its feed-forward after attention, beside it, or of experts."


@click.command("slice", cls=Verb)
@click.argument("model", type=MODEL)
@of_model("--style", type=Word(("sequential", "parallel", "moe")), default="sequential", help=_STYLE)
@output_options
def slice_model(model: str, out: Output, **options: Any) -> None:
    """Cut a model at its attentions: what each slice runs, what is kept, what crosses the link, and what is sent early.

    MODEL is a model's name, a Hugging Face config.json, or a JSON file with an operator graph of your own:
    {"layers": 2, "operators": [{"name": "q", "kind": "linear", "inputs": ["x"], "bytes_per_token": 8192}, ...]}.

    Examples:
      attnscope slice llama3-70b
      attnscope slice llama3-8b --style parallel
      attnscope slice llama3-8b --style moe --format json
    """
    from attnscope.cli.views.slice import slice_view
    from attnscope.mappings.offload.slicing import slice_block

    out.emit(slice_block(model, **options), slice_view)
