"""mfact plot: runs as a picture, and the numbers that are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.files import claim_files, matrix_of_its_own
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import input_options, log_options
from mfact.cli.pictures import X_OPTION, claim_picture, write_picture
from mfact.cli.types import FILE, one_of
from mfact.options import flag
from mfact.pictures.names import KINDS, RESIDUAL, STARTS
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.pictures.drawing import Picture
    from mfact.storage.claims import Paths

EXAMPLES = (
    ("mfact plot elnino.run.h5", "the gap over the steps, as elnino.convergence.svg"),
    ("mfact plot a.run.h5 b.run.h5 --kind balance -o balance.png",
     "two runs in one picture; the legend says what they differ in"),
    ("mfact plot elnino.run.h5 --kind ledger --data ledger.csv",
     "the drift on its exact law, and every number that is drawn"),
    ("mfact plot elnino.run.h5 --kind residual", "which rows and columns of the matrix fit badly"),
)  # fmt: skip


@helpful_command("plot", short_help="Draw runs into a picture.", examples=EXAMPLES)
@click.argument("files", metavar="RUN.h5…", type=FILE, nargs=-1, required=True)
@option("--kind", "Output", "What is drawn.", type=one_of(*KINDS, RESIDUAL, STARTS), default=None,
        show_default="convergence, methods where they differ, or what there is")  # fmt: skip
@X_OPTION
@option("-o", "--output", "Output", "The picture, .svg, .png or .pdf.", metavar="FILE",
        type=FILE, show_default="here, NAME.KIND.svg")  # fmt: skip
@option("--data", "Output", "Also write every number that is drawn, as CSV.", metavar="FILE.csv",
        type=FILE, show_default="none")  # fmt: skip
@option("--matrix", "Input", "The matrix of the run, for --kind residual.", metavar="MATRIX",
        type=FILE, show_default="the file that the run names")  # fmt: skip
@input_options
@log_options
@click.pass_context
def command(ctx: click.Context, /, files: tuple[str, ...], **values: Any) -> int:
    """Draw what files of `mfact solve`, `mfact network` and `mfact sweep -o` hold.

    What `mfact balance --format json` printed is drawn too. convergence: the gap over the steps;
    balance: ‖UᵀU − VᵀV‖ and the norms; ledger: its drift on the exact law; spectrum: σ_i of M and
    of UVᵀ; modes: how σ_i(UVᵀ) grow; methods: the gap, the drift, and what each method keeps;
    residual: the rows and columns that fit badly. Runs that differ in nothing but the seed become
    a band.
    """
    from mfact.pictures.kinds import kind_of, picture_of
    from mfact.storage.either import read_any

    if values["kind"] == RESIDUAL:
        return _residual(ctx, files, values)
    for name in ("matrix", "dataset", "follow_links", "transpose"):
        if values[name]:
            ctx.fail(f"{flag(name)} is for --kind {RESIDUAL}: leave it out")
    named = [(name, read_any(name)) for name in files]
    kind = values["kind"] or kind_of(*(kept for _, kept in named))
    output, written = _written(files[0], kind, values)
    log = claim_files(ctx, {f"run file {n}": name for n, name in enumerate(files, 1)}, written)
    _write(picture_of(named, kind, values["x"]), output, values, log)
    return 0


def _residual(ctx: click.Context, files: tuple[str, ...], values: dict[str, Any]) -> int:
    """The picture that needs the matrix, which is found as `mfact check` finds it."""
    from mfact.pictures.residual import residual
    from mfact.storage.runs import read_run
    from mfact.studies.differing import Subject
    from mfact.studies.memory import plan_check
    from mfact.studies.residual import residual_of

    if len(files) > 1:
        ctx.fail(f"--kind {RESIDUAL} is of one run, and {len(files)} are named: name one")
    result = read_run(files[0])
    output, written = _written(files[0], RESIDUAL, values)
    log = ctx.ensure_object(Log)
    source = matrix_of_its_own(
        ctx, result, files[0], values["matrix"], values, "name it with --matrix", written=written
    )
    M, plan = plan_check(source, result)
    log.detail(plan.describe())
    with watched(log) as doing:
        found = residual_of(M, result, doing)
    _write(residual(Subject(files[0], result), found), output, values, log)
    return 0


def _written(first: str, kind: str, values: dict[str, Any]) -> tuple[str, Paths]:
    """The picture, as asked for or NAME.KIND.svg in the working folder, and all that is written."""
    stem = Path(first).name.removesuffix(".h5").removesuffix(".run").removesuffix(".json")
    output: str = values["output"] or f"{stem or 'runs'}.{kind}.svg"
    return output, {**claim_picture(output), "numbers of the picture": values["data"]}


def _write(picture: Picture, output: str, values: dict[str, Any], log: Log) -> None:
    if values["output"] is None and Path(output).exists():  # nobody said to write there
        log.note(f"mfact: note: {printable(output)} was there already: it is replaced")
    write_picture(output, picture, log)
    if (data := values["data"]) is not None:
        from mfact.host.atomic import replace_file
        from mfact.report.sheets import sheet

        replace_file(data, "".join(sheet(picture.rows())).encode())
        log.note(f"wrote {printable(data)}")
