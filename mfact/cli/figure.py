"""mfact figure: the paper's figures, from runs that are kept and drawn from again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import followed, signals_to, watched
from mfact.cli.config import refuse_given, sources
from mfact.cli.files import claim_files, folder, matrix_of, tell_note
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import decorated, flags, input_options, log_options
from mfact.cli.outputs import default_output
from mfact.cli.results import EXIT_ZERO, HEARTBEAT, exit_code, show
from mfact.cli.types import FILE, one_of
from mfact.figures.names import ALL, WHICH, panels_of
from mfact.options import Option, options_of
from mfact.pictures.names import FORMATS
from mfact.ranges import MOST_INDEX, Count
from mfact.settings import COUNTED_RANK, SEED, RunSettings
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.figures.kept import Experiment, Run
    from mfact.figures.made import Made, Order, Sought

FOLDER = "figures"

EXAMPLES = (
    ("mfact figure all", "both figures; their runs are kept, and a second call draws from them"),
    ("mfact figure 2c --format png -o paper", "one panel, as paper/figure-2c.png"),
    ("mfact figure 1 digits.npy -r 8", "Figure 1 of another matrix"),
)
OF_MATRIX = ("dataset", "follow_links", "transpose", "rank")
OF_RUNS = ("seed", "max_iter", "threads")


@helpful_command(
    "figure",
    short_help="Draw the figures of the paper.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4", "signal"),
)
@click.argument("which", metavar="|".join(WHICH), type=one_of(*WHICH))
@click.argument("matrix", metavar="[MATRIX]", type=FILE, required=False)
@decorated(
    input_options,
    flags({
        "rank": replace(COUNTED_RANK, default=None, words="r, with MATRIX.", unset="5"),
        "seed": replace(SEED, default=0, unset="", words="Seed of matrix, points and starts."),
        "max_iter": Option(
            None, "Stopping", "Steps of each run; with MATRIX at most so many.",
            Count(least=1, most=MOST_INDEX),
            unset="260 and 10,000; with MATRIX up to 100,000, as many as it takes"),
        "threads": options_of(RunSettings)["threads"],
    }),
    option("-o", "--output", "Output", "The folder of pictures and run files; made where there is "
           "none.", metavar="DIR", type=FILE, default=FOLDER),
    option("--format", "Output", "Of the pictures.", type=one_of(*FORMATS), default="svg",
           envvar=None),
    option("--view", "Output", "The settings and numbers on standard output.",
           type=one_of("table", "json", "markdown"), default="table"),
    EXIT_ZERO,
    HEARTBEAT,
    log_options,
)  # fmt: skip
@click.pass_context
def command(ctx: click.Context, /, which: str, matrix: str | None, **values: Any) -> int:
    """Draw the paper's Figure 1 or 2, both, or one panel, at full size.

    1 is gradient descent on objectives (1) and (3), for a random matrix of rank 5, or
    for MATRIX, any file that `solve` reads: 1a their values, 1b ‖U‖²/‖V‖². 2 is a
    network of three layers: 2a and 2b from a balanced start, 2c and 2d from another.
    The runs are kept beside the pictures, as DIR/figure-2-balanced.run.h5, and drawn
    from again while they are what is asked for. `mfact help figures` says what was chosen.
    """
    from mfact.figures.made import looked_up
    from mfact.figures.page import document, page
    from mfact.report.plots import require
    from mfact.report.views import document_views

    require()
    log = ctx.ensure_object(Log)
    _refuse_idle(ctx, panels_of(which), matrix)
    with folder(values["output"]):
        orders = _orders(ctx, panels_of(which), matrix, values)
        with watched(log, values["heartbeat"]) as doing:
            note = partial(tell_note, log)
            there = [looked_up(order, doing, note) for order in orders]
        done = _carry_out(there, values, log)
    if len(done) == len(there):
        show(values["view"], document_views(document(done), page), quiet=log.quiet)
    ended = [run for each in done for run in each.runs.values()]
    return max((exit_code(run, values["exit_zero"]) for run in ended), default=0)


def _wrote(log: Log, path: str) -> None:
    log.note(f"wrote {printable(path)}")


def _refuse_idle(ctx: click.Context, panels: dict[str, str], matrix: str | None) -> None:
    """Refuse a matrix that no figure is of, and what is of a matrix where there is none."""
    if matrix is not None and "1" not in panels:
        ctx.fail(f"{printable(matrix)} is of Figure 1, and Figure 2 has its own points: leave it"
                 f" out, or draw 1 or {ALL}")  # fmt: skip
    if matrix is None:
        refuse_given(ctx, OF_MATRIX, "without a MATRIX: leave it out")


def _orders(
    ctx: click.Context, panels: dict[str, str], matrix: str | None, values: dict[str, Any]
) -> list[Order]:
    """What is asked for, its files claimed: none of them is one that is read."""
    from mfact.figures.figure_1 import RANK as FIVE
    from mfact.figures.figure_1 import Figure1
    from mfact.figures.figure_2 import STEPS, Figure2, settings
    from mfact.figures.made import Figure, Order

    seed, most, threads = values["seed"], values["max_iter"], values["threads"]
    rank = FIVE if matrix is None else values["rank"] or FIVE
    of_matrix = () if matrix is None else ("rank",)
    made: dict[str, Figure] = {
        "1": Figure1(None, rank, seed, most, _given(ctx, *OF_RUNS, *of_matrix), threads=threads),
        "2": Figure2(settings(seed=seed, steps=most or STEPS, threads=threads),
                     _given(ctx, *OF_RUNS)),
    }  # fmt: skip
    name = "" if matrix is None else default_output(matrix, values["dataset"])
    orders = [
        Order(made[number], some, values["output"], values["format"],
              name.removesuffix(".run.h5") if number == "1" else "")
        for number, some in panels.items()
    ]  # fmt: skip
    runs = [path for order in orders for path in order.runs.values()]
    written: dict[str, str | None] = {
        **{f"picture of Figure {order.figure.number}": order.picture for order in orders},
        **{f"kept run {place}": path for place, path in enumerate(runs, 1)},
    }
    if matrix is None:
        claim_files(ctx, {}, written)
        return orders
    source = matrix_of(ctx, matrix, values, written=written)
    return [
        replace(order, figure=replace(order.figure, source=source))
        if isinstance(order.figure, Figure1) else order
        for order in orders
    ]  # fmt: skip


def _given(ctx: click.Context, *names: str) -> dict[str, str]:
    """Those of the options that the user gave, and where."""
    return {name: each for name, each in sources(ctx, names).items() if each != "default"}


def _carry_out(there: list[Sought], values: dict[str, Any], log: Log) -> list[Made]:
    """The figures, one after the other, as far as no signal cut them."""
    from mfact.core import Outcome
    from mfact.figures.made import made

    done: list[Made] = []

    def run(experiment: Experiment) -> Run | None:
        result = followed(experiment.carry_out, values, log, caught)
        log.detail(f"{experiment.name}: {result.outcome.sentence}: {result.message}")
        return None if result.outcome is Outcome.INTERRUPTED else result

    with signals_to(log, lambda: False) as caught:
        for each in there:
            one = None if caught else made(each, run, partial(_wrote, log))
            if one is None:
                number = each.order.figure.number
                tell_note(log, f"Figure {number} is not drawn; what is written is drawn from again")
                break
            done.append(one)
    return done
