"""mfact check: recompute a run from its file and the matrix, and hold it to requirements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.files import matrix_of_its_own
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import flags, input_options, log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE
from mfact.options import options_of
from mfact.settings import MAX_MEMORY, RunSettings
from mfact.words import printable

EXAMPLES = (
    ("mfact check digits.run.h5", "recompute loss, gap, imbalance and certificate"),
    ("mfact check digits.run.h5 digits.npy --require 'gap<1e-8' --require 'imbalance<1e-6'",
     "exit 5 unless both hold"),
    ("mfact check digits.run.h5 --require global-optimum --require lemma-3.1 --format junit",
     "claims, as a test suite for a CI server"),
)  # fmt: skip


@helpful_command(
    "check",
    short_help="Recompute a run from its file and the matrix.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "5"),
)
@click.argument("run_file", metavar="RUN.h5", type=FILE)
@click.argument("matrix", metavar="[MATRIX]", type=FILE, required=False)
@input_options
@option(
    "--require",
    "Stopping",
    "A number against a limit (gap<1e-8) or a claim that must hold (lemma-3.1, ledger, "
    "global-optimum); may be given again.",
    multiple=True,
    metavar="WHAT",
    envvar=None,
    show_default="none",
)
@flags({
    "tol": replace(
        options_of(RunSettings)["tol"], words="Gap that counts as optimal.",
        unset="that of the run"),
    "max_memory": MAX_MEMORY,
})  # fmt: skip
@view_option("json", "junit", "github", "markdown", "csv")
@option("--exit-zero", "Output", "Exit 0, not 5, when a claim is violated.", is_flag=True)
@log_options
@click.pass_context
def command(ctx: click.Context, /, run_file: str, matrix: str | None, **values: Any) -> int:
    """Recompute everything that RUN.h5 says from its factors and MATRIX.

    MATRIX is the file that the run names when it is not given. M is d1×d2, U is d1×r, V is
    d2×r. Any violated claim makes the exit code 5: a stored number that is not that of
    the factors, an end point at a saddle, a lemma that a step contradicts, a requirement.
    """
    from mfact.report.checks import Report, check_views
    from mfact.storage.runs import read_run
    from mfact.studies.checked import checked, parsed
    from mfact.studies.memory import plan_check

    requirements = parsed(values["require"])
    result = read_run(run_file)
    log = ctx.ensure_object(Log)
    way_out = f"name it: mfact check {printable(run_file)} MATRIX"
    source = matrix_of_its_own(ctx, result, run_file, matrix, values, way_out)
    M, plan = plan_check(source, result, max_memory=values["max_memory"])
    log.detail(plan.describe())
    with watched(log) as doing:
        found = checked(M, result, requirements, values["tol"], doing)
    report = Report(
        kind="check",
        subjects={"run": run_file, "matrix": source.name},
        sentence=found.sentence,
        claims=found.claims,
        run=result,
        numbers=found.numbers,
    )
    show(values["format"], check_views(report), quiet=log.quiet)
    return 0 if found.holds or values["exit_zero"] else 5
