"""`attnscope offload`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.offload_options import OffloadAsk, offload_options
from attnscope.cli.options import drawn_options
from attnscope.cli.output import Output, figure_path
from attnscope.errors import UsageError


@click.command(cls=Verb)
@offload_options
@drawn_options
def offload(ask: OffloadAsk, timeline: Path | None, figure: Path | None, out: Output) -> None:
    """Say whether decode attention pays on a pool of its own, beside a homogeneous pool of equal cost.

    MODEL is a model's name or a Hugging Face config.json. Devices, links, price lists and traces may be files of yours.

    Examples:
      attnscope offload llama3-70b --trace azure-conv --compute h100:2 --memory h20:4
      attnscope offload llama3-70b --context 8K --kv-policy duo --timeline step.svg
      attnscope offload llama3-70b --trace kimi-ta --replay closed --format json
      attnscope offload llama3-70b --context 4K --sweep memory=2,4,8 --sweep compute=2,4 -o front.svg
    """
    if ask.axes:
        if timeline:
            raise UsageError(f"--timeline {timeline}: a sweep has many points. Leave out --sweep to play one of them.")
        _sweep(ask, figure, out)
        return
    if figure:
        raise UsageError(f"{figure}: only a sweep is drawn so. Add --sweep, or draw one step with --timeline {figure}.")
    from attnscope.cli.offload_answer import OffloadAnswer
    from attnscope.cli.views.offload import offload_view

    if timeline:
        figure_path(timeline, (".svg", ".png", ".json"))
    found = ask.estimate()
    answer = OffloadAnswer(found, ask.play() if timeline else None, ask.replay(found) if ask.replayed else ())
    if timeline:
        answer.save_timeline(timeline)
    out.emit(answer, offload_view)
    out.warn(found.warnings)
    if timeline:
        out.saved(timeline)


def _sweep(ask: OffloadAsk, figure: Path | None, out: Output) -> None:
    from attnscope.cli.views.offload_sweep import offload_sweep_view

    found = ask.sweep()
    if figure:
        from attnscope.mappings.offload.plot import save_front

        save_front(figure, found)
    out.emit(found, offload_sweep_view)
    for remark in ask.remarks:
        out.note(f"Warning: {remark}")
    if figure:
        out.saved(figure)
