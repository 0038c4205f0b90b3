"""mfact network: a deep homogeneous network, trained and audited."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import carry_out, watched
from mfact.cli.config import sources
from mfact.cli.files import claim_files, tell_notes
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import CONFIG_OPTION, chosen, decorated, drawn, flags
from mfact.cli.outputs import claim_unnamed_network
from mfact.cli.results import ended_options, show
from mfact.cli.types import FILE
from mfact.networks.settings import NetworkSettings
from mfact.options import options_of
from mfact.words import format_bytes, printable

if TYPE_CHECKING:
    from mfact.core import Array
    from mfact.networks.architecture import Architecture
    from mfact.run.network.progress import TrainingData

EXAMPLES = (
    ("mfact network X.npy Y.npy --layers 100r-100r-10 --step-size 0.09",
     "two hidden layers of ReLU, from the paper's balanced start"),
    ("mfact network --data uniform --layers 1000:100r-100r-10 --step-size 0.09 --seed 0",
     "the paper's network on generated points"),
    ("mfact network images.npy labels.npy --layers 1x28x28-c16k3p1r-max2-flat-10 --loss softmax "
     "--start kaiming --step-size 0.05 --batch 32",
     "a convolutional network, by minibatches"),
    ("mfact network --data gaussian --layers 20:30r-5 --flow --time 2 --seed 1",
     "the gradient flow, which keeps every law"),
)  # fmt: skip

VIEWS = ("table", "json", "markdown", "csv")
"""Of a flow."""


@helpful_command(
    "network",
    short_help="Train a deep network and audit its balance.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4", "signal"),
)
@click.argument("x", metavar="[X", type=FILE, required=False)
@click.argument("y", metavar="Y]", type=FILE, required=False)
@decorated(
    CONFIG_OPTION,
    option("--follow-links", "Input", "Let the files name other files (external links, storage).",
           is_flag=True),
    flags(options_of(NetworkSettings)),
    option("-o", "--output", "Output", "The run file to write.", metavar="RUN.h5", type=FILE,
           show_default="here, NAME.network.run.h5"),
    option("--no-output", "Output", "Write no run file.", is_flag=True),
    option("--dry-run", "Output", "Show the layers, their laws and the memory; write nothing.",
           is_flag=True),
    ended_options,
)  # fmt: skip
@click.pass_context
def command(ctx: click.Context, /, x: str | None, y: str | None, **values: Any) -> int:
    """Train the network of --layers on the points X and the targets Y.

    X is m×n₀, a point a row, or m×C×H×W; Y is m×p, or m labels: files as `solve` reads them,
    DATA.h5:/X and DATA.h5:/Y too. Without them --data generates both. Every balance law of
    the network (Theorems 2.1, 2.2 and 2.3) is held against what the steps must add to it.
    """
    log = ctx.ensure_object(Log)
    settings = chosen(NetworkSettings, values, seed=drawn(values["seed"]))
    came_from = sources(ctx, options_of(NetworkSettings))
    if values["seed"] is None:
        came_from["seed"] = "drawn"

    from mfact.networks.columns import network_columns
    from mfact.run.network.plan import admitted, begun, check
    from mfact.run.network.solve import train

    check(settings, [n for n, source in came_from.items() if source not in ("default", "drawn")])
    output = _output(ctx, x, values)
    checkpoint = settings.checkpoint_path(output)
    read = {"start": settings.start_file, **_files_of(settings.layers)}
    points, net = _data(ctx, x, y, settings, values, read, {"output": output,
                                                            "checkpoint": checkpoint})  # fmt: skip
    plan = admitted(settings, net, len(points.X))
    start = begun(settings, net)
    if values["output"] is None and output is not None:
        claim_unnamed_network(output, points.fingerprint, log.note)
    _tell_layers(net, log, plan.total if values["dry_run"] else None)
    if values["dry_run"]:
        return 0
    if settings.flow:
        return _flow(settings, points, net, start, values, log)
    run = partial(train, points, net, settings, start=start, sources=came_from, output=output)
    columns = network_columns(net, linear=settings.is_linear)
    return carry_out(run, output, values, log, settings.every, columns)


def _output(ctx: click.Context, x: str | None, values: dict[str, Any]) -> str | None:
    """The path of the run file: as asked, or NAME.network.run.h5 in the working folder."""
    if values["no_output"] and values["output"] is not None:
        ctx.fail("--output and --no-output exclude each other: give one")
    if values["flow"] and values["output"] is not None:
        ctx.fail("--output has no meaning with --flow: send --format json to a file")
    if values["flow"] and values["format"] not in VIEWS:
        ctx.fail(f"--flow has no view {values['format']}: use one of {', '.join(VIEWS)}")
    if values["no_output"] or values["flow"] or values["dry_run"]:
        return None
    if values["output"] is not None:
        return str(values["output"])
    if x is None:
        return "network.run.h5"
    from mfact.cli.outputs import stem_of
    from mfact.matrices.spec import split_spec

    return f"{stem_of(split_spec(x)[0]) or 'points'}.network.run.h5"


def _files_of(layers: str) -> dict[str, str | None]:
    """A .toml file, with the masks and maps that it reads."""
    if not layers.endswith(".toml"):
        return {}
    from mfact.matrices.spec import split_spec
    from mfact.networks.toml import files

    beside = [str(split_spec(each)[0]) for each in files(layers)]
    return {"layers": layers, **{f"mask or share {n}": each for n, each in enumerate(beside, 1)}}


def _data(
    ctx: click.Context,
    x: str | None,
    y: str | None,
    settings: NetworkSettings,
    values: dict[str, Any],
    read: dict[str, str | None],
    written: dict[str, str | None],
) -> tuple[TrainingData, Architecture]:
    """The points and the network, all files claimed with them."""
    from mfact.run.network.data import drawn_data, looked_at, read_data

    if settings.data is not None:
        if x is not None:
            ctx.fail(f"{printable(x)} and --data {settings.data} exclude each other: give one")
        claim_files(ctx, read, written)
        return drawn_data(settings)
    if x is None or y is None:
        ctx.fail("X and Y are not given: name both files, or generate points with --data uniform")
    files = looked_at(x, y, settings, follow_links=values["follow_links"])
    log = claim_files(ctx, {"points": files.X.path, "targets": files.Y.path, **read}, written)
    tell_notes([*files.X.notes, *files.Y.notes], log)
    return read_data(files, settings)


def _tell_layers(net: Architecture, log: Log, memory: int | None) -> None:
    """The table of the layers: on standard output with the memory, bytes, where that is said, else
    among the notes.
    """
    from mfact.cli.streams import emit
    from mfact.report.network_layers import layers_parts
    from mfact.report.parts import text_of
    from mfact.report.terminal import look_of

    if memory is not None:
        table = text_of(layers_parts(net), look_of(sys.stdout))
        emit(f"{table}\nmemory, at most  {format_bytes(memory)}\n")
    else:
        for line in text_of(layers_parts(net), look_of(sys.stderr)).splitlines():
            log.note(line)


def _flow(
    settings: NetworkSettings,
    points: TrainingData,
    net: Architecture,
    start: tuple[Array, ...],
    values: dict[str, Any],
    log: Log,
) -> int:
    """The gradient flow, as a document."""
    from mfact.report.network_flow_tables import document, page, rows
    from mfact.report.views import document_views
    from mfact.studies.network_flow import follow_data

    with watched(log, values["heartbeat"]) as doing:
        found = follow_data(points, net, settings, start=start, doing=doing)
    views = document_views(document(found, points.name), page, rows)
    show(values["format"], views, quiet=log.quiet)
    return found.flow.ending.exit_code
