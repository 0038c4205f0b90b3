"""mfact inspect: what a matrix file holds, before anything is factored."""

from __future__ import annotations

import sys
from typing import Any

import click

from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log, log_options
from mfact.cli.options import input_options
from mfact.cli.streams import emit
from mfact.cli.types import Count

EXAMPLES = (
    ("mfact inspect digits.npy", "spectrum, numerical rank, suggested rank and step"),
    ("mfact inspect data.h5:/X --leading 8 --format json", "the same as one JSON document"),
)


@helpful_command("inspect", short_help="Say what a matrix file holds.", examples=EXAMPLES)
@click.argument("matrix", metavar="MATRIX")
@input_options
@option(
    "--leading",
    "Output",
    "Singular values to show; beyond 1500 rows and columns, also how many are computed.",
    type=Count(least=1),
    default=20,
)
@option(
    "--format",
    "Output",
    "The view on standard output.",
    type=click.Choice(("table", "json")),
    default="table",
)
@log_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Say what MATRIX holds: shape, kind, norm, spectrum, numerical rank.

    It also suggests a rank (the clearest gap of the spectrum, else 95 % of ‖M‖²) and a
    constant step size, 0.5/σ₁.
    """
    from mfact.inspection import inspect_matrix
    from mfact.report.machine import json_text
    from mfact.report.spectrum import inspection_document, inspection_page
    from mfact.report.terminal import look_of
    from mfact.storage.matrices import open_matrix

    source = open_matrix(matrix, dataset=values["dataset"], follow_links=values["follow_links"])
    precision = {"f2": "float16", "f4": "float32"}.get(source.stored_dtype[1:], "float64")
    found = inspect_matrix(source.read(), leading=values["leading"], precision=precision)
    about = source.describe()
    if values["format"] == "json":
        emit(json_text(inspection_document(found, about)))
    elif not ctx.ensure_object(Log).quiet:
        emit(inspection_page(found, about, look_of(sys.stdout), most=values["leading"]))
    return 0
