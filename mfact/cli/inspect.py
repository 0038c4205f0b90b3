"""mfact inspect: what a matrix file holds, before anything is factored."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.files import matrix_of
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log, log_options
from mfact.cli.options import flags, input_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE, Typed
from mfact.ranges import MOST_INDEX, Count
from mfact.settings import RANK

if TYPE_CHECKING:
    from mfact.report.views import Views
    from mfact.studies.outlook import Outlook

EXAMPLES = (
    ("mfact inspect digits.npy", "spectrum, numerical rank, suggested rank and step"),
    ("mfact inspect data.h5:/X --leading 8 --format json", "the same as one JSON document"),
)


@helpful_command("inspect", short_help="Say what a matrix file holds.", examples=EXAMPLES)
@click.argument("matrix", metavar="MATRIX", type=FILE)
@input_options
@flags({
    "rank": replace(
        RANK, default=None, panel="Output", words="The rank that the forecast is for.",
        unset="the suggested rank")
})  # fmt: skip
@option(
    "--leading",
    "Output",
    "Singular values to show; beyond 1500 rows and columns, also how many are computed.",
    type=Typed(Count(least=1, most=MOST_INDEX)),
    default=20,
)
@view_option("json")
@log_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Say what MATRIX holds: shape, kind, norm, spectrum, numerical rank.

    It also suggests a rank (the clearest gap of the spectrum, else 95 % of ‖M‖², if few
    components hold it) and a constant step size, 0.5/σ₁, and forecasts the iterations under
    each schedule.
    """
    from mfact.report.machine import json_text
    from mfact.report.spectrum import inspection_document, inspection_page
    from mfact.studies.inspect import inspect_matrix
    from mfact.studies.memory import plan_inspection
    from mfact.studies.outlook import outlooks
    from mfact.targets.door import SCALES

    log = ctx.ensure_object(Log)
    source = matrix_of(ctx, matrix, values).occupied()
    rank = values["rank"]
    if rank is not None and rank > min(source.shape):
        ctx.fail(f"rank {rank} is above min(d1, d2) = {min(source.shape)}: take a smaller one")
    leading = max(values["leading"], (rank or 0) + 1)
    log.detail(plan_inspection(source, leading).describe())
    found = inspect_matrix(source, leading=leading)
    rank = found.suggested_rank if rank is None else rank
    ahead: tuple[Outlook, ...] = ()
    least, most = SCALES["float64"]
    if rank is not None and least <= found.norm <= most:
        ahead = outlooks(found.singular_values, found.norm, found.shape, rank, found.rank_tolerance)
    about = source.describe()
    views: Views = {
        "table": partial(
            inspection_page, found, about, most=values["leading"], rank=rank, ahead=ahead
        ),
        "json": lambda look: json_text(inspection_document(found, about, rank, ahead)),
    }
    show(values["format"], views, quiet=log.quiet)
    return 0
