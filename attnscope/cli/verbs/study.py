"""`attnscope study`."""

from pathlib import Path

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import in_section, text_options
from attnscope.cli.output import Output
from attnscope.cli.params import Word

of_study = in_section("Study")


@click.command(cls=Verb)
@click.argument("name", type=Word(("fusemax",)))
@of_study(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the figures (SVG and PNG); none are drawn without it.",
)
@of_study(
    "--energy-accounting",
    type=Word(("corrected", "published")),
    default="corrected",
    help="Charge everything (default), or what the FuseMax artefact charges.",
)
@text_options
def study(name: str, folder: Path | None, energy_accounting: str, out: Output) -> None:  # noqa: ARG001
    """Evaluate a published study from end to end: speed-up, energy and utilisation, as tables and figures.

    fusemax: BERT, TrXL, T5 and XLM at 1K to 1M tokens on unfused, FLAT, the 1-pass cascade on FLAT hardware, and
    FuseMax without and with interleaved binding.

    Examples:
      attnscope study fusemax --output out/study
      attnscope study fusemax --energy-accounting published --format csv
    """
    from attnscope.cli.views.study import study_view
    from attnscope.validation.study import fusemax_study

    found = fusemax_study(energy_accounting)  # type: ignore[arg-type]
    out.emit(found, study_view)
    if folder:
        from attnscope.validation.study_plot import save_figures

        for path in save_figures(found, folder):
            out.saved(path)
    else:
        out.note("No figures drawn: give --output DIR.")
