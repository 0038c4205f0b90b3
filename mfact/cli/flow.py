"""mfact flow: the gradient flow of a matrix, and gradient descent beside it."""

from __future__ import annotations

import secrets
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.config import sources
from mfact.cli.files import matrix_of
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log, log_options
from mfact.cli.options import input_options
from mfact.cli.streams import emit
from mfact.cli.types import MOST_INDEX, Count, Real
from mfact.errors import SettingsError
from mfact.settings import MOST_SEED, OBJECTIVES, STARTS

BELONGS = {
    "balance_weight": ("objective", ("balanced",)),
    "imbalance": ("start", ("balanced",)),
    "start_ratio": ("start", ("unbalanced",)),
    "start_scale": ("start", STARTS),
    "seed": ("start", ("gaussian", "balanced", "unbalanced")),
}
"""Option -> the other option on which it depends, and the choices with which it means anything."""

if TYPE_CHECKING:
    from mfact.core import Array
    from mfact.matrices.source import MatrixSource

EXAMPLES = (
    ("mfact flow elnino.npy -r 3 --seed 1", "the flow until every mode is fitted, D unchanged"),
    ("mfact flow elnino.npy -r 3 --start balanced --seed 1 --compare-gd",
     "closed form, and how far gradient descent with six step sizes is from it"),
    ("mfact flow digits.npy -r 2 --objective balanced --time 0.1 --seed 1 --format json",
     "another objective and time, as one JSON document"),
)  # fmt: skip


@helpful_command("flow", short_help="Follow the gradient flow of a matrix.", examples=EXAMPLES)
@click.argument("matrix", metavar="MATRIX")
@input_options
@option(
    "-r",
    "--rank",
    "Model",
    "r, the number of columns of U and V.",
    type=Count(least=1, most=MOST_INDEX),
    required=True,
)
@option(
    "--objective",
    "Model",
    "plain: ½‖UVᵀ − M‖²; balanced: adds (λ/8)‖UᵀU − VᵀV‖², all norms Frobenius.",
    type=click.Choice(OBJECTIVES),
    default="plain",
)
@option(
    "--balance-weight", "Model", "λ of the balanced objective.", type=Real(least=0), default=1.0
)
@option(
    "--start",
    "Start",
    f"{', '.join(STARTS)}, or a run file or .npz with U and V.",
    metavar="KIND|FILE",
    default="gaussian",
)
@option(
    "--start-scale",
    "Start",
    "Standard deviation of the entries (units of √M), or the scale c of c·Q.",
    type=Real(above=0),
    show_default="from M",
)
@option(
    "--start-ratio",
    "Start",
    "‖U‖²/‖V‖² of the unbalanced start.",
    type=Real(above=0),
    default=100.0,
)
@option(
    "--imbalance",
    "Start",
    "λ in D₀ = λI of the balanced start, in units of M.",
    type=Real(least=0),
    default=0.0,
)
@option(
    "--seed",
    "Start",
    "Seed of the start; printed.",
    type=Count(most=MOST_SEED),
    show_default="drawn",
)
@option(
    "--time",
    "Stopping",
    "Flow time to reach, in units of 1/M.",
    type=Real(above=0),
    show_default="until the slowest of the r modes is fitted to 1e-6",
)
@option(
    "--solver",
    "Computation",
    "auto: the closed form where it holds (plain with D₀ = λI, balanced with weight 1), else "
    "ode, which is DOP853.",
    type=click.Choice(("auto", "closed-form", "ode")),
    default="auto",
)
@option(
    "--compare-gd",
    "Computation",
    "Run gradient descent too, at six step sizes, to the same flow time.",
    is_flag=True,
)
@option(
    "--points",
    "Output",
    "Number of times shown, evenly spaced.",
    type=Count(least=2, most=MOST_INDEX),
    default=11,
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
    """Follow d(U, V)/ds = −∇f(U, V), the limit of gradient descent with small steps.

    The flow of the plain objective conserves D = UᵀU − VᵀV exactly (Theorem 2.2); gradient
    descent lets it drift by an amount of first order in the step size, which --compare-gd
    shows. M is d1×d2, U is d1×r, V is d2×r.
    """
    from mfact.report.flow_tables import document
    from mfact.studies.flow import FlowSettings, study

    _refuse_idle(ctx, values)
    start = None if values["start"] in STARTS else values["start"]
    log = ctx.ensure_object(Log)
    source = matrix_of(ctx, matrix, values, read={"start": start})
    if values["seed"] is None:
        values["seed"] = secrets.randbits(32)
    values["weight"] = values["balance_weight"] if values["objective"] == "balanced" else 0.0
    settings = FlowSettings(**{f.name: values[f.name] for f in fields(FlowSettings)})
    factors = None
    if start is not None:
        from mfact.storage.factors import read_factors

        factors = read_factors(start)
    name, M, stored = _read(source, log)
    made = document(study(M, settings, factors, stored=stored), name)
    if values["format"] == "json":
        from mfact.report.machine import json_text

        emit(json_text(made))
    elif not log.quiet:
        from mfact.report.flow_tables import page
        from mfact.report.terminal import look_of

        emit(page(made, look_of(sys.stdout)))
    return 0


def _refuse_idle(ctx: click.Context, values: dict[str, Any]) -> None:
    """Refuse an option that was given and would do nothing."""
    for name, source in sources(ctx, BELONGS).items():
        chooser, choices = BELONGS[name]
        if source != "default" and values[chooser] not in choices:
            raise SettingsError(
                f"--{name.replace('_', '-')} has no meaning with --{chooser} {values[chooser]}",
                f"leave it out, or use --{chooser} {choices[0]}",
            )


def _read(source: MatrixSource, log: Log) -> tuple[str, Array, str]:
    """Name and entries of the matrix, and the kind they were stored in."""
    from mfact.studies.memory import plan_of

    d1, d2 = source.shape
    # The copy that the decomposition destroys, both sets of vectors, its workspace; and the dense
    # form of a sparse matrix.
    vectors = 8 * min(d1, d2) * (d1 + d2)
    parts = {"singular vectors": 8 * d1 * d2 * (1 + source.sparse) + 2 * vectors}
    plan = plan_of(source, parts)
    log.detail(plan.describe())
    plan.check("free memory, or use a part of the matrix", subject="the flow")
    M: Any = source.read()
    return source.name, M.toarray() if source.sparse else M, source.stored_dtype
