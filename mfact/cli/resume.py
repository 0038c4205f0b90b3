"""mfact resume: go on with a run from its checkpoint."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.results import result_options
from mfact.cli.solve import carry_out, outputs
from mfact.cli.types import Count, Real

EXAMPLES = (
    ("mfact resume digits.run.h5.checkpoint", "the run that a signal ended, to its end"),
    ("mfact resume c.h5 --max-iter 5000000", "a run that reached its limit, with a higher one"),
)


@helpful_command("resume", short_help="Go on with a run from its checkpoint.", examples=EXAMPLES)
@click.argument("checkpoint", metavar="CHECKPOINT")
@option(
    "--matrix", "Input", "The matrix, if it is no longer where the run found it.", metavar="MATRIX"
)
@option("--max-iter", "Stopping", "A new step limit.", type=Count(least=1))
@option(
    "--max-time",
    "Stopping",
    "A new time limit in seconds, reading among them, all parts of the run together.",
    type=Real(above=0),
)
@option(
    "-o",
    "--output",
    "Output",
    "The run file; otherwise the one the run was to write.",
    metavar="RUN.h5",
)
@result_options
@click.pass_context
def command(ctx: click.Context, /, checkpoint: str, **values: Any) -> int:
    """Go on with the run that CHECKPOINT holds.

    The result is that of the run that was never cut, bit for bit, on the same machine with the
    same number of threads. The matrix must be the one that the run began with.
    """  # fmt: skip
    log = ctx.ensure_object(Log)

    from mfact import resuming
    from mfact.foresight import memory_plan
    from mfact.run import resume
    from mfact.storage.atomic import claim_output
    from mfact.storage.matrices import open_matrix

    saved = resuming.read(checkpoint)
    named = saved.matrix
    if values["matrix"] is not None:
        source = open_matrix(values["matrix"])
    elif named.get("path") is None:
        ctx.fail("the run was not on a file: name its matrix with --matrix")
    else:
        source = open_matrix(
            named["path"],
            dataset=named.get("dataset"),
            follow_links=bool(named.get("follow_links")),
        )
    output = values["output"] or saved.document["output"]
    for written in outputs(output, values):
        claim_output(written, inputs=[source.path, checkpoint])
    if not source.sparse:
        kept = replace(saved.settings, max_basis_bytes=saved.document["basis_limit"])
        log.detail(memory_plan(source.shape, kept).describe())
    run = partial(resume, saved, source, max_iter=values["max_iter"], max_time=values["max_time"])
    return carry_out(run, output, values, log)
