"""mfact sweep: Theorem 3.2 as frequencies over many random starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.carry_out import watched
from mfact.cli.config import sources
from mfact.cli.files import claim_files, matrix_of
from mfact.cli.help import helpful_command, option
from mfact.cli.log import Log
from mfact.cli.options import chosen, drawn, flags, input_options, log_options, view_option
from mfact.cli.results import show
from mfact.cli.types import FILE, Listed, Typed
from mfact.errors import SettingsError
from mfact.options import options_of
from mfact.ranges import MOST_INDEX, Count, Real
from mfact.settings import BOUNDS, MAX_MEMORY, SweepSettings
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.core import Array
    from mfact.matrices.source import MatrixSource
    from mfact.theory.frequencies import Sweep

EXAMPLES = (
    ("mfact sweep elnino.npy --seeds 2000 --seed 1",
     "how often gradient descent converges for r = 1, how fast, and how balanced it stays"),
    ("mfact sweep --growth 50,500,5000,50000 --seed 1",
     "Theorem 3.2's O(log d) on generated rank-1 matrices"),
    ("mfact sweep digits.npy -r 5 --seeds 200 --seed 1 --format json",
     "the same counts for r = 5, as one JSON document"),
    ("mfact sweep digits.npy -r 5 --seeds 200 --seed 1 --method nesterov",
     "and for Nesterov's momentum, μ chosen from the singular values"),
)  # fmt: skip


@helpful_command(
    "sweep",
    short_help="Count how often many random starts converge, and how balanced they stay.",
    examples=EXAMPLES,
    exit_codes=("0", "1", "2", "3", "4"),
)
@click.argument("matrix", metavar="[MATRIX]", type=FILE, required=False)
@input_options
@flags({**options_of(SweepSettings), "max_memory": MAX_MEMORY})
@option(
    "--growth",
    "Start",
    "Also run d×d matrices of these sizes, of rank r, with the leading σ of MATRIX, or all "
    "equal without MATRIX.",
    type=Typed(Listed(Count(least=1, most=MOST_INDEX))),
    default=None,
    metavar="D,D,…",
    show_default="none",
)
@option(
    "--bounds",
    "Output",
    "The C for which the runs with |uᵀu*|/|vᵀv*| in [1/C, C] at every step are counted; for "
    "r > 1 the ratio is ‖Φ_rᵀU‖/‖Ψ_rᵀV‖, Φ_r and Ψ_r the leading singular vectors.",
    type=Typed(Listed(Real(least=1))),
    default=",".join(f"{bound:g}" for bound in BOUNDS),
    metavar="C,C,…",
)
@option(
    "-o",
    "--output",
    "Output",
    "Keep what each start did in this file.",
    metavar="SWEEP.h5",
    type=FILE,
    show_default="none",
)
@view_option("json", "markdown", "csv")
@option(
    "--exit-zero", "Output", "Exit 0, not 3, when some runs reached the step limit.", is_flag=True
)
@log_options
@click.pass_context
def command(ctx: click.Context, /, matrix: str | None, **values: Any) -> int:
    """Run a method on MATRIX from many gaussian starts at once, and count.

    Theorem 3.2 says that gradient descent for rank 1, with constant probability, keeps
    |uᵀu*|/|vᵀv*| between two constants, and reaches ε in O(log(d/ε)) steps. The starts
    are drawn in the singular vectors of M, from the exact distribution, so that a sweep
    over matrices of any size costs the same. M is d1×d2, U is d1×r, V is d2×r.
    """
    if matrix is None and values["growth"] is None:
        ctx.fail("nothing to run: name a matrix, or give sizes with --growth")
    log = ctx.ensure_object(Log)

    from mfact.studies.memory import plan_starts
    from mfact.studies.sweep import growth, recorded, sweep

    settings = chosen(SweepSettings, values, seed=drawn(values["seed"]))
    output = values["output"]
    plan_starts(settings, 1 + len(values["growth"] or ()), written=output is not None)
    runs, problem, spectrum = None, {}, None
    if matrix is None and settings.center != "none":
        raise SettingsError("--center has no meaning without a matrix", "leave it out, or name one")
    if matrix is None:
        claim_files(ctx, {}, {"output": output})
    else:
        source, spectrum = _read(ctx, matrix, values, log)
        runs, problem = sweep(spectrum, source.shape, settings), source.describe()
    grown = growth(values["growth"] or (), spectrum, settings)
    came_from = sources(ctx, [*options_of(SweepSettings), "growth", "bounds"])
    if values["seed"] is None:
        came_from["seed"] = "drawn"
    record = recorded(runs, grown, values["bounds"], problem=problem, sources=came_from)
    if output is not None:
        from mfact.storage.sweeps import write_sweep

        write_sweep(output, record)
        log.note(f"wrote {printable(output)}")

    from mfact.report.sweep_tables import sweep_views

    show(values["format"], sweep_views(record), quiet=log.quiet)
    return exit_code(record.sweeps, values["exit_zero"])


def _read(
    ctx: click.Context, matrix: str, values: dict[str, Any], log: Log
) -> tuple[MatrixSource, Array]:
    """The matrix, looked at, and its singular values."""
    from mfact.studies.memory import plan_sweep
    from mfact.studies.sweep import singular_values

    source = matrix_of(ctx, matrix, values, written={"output": values["output"]})
    M, plan = plan_sweep(source, values["max_memory"], values["center"])
    log.detail(plan.describe())
    with watched(log) as doing:
        rank, center = values["rank"], values["center"]
        return source, singular_values(M, rank, center=center, doing=doing)


def exit_code(sweeps: Sequence[Sweep], exit_zero: bool) -> int:
    """4 when a run diverged, 3 when one reached its step limit, else 0."""
    if any(runs.diverged.any() for runs in sweeps):
        return 4
    limited = any(runs.converged < runs.settings.seeds for runs in sweeps)
    return 3 if limited and not exit_zero else 0
