"""mfact solve: the main job, from a matrix file to a run file and its tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.files import matrix_of
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import run_options, settings_of
from mfact.cli.outputs import claim_unnamed, default_output, outputs
from mfact.cli.results import exit_code, print_result, result_options
from mfact.cli.types import FILE
from mfact.report.text import duration
from mfact.trace import COLUMNS
from mfact.words import printable

if TYPE_CHECKING:
    from signal import Signals

    from mfact.core import Result
    from mfact.report.progress import ProgressLine

EXAMPLES = (
    ("mfact solve digits.npy -r 5", "the paper's objective and decaying steps; run file beside"),
    ("mfact solve digits.npy -r 5 --schedule constant --seed 1 -o five.h5", "a constant step"),
    ("mfact solve data.h5:/X -r 5 --objective balanced --format json --no-output",
     "the regularized objective, as one JSON document"),
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
@result_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str, **values: Any) -> int:
    """Factor MATRIX ≈ UVᵀ by gradient descent, and say why it worked.

    MATRIX is d1×d2: a .npy or .npz file, an HDF5 file (file.h5, file.h5:/path),
    MatrixMarket, or a scipy sparse .npz. U is d1×r, V is d2×r.
    """
    log = ctx.ensure_object(Log)
    started = time.perf_counter()
    settings, came_from = settings_of(ctx, values)
    output = _output(ctx, matrix, values)

    from mfact.run.solve import solve

    log.detail(f"loaded in {duration(time.perf_counter() - started)}")
    checkpoint = settings.checkpoint_path(output)
    source = matrix_of(
        ctx,
        matrix,
        values,
        read={"start": settings.start_file},
        written=outputs(output, values, checkpoint),
    )

    def note(text: str) -> None:
        log.note(f"mfact: note: {text}")

    admit = claim_unnamed(
        output if values["output"] is None else None,
        checkpoint if settings.checkpoint is None else None,
        source,
        note,
    )
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
    return carry_out(run, output, values, log)


def _output(ctx: click.Context, matrix: str, values: dict[str, Any]) -> str | None:
    """The path of the run file: as asked, or NAME.run.h5 in the working folder."""
    if values["no_output"]:
        if values["output"] is not None:
            ctx.fail("--output and --no-output exclude each other: give one")
        return None
    output: str | None = values["output"]
    return default_output(matrix, values["dataset"]) if output is None else output


def carry_out(
    run: Callable[..., Result], output: str | None, values: dict[str, Any], log: Log
) -> int:
    """Run to the end, write and print what was asked for; the exit code.

    run: mfact.run.solve.solve or resume, all but for what every command gives it.
    """
    from mfact.host.signals import INSISTENT, SignalFlag
    from mfact.host.timer import Timer
    from mfact.report.progress import CLEAR, write_now

    progress = _progress_lines(log)
    doing = "finishing this block"

    def heard(number: Signals) -> None:
        log.tell(signal=flag.number)
        if not log.quiet:
            again = "; again to stop at once" if number in INSISTENT else ""
            clear = CLEAR if progress else ""
            write_now(sys.stderr, f"{clear}mfact: {number.name}: {doing}{again}\n")

    # Left when all is written: a signal that comes late does not cost a finished run.
    with SignalFlag(heard) as flag:
        try:
            result = run(
                observers=progress,
                reproducible=values["reproducible"],
                argv=["mfact", *sys.argv[1:]],
                signals=flag,
                warn=_warning(log, progress),
                detail=log.detail,
                timer=Timer(log.began),
            )
        finally:
            while progress:
                progress.pop().clear()
        doing = "writing the result"
        log.detail(f"{result.outcome.sentence}: {result.message}")
        _write(result, output, values, log)
        print_result(result, values, quiet=log.quiet)
    # A run that ended at a limit and could not keep its checkpoint has failed.
    return 1 if "unsaved" in result.summary else exit_code(result, values["exit_zero"])


def _progress_lines(log: Log) -> list[ProgressLine]:
    """The progress line, where a person looks at a terminal that can rewrite a line."""
    from mfact.report.terminal import is_terminal, obeys_escapes

    if log.quiet or not obeys_escapes() or not is_terminal(sys.stderr):
        return []
    from mfact.report.progress import ProgressLine

    return [ProgressLine(sys.stderr)]


def _warning(log: Log, progress: list[ProgressLine]) -> Callable[[str], None]:
    """Says what went wrong while the run goes on, past the progress line."""

    def warn(text: str) -> None:
        for line in progress:
            line.clear()
        log.error(f"mfact: warning: {text}")

    return warn


def _write(result: Result, output: str | None, values: dict[str, Any], log: Log) -> None:
    """The files that were asked for, each said once it is safe on the disk."""
    if output is not None:
        from mfact.storage.runs import write_run

        write_run(output, result)
        log.note(f"wrote {printable(output)}")
    if values["factors_npy"] is not None:
        from mfact.storage.factors import write_factors_npy

        for path in write_factors_npy(values["factors_npy"], result.U, result.V):
            log.note(f"wrote {printable(path)}")
