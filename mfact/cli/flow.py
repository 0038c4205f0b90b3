"""mfact flow: the gradient flow of a matrix, and the steps of methods beside their flows."""

from __future__ import annotations

from typing import Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.config import sources
from mfact.cli.files import matrix_of
from mfact.cli.help import helpful_command
from mfact.cli.log import Log
from mfact.cli.options import drawn, flags, input_options, log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE
from mfact.settings import FLOW_OPTIONS, MAX_MEMORY, STARTS

EXAMPLES = (
    ("mfact flow elnino.npy -r 3 --seed 1", "the flow until every mode is fitted, D unchanged"),
    ("mfact flow elnino.npy -r 3 --seed 1 --compare gradient-descent,scaled",
     "how far either with six step sizes is from its flow, and how far its law moves"),
    ("mfact flow digits.npy -r 2 --objective balanced --time 0.1 --seed 1 --format json",
     "another objective and time, as one JSON document"),
)  # fmt: skip


@helpful_command("flow", short_help="Follow the gradient flow of a matrix.", examples=EXAMPLES)
@click.argument("matrix", metavar="MATRIX", type=FILE)
@input_options
@flags({**FLOW_OPTIONS, "max_memory": MAX_MEMORY})
@view_option("json", "markdown", "csv")
@log_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Follow d(U, V)/ds = −∇f(U, V), the limit of gradient descent with small steps.

    The flow of the plain objective conserves D = UᵀU − VᵀV exactly (Theorem 2.2); gradient
    descent lets it drift by an amount of first order in the step size. --compare shows that, of
    other methods and their laws too. M is d1×d2, U is d1×r, V is d2×r.
    """
    from mfact.report.flow_tables import document, page, rows
    from mfact.report.views import document_views
    from mfact.studies.flow import flow_settings, study
    from mfact.studies.memory import plan_flow

    came_from = sources(ctx, FLOW_OPTIONS)
    given = [name for name, source in came_from.items() if source != "default"]
    settings = flow_settings({**values, "seed": drawn(values["seed"])}, given)
    start = None if values["start"] in STARTS else values["start"]
    log = ctx.ensure_object(Log)
    source = matrix_of(ctx, matrix, values, read={"start": start})
    M, plan = plan_flow(source, settings, values["max_memory"])
    log.detail(plan.describe())
    with watched(log) as doing:
        made = document(study(M, settings, doing=doing), source.name)
    show(values["format"], document_views(made, page, rows), quiet=log.quiet)
    return 0
