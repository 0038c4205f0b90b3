"""mfact solve: the main job, from a matrix file to a run file and its tables."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import click

from mfact.cli.carry_out import carry_out, show_plan
from mfact.cli.config import refuse_given
from mfact.cli.files import matrix_of, tell_note
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import run_options, settings_of
from mfact.cli.outputs import claim_unnamed, default_output, outputs
from mfact.cli.results import result_options
from mfact.cli.types import FILE
from mfact.report.text import duration
from mfact.trace import COLUMNS

PLAN_VIEWS = ("table", "json", "markdown")
EXAMPLES = (
    ("mfact solve digits.npy -r 5", "the paper's objective and decaying steps; run file beside"),
    ("mfact solve digits.npy -r 5 --schedule constant --seed 1 -o five.h5", "a constant step"),
    ("mfact solve data.h5:/X -r 5 --objective balanced --format json --no-output",
     "the regularized objective, as one JSON document"),
    ("mfact solve digits.npy -r 5 --method nesterov", "another update rule, and the law it keeps"),
    ("mfact solve digits.npy -r 5 --dry-run", "what it would take, and what it would write"),
    ("mfact solve digits.npy -r 5 --config run.toml --max-time 60", "options from a file"),
)  # fmt: skip


@helpful_command(
    "solve",
    short_help="Factor a matrix by gradient descent.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4", "signal"),
    notes=lambda: [("Columns of the trace", [(name, c.words) for name, c in COLUMNS.items()])],
)
@click.argument("matrix", metavar="MATRIX", type=FILE)
@run_options
@option(
    "-o",
    "--output",
    "Output",
    "The run file to write.",
    metavar="RUN.h5",
    type=FILE,
    show_default="here, NAME.run.h5 or NAME.DATASET.run.h5",
)
@option("--no-output", "Output", "Write no run file.", is_flag=True)
@option(
    "--dry-run",
    "Output",
    "Plan the run with its first passes, show memory, passes, forecast and files, write nothing.",
    is_flag=True,
)
@result_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Factor MATRIX ≈ UVᵀ by gradient descent, or another --method, and say why it worked.

    MATRIX is d1×d2: a .npy or .npz file, an HDF5 file (file.h5, file.h5:/path),
    Zarr, MatrixMarket, or a scipy sparse .npz. U is d1×r, V is d2×r.
    """
    log = ctx.ensure_object(Log)
    started = time.perf_counter()
    settings, came_from = settings_of(ctx, values)
    output = _output(ctx, matrix, values)
    _refuse_idle(ctx, values)

    if values["dry_run"]:
        from mfact.studies.dry_run import dry_run
    else:
        from mfact.run.solve import solve

    log.detail(f"loaded in {duration(time.perf_counter() - started)}")
    checkpoint = settings.checkpoint_path(output)
    files = outputs(output, values, checkpoint)
    source = matrix_of(ctx, matrix, values, read={"start": settings.start_file}, written=files)
    note = partial(tell_note, log)
    admit = claim_unnamed(
        output if values["output"] is None else None,
        checkpoint if settings.checkpoint is None else None,
        source,
        note,
    )
    if values["dry_run"]:
        plan = partial(
            dry_run, source, settings, sources=came_from, output=output, files=files, admit=admit
        )
        return show_plan(plan, values, log)
    run = partial(
        solve,
        source,
        settings,
        sources=came_from,
        output=output,
        refuse=True,
        note=note,
        admit=admit,
    )
    return carry_out(run, output, values, log, settings.every)


def _refuse_idle(ctx: click.Context, values: dict[str, Any]) -> None:
    """Refuse, beside --dry-run, what would say how a run is shown."""
    if not values["dry_run"]:
        return
    if values["format"] not in PLAN_VIEWS:
        ctx.fail(f"--dry-run has no view {values['format']}: use {' or '.join(PLAN_VIEWS)}")
    shown = ("rows", "full", "factors", "reproducible", "exit_zero")
    refuse_given(ctx, shown, "with --dry-run: leave it out")


def _output(ctx: click.Context, matrix: str, values: dict[str, Any]) -> str | None:
    """The path of the run file: as asked, or NAME.run.h5 in the working folder."""
    if values["no_output"]:
        if values["output"] is not None:
            ctx.fail("--output and --no-output exclude each other: give one")
        return None
    output: str | None = values["output"]
    return default_output(matrix, values["dataset"]) if output is None else output
