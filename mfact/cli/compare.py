"""mfact compare: a table of runs, those there are or those that differ in chosen options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import followed, signals_to, write
from mfact.cli.config import refuse_given, sources
from mfact.cli.files import claim_files, folder, matrix_of, tell_note
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import (
    CONFIG_OPTION,
    chosen,
    decorated,
    flags,
    input_options,
    log_options,
    view_option,
)
from mfact.cli.outputs import claim_unnamed, default_output
from mfact.cli.pictures import claim_picture, picture_options, write_picture
from mfact.cli.results import EXIT_ZERO, HEARTBEAT, TIMING, show
from mfact.cli.types import FILE, Typed
from mfact.cli.vary import VARIABLE, Vary
from mfact.settings import RunSettings

if TYPE_CHECKING:
    from mfact.core import Result
    from mfact.host.signals import SignalFlag
    from mfact.matrices.source import MatrixSource
    from mfact.run.ranked import Ranked
    from mfact.studies.differing import Subject
    from mfact.studies.making import Passes
    from mfact.studies.variations import Refused, Variation
    from mfact.targets.door import Held

EXAMPLES = (
    ("mfact compare a.run.h5 b.run.h5 c.run.h5", "what they differ in, and how far each came"),
    ("mfact compare digits.npy --vary rank=5,10,20 --vary schedule=constant,power --seed 1",
     "six runs from one seed, M read once"),
    ("mfact compare digits.npy -r 5 --vary method=all --schedule constant --picture all.svg",
     "every method from one start and on one basis, and what each conserves"),
    ("mfact compare digits.npy -r 5 --vary seed=1,2,3,4,5 --schedule constant --picture seeds.svg",
     "five seeds, in one picture too"),
)  # fmt: skip

run_options = decorated(CONFIG_OPTION, input_options, flags(VARIABLE))


@helpful_command(
    "compare",
    short_help="Put runs beside each other, in a table and a picture.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4", "signal"),
)
@click.argument("things", metavar="RUN.h5…|MATRIX", type=FILE, nargs=-1, required=True)
@option(
    "--vary",
    "Model",
    "Run MATRIX with each of these values of an option, or with all; given again, with all"
    " combinations.",
    type=Typed(Vary()),
    multiple=True,
    envvar=None,
    show_default="none",
)
@run_options
@option("-o", "--output", "Output", "Keep the run files of --vary in this folder.",
        metavar="DIR", type=FILE, show_default="none are kept")  # fmt: skip
@picture_options
@view_option("json", "markdown", "csv")
@TIMING
@EXIT_ZERO
@HEARTBEAT
@log_options
@click.pass_context
def command(ctx: click.Context, /, things: tuple[str, ...], **values: Any) -> int:
    """Compare runs: what they differ in, how each ended, its steps, passes, gap and drift.

    RUN.h5 are files that `mfact solve` or `mfact network` wrote. With --vary MATRIX is factored
    once for each combination of values, from one seed unless that is varied.
    """
    if values["vary"]:
        return _varied(ctx, things, values)
    making = (*VARIABLE, "output", "dataset", "follow_links", "transpose", "heartbeat", "exit_zero")
    refuse_given(ctx, making, "for runs that are made: give --vary, or leave it")
    picture = claim_picture(values["picture"])
    log = claim_files(ctx, {f"run file {n}": name for n, name in enumerate(things, 1)}, picture)
    from mfact.storage.either import read_either
    from mfact.studies.differing import Subject

    subjects = [Subject(name, read_either(name)) for name in things]
    _draw(subjects, values, log)
    _show(subjects, [], values, log)
    return 0


def _varied(ctx: click.Context, things: Sequence[str], values: dict[str, Any]) -> int:
    if len(things) != 1:
        ctx.fail(f"--vary is for one matrix, and {len(things)} files are named: name one")
    from mfact.studies.variations import require_all, variations
    from mfact.targets.door import held

    varied: dict[str, Any] = {}
    for name, each in values["vary"]:
        if name in varied:
            ctx.fail(f"--vary {name.replace('_', '-')} is given twice: give all its values at once")
        varied[name] = each
    settings = chosen(RunSettings, {**values, "checkpoint": None, "checkpoint_every": None})
    came_from = sources(ctx, VARIABLE)
    given = [name for name, whence in came_from.items() if whence != "default"]
    runs = variations(settings, varied, given)
    picture = claim_picture(values["picture"])
    paths = [_output(things[0], values, run) for run in runs]
    written = {**{f"output {n}": path for n, path in enumerate(paths, 1)}, **picture}
    with nullcontext() if values["output"] is None else folder(values["output"]):
        source = matrix_of(ctx, things[0], values, written=written)
        require_all(held(source, "float64"), runs, given)
        return _run_all(ctx, source, runs, paths, came_from, values)


def _output(matrix: str, values: Mapping[str, Any], run: Variation) -> str | None:
    """Where a run is kept: in the folder asked for, under the matrix and what is its own."""
    if values["output"] is None:
        return None
    whole = default_output(matrix, values["dataset"]).removesuffix("run.h5")
    return str(Path(values["output"], f"{whole}{run.name.replace('/', '_')}.run.h5"))


def _run_all(
    ctx: click.Context,
    source: MatrixSource,
    runs: Sequence[Variation],
    paths: Sequence[str | None],
    came_from: Mapping[str, str],
    values: dict[str, Any],
) -> int:
    from mfact.run.place import place_of
    from mfact.studies.making import Made
    from mfact.studies.variations import Refused
    from mfact.targets.door import held

    log = ctx.ensure_object(Log)
    note = partial(tell_note, log)
    where = dict(zip((run.name for run in runs), paths, strict=True))
    admits = {name: claim_unnamed(path, None, source, note) for name, path in where.items()}
    subjects: list[Subject] = []
    refused: list[Refused] = []
    with signals_to(log, lambda: False) as caught, place_of(runs[0].settings, note) as place:
        one = partial(_solve, came_from=came_from, admits=admits, caught=caught, values=values,
                      log=log, count=len(runs))  # fmt: skip
        hold = partial(held, source, max_memory=values["max_memory"])
        made = Made(lambda kind: hold(kind).at(place), runs, one, told=log.detail)
        for each in made:
            if isinstance(each, Refused):
                refused.append(each)
            else:
                write(each.run, where[each.name], {}, log)
                subjects.append(each)
            if caught:
                break
        _draw(subjects, values, log)
    _show(subjects, refused, values, log, made.passes)
    return exit_code(subjects, refused, exit_zero=values["exit_zero"])


def _solve(
    matrix: Held,
    run: Variation,
    found: Ranked | None,
    *,
    came_from: Mapping[str, str],
    admits: Mapping[str, Any],
    caught: SignalFlag,
    values: Mapping[str, Any],
    log: Log,
    count: int,
) -> Result:
    """One of the runs, said what it is before it begins."""
    from mfact.run.solve import solve

    log.detail(f"{run.name}, one of {count}")
    one = partial(
        solve,
        matrix,
        run.settings,
        sources=run.sources(came_from, "flag"),
        refuse=True,
        admit=admits[run.name],
        found=found,
    )
    return followed(one, values, log, caught, name=f"{run.name}: ")


def _draw(subjects: Sequence[Subject], values: Mapping[str, Any], log: Log) -> None:
    """The picture, if one is asked for and some run was made."""
    if values["picture"] is not None and subjects:
        from mfact.pictures.kinds import picture_of_runs

        picture = picture_of_runs(subjects, values["kind"], values["x"])
        write_picture(values["picture"], picture, log)


def _show(
    subjects: Sequence[Subject],
    refused: Sequence[Refused],
    values: dict[str, Any],
    log: Log,
    passes: Passes | None = None,
) -> None:
    from mfact.report.comparison import comparison_views

    views = comparison_views(subjects, refused, passes, timing=values["timing"])
    show(values["format"], views, quiet=log.quiet)


def exit_code(subjects: Sequence[Subject], refused: Sequence[Refused], *, exit_zero: bool) -> int:
    """Of runs that were made: the gravest of them; of one that was not begun, 3."""
    codes = {*(each.run.outcome.exit_code for each in subjects), *(3 for _ in refused)}
    worst = next((code for code in (1, 4, 3) if code in codes), 0)
    return 0 if exit_zero and worst == 3 else worst
