"""mfact diff: two runs beside each other, modulo rotation and within tolerances."""

from __future__ import annotations

from typing import Any

import click

from mfact.cli.files import claim_files
from mfact.cli.help import helpful_command, option
from mfact.cli.options import log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE, Typed
from mfact.ranges import Real
from mfact.words import shown

EXAMPLES = (
    ("mfact diff baseline.run.h5 new.run.h5", "exit 5 when they differ beyond rounding"),
    ("mfact diff a.run.h5 b.run.h5 --column gap=1e-2 --ignore iterations",
     "a looser tolerance for one column, and none for the count"),
    ("mfact diff a.run.h5 b.run.h5 --rtol 1e-3 --format github", "annotations of a pull request"),
)  # fmt: skip


class Column:
    """NAME=RTOL or NAME=RTOL,ATOL."""

    name = "NAME=RTOL[,ATOL]"

    def read(self, value: Any) -> tuple[str, tuple[float, float]]:
        name, _, numbers = str(value).partition("=")
        try:
            parts = [float(part) for part in numbers.split(",")]
            rtol, atol = parts if len(parts) == 2 else (*parts, 0.0)
        except ValueError:
            raise ValueError(f"{shown(value)} is not NAME=RTOL or NAME=RTOL,ATOL") from None
        if not (0 <= rtol < float("inf") and 0 <= atol < float("inf")):
            raise ValueError(f"{shown(value)}: tolerances are numbers that are not negative")
        return name.strip(), (rtol, atol)


@helpful_command(
    "diff",
    short_help="Compare two run files within tolerances.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "5"),
)
@click.argument("first", metavar="RUN.h5", type=FILE)
@click.argument("second", metavar="RUN.h5", type=FILE)
@option("--rtol", "Stopping", "Relative tolerance.", type=Typed(Real(least=0)), default=1e-6)
@option(
    "--atol",
    "Stopping",
    "Absolute tolerance, in the power of ‖M‖ that a column has the units of.",
    type=Typed(Real(least=0)),
    default=1e-12,
)
@option(
    "--column",
    "Stopping",
    "Tolerances of one column of the trace, or of the factors; may be given again.",
    type=Typed(Column()),
    multiple=True,
    metavar="NAME=RTOL[,ATOL]",
    envvar=None,
    show_default="none",
)
@option(
    "--ignore",
    "Stopping",
    "A column, or iterations, outcome, verdicts, factors; may be given again.",
    multiple=True,
    metavar="NAME",
    envvar=None,
    show_default="none",
)
@view_option("json", "junit", "github", "markdown", "csv")
@option("--exit-zero", "Output", "Exit 0, not 5, when the runs differ.", is_flag=True)
@log_options
@click.pass_context
def command(ctx: click.Context, /, first: str, second: str, **values: Any) -> int:
    """Compare two runs of one matrix: factors, trace, iterations, outcome, verdicts.

    The factors are compared modulo rotation, (U, V) ~ (UQ, VQ); each column of the trace at
    the steps that both runs recorded. Different settings are told and are no difference.
    """
    from mfact.core import violated
    from mfact.report.checks import Report, check_views
    from mfact.storage.runs import read_run
    from mfact.studies.diff import Tolerances, compare

    log = claim_files(ctx, {"first run file": first, "second run file": second})
    a, b = read_run(first), read_run(second)
    tolerances = Tolerances(
        values["rtol"], values["atol"], dict(values["column"]), tuple(values["ignore"])
    )
    claims = tuple(compare(a, b, tolerances))
    differ = [claim.name for claim in violated(claims)]
    report = Report(
        kind="diff",
        subjects={"first": first, "second": second},
        sentence=f"the runs differ in {', '.join(differ)}" if differ else "the runs agree",
        claims=claims,
        run=a,
    )
    show(values["format"], check_views(report), quiet=log.quiet)
    return 5 if differ and not values["exit_zero"] else 0
