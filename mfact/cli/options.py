"""Every option of a run, one place: each field of RunSettings is a flag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click

from mfact.cli.config import read_config, sources
from mfact.cli.help import GroupedOption, option
from mfact.cli.types import MOST_INDEX, Count, Real, Size
from mfact.settings import (
    ENGINES,
    MOST_SEED,
    MOST_THREADS,
    OBJECTIVES,
    SCHEDULES,
    STARTS,
    RunSettings,
)

_DEFAULTS = {f.name: f.default for f in fields(RunSettings)}
_POSITIVE = Real(above=0)
_NO_LIMIT = "no limit"
_NOT_USED = "not used"


def _setting(*words: str, **kwargs: Any) -> Callable[[Any], Any]:
    """An option whose default is that of the RunSettings field of the same name."""
    first = next(w for w in words if w.startswith("--"))
    name = first.split("/")[0].lstrip("-").replace("-", "_")
    return option(*words, default=_DEFAULTS[name], **kwargs)


_CONFIG = click.option(
    "--config", metavar="FILE.toml", is_eager=True, expose_value=False, callback=read_config,
    cls=GroupedOption, group="Input", envvar="MFACT_CONFIG",
    show_envvar=True, help="Options from a TOML file; flags and environment variables win.",
)  # fmt: skip

INPUT = (
    option("--dataset", "Input", "The dataset of an HDF5 file, or the array of an NPZ file.",
           metavar="PATH", show_default="the only matrix there"),
    option("--follow-links", "Input", "Let the file name other files (external links, storage).",
           is_flag=True),
)  # fmt: skip

RUN = (
    option("-r", "--rank", "Model", "r, the number of columns of U and V.",
           type=Count(least=1, most=MOST_INDEX), required=True),
    _setting("--objective", "Model",
             "plain: ½‖UVᵀ − M‖²; balanced: adds (λ/8)‖UᵀU − VᵀV‖², all norms Frobenius.",
             type=click.Choice(OBJECTIVES)),
    _setting("--balance-weight", "Model", "λ of the balanced objective.", type=Real(least=0)),
    _setting("--method", "Model", "The update rule.", metavar="NAME"),
    _setting("--schedule", "Step size",
             "auto: constant for rank 1, power otherwise, as in the paper. constant: η. "
             "power: η(t+1)^−(½+δ). theorem-3.1, theorem-3.2: the paper's. certified: this "
             "project's, with f decreasing and ‖UᵀU − VᵀV‖ ≤ ε for all t.",
             type=click.Choice(SCHEDULES)),
    _setting("--step-size", "Step size", "η of constant and power, in units of 1/M.",
             type=_POSITIVE, show_default="from σ₁: 0.5/σ₁ constant, 0.3/σ₁ power"),
    _setting("--delta", "Step size", "δ of power, in (0, ½].", type=Real(above=0, most=0.5)),
    _setting("--eps", "Step size", "ε of theorem-3.1 and certified, in units of M.",
             type=_POSITIVE, show_default="from ‖M‖"),
    _setting("--c-step", "Step size", "c_step of theorem-3.2: η = c_step/σ₁.", type=_POSITIVE),
    _setting("--fast-forward", "Step size",
             "auto: integrate the modified flow over the long tail of decaying steps.",
             type=click.Choice(("auto", "off"))),
    _setting("--ff-tol", "Step size", "Relative error that fast-forward may add.", type=_POSITIVE),
    _setting("--start", "Start", f"{', '.join(STARTS)}, or a run file or .npz with U and V.",
             metavar="KIND|FILE"),
    _setting("--start-scale", "Start",
             "Standard deviation of the entries (units of √M), or the scale c of c·Q.",
             type=_POSITIVE, show_default="from M"),
    _setting("--start-ratio", "Start", "‖U‖²/‖V‖² of the unbalanced start.", type=_POSITIVE),
    _setting("--seed", "Start", "Seed of the start; printed and stored.",
             type=Count(least=0, most=MOST_SEED), show_default="drawn"),
    _setting("--tol", "Stopping",
             "Tolerance on the gap (f − ½Σ_{i>k}σ_i²) / ½σ_k², k of the leading r not zero.",
             type=Real(least=0)),
    _setting("--tol-residual", "Stopping", "Tolerance on ‖UVᵀ − M‖/‖M‖.", type=Real(least=0),
             show_default=_NOT_USED),
    _setting("--tol-gradient", "Stopping", "Tolerance on ‖∇f‖/σ₁^(3/2).", type=Real(least=0),
             show_default=_NOT_USED),
    _setting("--patience", "Stopping", "Stop after so many steps without a decrease of the loss.",
             type=Count(least=1), show_default=_NOT_USED),
    _setting("--min-iter", "Stopping", "No stop by a tolerance before this step.", type=Count()),
    _setting("--max-iter", "Stopping", "Step limit.", type=Count(),
             show_default="a million plain steps; fast-forwarded, as many as it takes"),
    _setting("--max-time", "Stopping",
             "Time limit in seconds, from the start of the command; reading counts.",
             type=_POSITIVE, show_default=_NO_LIMIT),
    _setting("--optimum/--no-optimum", "Stopping",
             "Whether the optimum is computed once, by a truncated SVD."),
    _setting("--escape", "Stopping", "Leave saddle points along the negative curvature.",
             is_flag=True),
    _setting("--force", "Stopping", "Run though the forecast says it will not finish.",
             is_flag=True),
    _setting("--engine", "Computation",
             "direct: steps on M; reduced: the same iterates in exact Krylov coordinates.",
             type=click.Choice(ENGINES)),
    _setting("--dtype", "Computation", "Arithmetic.", type=click.Choice(("float64", "float32"))),
    _setting("--threads", "Computation", "BLAS threads.", type=Count(least=1, most=MOST_THREADS),
             show_default="1"),
    _setting("--max-basis-bytes", "Computation",
             "Memory for the basis of the reduced engine, as 500M or 2GiB.", type=Size(),
             show_default="from the memory there is"),
    _setting("--checkpoint", "Checkpoint", "Keep the state in this file, to resume from.",
             metavar="FILE", show_default="none"),
    _setting("--checkpoint-every", "Checkpoint", "Steps, or seconds as 60s.", metavar="N|SECONDS",
             show_default="60s"),
    _setting("--every", "Output", "Record every k-th step.", type=Count(least=1),
             show_default="about 1000 rows"),
)  # fmt: skip


def input_options(function: Any) -> Any:
    """Decorate a command with the options that say how its matrix file is read."""
    return _decorated(function, INPUT)


def run_options(function: Any) -> Any:
    """Decorate a command with --config, the input options and every option of a run."""
    return _decorated(function, (_CONFIG, *INPUT, *RUN))


def _decorated(function: Any, options: tuple[Callable[[Any], Any], ...]) -> Any:
    # Decorators apply from the inside out; help lists the outermost first.
    for decorate in reversed(options):
        function = decorate(function)
    return function


def settings_of(
    ctx: click.Context, values: Mapping[str, Any]
) -> tuple[RunSettings, dict[str, str]]:
    """RunSettings from a command's parameters, and where each field came from."""
    chosen = {f.name: values[f.name] for f in fields(RunSettings)}
    return RunSettings(**chosen), sources(ctx, chosen)
