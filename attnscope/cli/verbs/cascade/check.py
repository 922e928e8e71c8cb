"""`attnscope cascade check`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from attnscope.cli.group import Verb
from attnscope.cli.options import in_section, output_options
from attnscope.cli.output import Output
from attnscope.cli.params import CASCADE, SIZES
from attnscope.errors import UsageError

if TYPE_CHECKING:
    from attnscope.einsum_cascade import CheckReport


@dataclass(frozen=True)
class Checks:
    """Reports of one or several cascades."""

    reports: tuple["CheckReport", ...]

    @property
    def passed(self) -> bool:
        """Whether every cascade equals its reference."""
        return all(report.passed for report in self.reports)

    def to_dict(self) -> dict[str, Any]:
        """Return all reports."""
        return {"passed": self.passed, "reports": [report.to_dict() for report in self.reports]}

    def to_records(self) -> list[dict[str, Any]]:
        """Return one row per case."""
        return [
            {"cascade": report.cascade, "reference": report.reference, **case.to_dict()}
            for report in self.reports
            for case in report.cases
        ]


of_check = in_section("Check")


@click.command(cls=Verb)
@click.argument("name", type=CASCADE, required=False)
@of_check("--all", "every", is_flag=True, help="Check the whole library.")
@of_check("--equals", metavar="CLAIM", help="Another claim, such as 'softmax-attention(Q, K, V)' or a cascade.")
@of_check("--sizes", type=SIZES, metavar="RANK=N,...", help="Lengths that every case must use.")
@of_check("--seed", type=int, default=0, metavar="N", help="Seed of the random inputs (default 0).")
@output_options
@click.pass_context
def check(
    ctx: click.Context,
    name: str | None,
    every: bool,
    equals: str | None,
    sizes: dict[str, int] | None,
    seed: int,
    out: Output,
) -> None:
    """Prove by execution on random inputs that a cascade equals its reference; exit 1 where it does not.

    The reference runs in fp64. The cases cover logits of +-1e4, lengths that tiles do not divide, fully masked rows and
    fp32.

    Examples:
      attnscope cascade check attention-1pass
      attnscope cascade check --all
      attnscope cascade check attention-1pass --equals attention-3pass
    """
    from attnscope.cli.views.check import check_view
    from attnscope.einsum_cascade import check as prove
    from attnscope.einsum_cascade import library, load

    if bool(name) == every:
        raise UsageError(
            "name one cascade, or give --all for the whole library." if every else "name a cascade, or give --all."
        )
    names = library() if every else (str(name),)
    found = Checks(tuple(prove(load(one), equals=equals, sizes=sizes, seed=seed) for one in names))
    out.emit(found, check_view)
    if not found.passed:
        ctx.exit(1)
