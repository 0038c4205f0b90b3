"""mfact resume: go on with a run from its checkpoint."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from mfact.cli.carry_out import carry_out
from mfact.cli.files import claim_files, matrix_of, tell_note
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import flags
from mfact.cli.outputs import outputs, resumed_network_output, resumed_output
from mfact.cli.results import result_options
from mfact.cli.types import FILE
from mfact.options import flag, options_of
from mfact.ranges import Count
from mfact.settings import RunSettings

OPTIONS, PLACES = options_of(RunSettings), ("device", "workers", "scheduler")
EXAMPLES = (
    ("mfact resume digits.run.h5.checkpoint", "the run that a signal ended, to its end"),
    ("mfact resume c.h5 --max-iter 5000000", "a run that reached its limit, with a higher one"),
    ("mfact resume c.h5 --workers 4", "the same on a cluster, which it may have begun on or not"),
)


@helpful_command(
    "resume",
    short_help="Go on with a run from its checkpoint.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4", "signal"),
)
@click.argument("checkpoint", metavar="CHECKPOINT", type=FILE)
@option("--matrix", "Input", "The matrix, if it is no longer where the run found it.",
        metavar="MATRIX", type=FILE)  # fmt: skip
@flags({
    "max_iter": replace(
        OPTIONS["max_iter"], words="A new step limit.", kind=Count(least=1), unset=""),
    "max_time": replace(
        OPTIONS["max_time"], unset="",
        words="A new time limit in seconds, reading among them, all parts of the run together."),
    "device": replace(OPTIONS["device"], default=None, unset="as before"),
    "workers": OPTIONS["workers"],
    "scheduler": OPTIONS["scheduler"],
})  # fmt: skip
@option(
    "-o",
    "--output",
    "Output",
    "The run file; otherwise the one that the run was to write, if it lies beside CHECKPOINT.",
    metavar="RUN.h5",
    type=FILE,
)
@result_options
@click.pass_context
def command(ctx: click.Context, /, checkpoint: str, **values: Any) -> int:
    """Go on with the run that CHECKPOINT holds.

    The result is that of the run that was never cut, bit for bit, on the same machine. The matrix,
    or the points of a network, must be those that the run began with.
    """
    log = ctx.ensure_object(Log)

    from mfact.storage.images import kind_of

    if kind_of(checkpoint) == "network_checkpoint":
        return _network(ctx, checkpoint, values, log)

    from mfact.run import checkpoint as resuming
    from mfact.run.solve import resume
    from mfact.studies.named import matrix_of_checkpoint

    saved = resuming.read(checkpoint)
    given, named = values["matrix"], saved.asked.named
    matrix = matrix_of_checkpoint(saved) if given is None else given
    output = values["output"] or resumed_output(saved)
    source = matrix_of(
        ctx,
        matrix,
        named if given is None else {"transpose": named.get("transpose")},
        read={"checkpoint": checkpoint},
        written=outputs(output, values),
    )
    new = {name: values[name] for name in ("max_iter", "max_time", *PLACES)}
    run = partial(resume, saved, source, note=partial(tell_note, log), **new)
    return carry_out(run, output, values, log, saved.settings.every)


def _network(ctx: click.Context, checkpoint: str, values: dict[str, Any], log: Log) -> int:
    """Go on with a network's run."""
    from mfact.networks.columns import network_columns
    from mfact.run.network import checkpoint as resuming
    from mfact.run.network.data import found_again
    from mfact.run.network.solve import resume
    from mfact.storage.claims import FACTORS

    for name in ("matrix", *PLACES, *(f"factors_{form}" for form in FACTORS)):
        if values[name] is not None:
            ctx.fail(f"{flag(name)} has no meaning with a network's checkpoint: leave it out")
    saved = resuming.read(checkpoint)
    output = values["output"] or resumed_network_output(saved)
    read = {name: each["path"] for name, each in saved.named.items()}
    claim_files(ctx, {"checkpoint": checkpoint, **read}, {"output": output})
    points = found_again(saved.named, saved.settings, saved.net)
    run = partial(resume, saved, points, max_iter=values["max_iter"], max_time=values["max_time"])
    columns = network_columns(saved.net, linear=saved.settings.is_linear)
    return carry_out(run, output, values, log, saved.settings.every, columns)
