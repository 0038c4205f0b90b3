"""mfact inspect: what a matrix file holds, before anything is factored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.files import matrix_of
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import flags, input_options, log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE, Typed
from mfact.ranges import MOST_INDEX, Count
from mfact.settings import CENTER, MAX_MEMORY, RANK

if TYPE_CHECKING:
    from mfact.report.views import Views

EXAMPLES = (
    ("mfact inspect digits.npy", "spectrum, numerical rank, suggested rank and step"),
    ("mfact inspect data.h5:/X --leading 8 --format json", "the same as one JSON document"),
)


@helpful_command("inspect", short_help="Say what a matrix file holds.", examples=EXAMPLES)
@click.argument("matrix", metavar="MATRIX", type=FILE)
@input_options
@flags({
    "rank": replace(
        RANK, default=None, panel="Output",
        words="The rank that the forecast is for, as solve takes it.",
        unset="the suggested rank"),
    "center": CENTER,
    "max_memory": MAX_MEMORY,
})  # fmt: skip
@option(
    "--leading",
    "Output",
    "Singular values to show; beyond 1500 rows and columns, also how many are computed.",
    type=Typed(Count(least=1, most=MOST_INDEX)),
    default=20,
)
@view_option("json", "markdown", "csv")
@log_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Say what MATRIX holds: shape, kind, norm, spectrum, numerical rank.

    It also suggests a rank (the clearest gap of the spectrum, else 95 % of ‖M‖², if few
    components hold it) and a constant step size, 0.5/σ₁, and forecasts the iterations under
    each schedule.
    """
    from mfact.report.machine import json_text
    from mfact.report.sheets import sheet
    from mfact.report.spectrum import inspection_document, inspection_page, spectrum_rows
    from mfact.report.views import page_views
    from mfact.studies.memory import plan_inspection
    from mfact.studies.prospect import prospect

    log = ctx.ensure_object(Log)
    source = matrix_of(ctx, matrix, values)
    leading, rank, most = values["leading"], values["rank"], values["max_memory"]
    center = values["center"]
    M, plan = plan_inspection(source, leading, rank, most, center)
    log.detail(plan.describe())
    with watched(log) as doing:
        found = prospect(M, rank=rank, leading=leading, center=center, max_memory=most, doing=doing)
    about = source.describe()
    views: Views = {
        **page_views(partial(inspection_page, found, about, most=leading)),
        "csv": lambda look: sheet(spectrum_rows(found)),
        "json": lambda look: json_text(inspection_document(found, about)),
    }
    show(values["format"], views, quiet=log.quiet)
    return 0
