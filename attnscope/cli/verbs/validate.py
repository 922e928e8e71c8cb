"""`attnscope validate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import COUNT, FAMILY

if TYPE_CHECKING:
    from attnscope.validation.report import Report

_REFERENCE = "A folder with further reference data, for the families that can use one."


@dataclass(frozen=True)
class Validation:
    """Reports of one family or of all, and how much of them to show."""

    reports: tuple["Report", ...]
    worst: int
    rows: bool

    @property
    def ok(self) -> bool:
        """Whether every figure is in tolerance."""
        return all(report.ok for report in self.reports)

    def to_dict(self) -> dict[str, Any]:
        """Return the one report, or all of them in a list."""
        if len(self.reports) == 1:
            return self.reports[0].to_dict()
        return {"ok": self.ok, "reports": [report.to_dict() for report in self.reports]}

    def to_records(self) -> list[dict[str, Any]]:
        """Return one row per figure."""
        return [{"family": report.family, **row} for report in self.reports for row in report.to_records()]


to_show = in_section("What to show")


@click.command(cls=Verb)
@click.argument("family", type=FAMILY, required=False)
@to_show("--rows", is_flag=True, help="Every figure, not only the worst.")
@to_show("--worst", type=COUNT, default=10, metavar="N", help="How many of the worst rows (default 10).")
@to_show(
    "--reference", type=click.Path(file_okay=False, exists=True, path_type=Path), metavar="FOLDER", help=_REFERENCE
)
@output_options
@click.pass_context
def validate(
    ctx: click.Context, family: str | None, rows: bool, worst: int, reference: Path | None, out: Output
) -> None:
    """Compare our figures with the published ones, row by row and in sum; exit 1 beyond tolerance.

    FAMILY is fusemax (spatial arrays), gna (neighbourhood attention on GPUs), gpu (library kernels on GPUs; needs
    --reference) or offload (decode, on GPUs and on pools); all of them without it.

    Examples:
      attnscope validate fusemax
      attnscope validate gna --worst 20
      attnscope validate offload --rows
      attnscope validate fusemax --format csv -o rows.csv
    """
    from attnscope.cli.views.validate import validate_view
    from attnscope.validation.families import FAMILIES, NEED_REFERENCE
    from attnscope.validation.families import validate as compare

    left_out = () if family or reference else NEED_REFERENCE
    families = (family,) if family else tuple(name for name in FAMILIES if name not in left_out)
    found = Validation(tuple(compare(name, reference) for name in families), worst, rows)
    out.emit(found, validate_view)
    for name in left_out:
        out.note(f"Left out: {name}, which needs --reference FOLDER.")
    if not found.ok:
        ctx.exit(1)
