"""Options that several commands have, each stated once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mfact.options import REQUIRED, Option, Settings
from mfact.ranges import MOST_INDEX, Count, File, OneOf, Real, Size, Text
from mfact.wishes import Found

STARTS = ("gaussian", "balanced", "unbalanced", "spectral")
CENTERS = ("none", "mean", "columns", "rows")

POSITIVE, FROM_0 = Real(above=0), Real(least=0)
INDEX = Count(least=1, most=MOST_INDEX)
# fmt: off
RANK: Option[Any] = Option(
    REQUIRED, "Model", "r, the columns of U and V; 95%: the fewest that hold so much of ‖M‖_F²; "
    "auto: up to the gap that inspect finds.", Found(), letter="-r")
COUNTED_RANK: Option[Any] = replace(RANK, words="r, the number of columns of U and V.", kind=INDEX)
OBJECTIVE = Option(
    "plain", "Model", "plain: ½‖UVᵀ − M‖²; balanced: adds (λ/8)‖UᵀU − VᵀV‖², all norms Frobenius.",
    OneOf(("plain", "balanced")))
BALANCE_WEIGHT = Option(
    1.0, "Model", "λ of the balanced objective.", FROM_0, belongs=("objective", ("balanced",)))
CENTER = Option(
    "none", "Model", "Take off first: the mean of M, the means of its columns, or of its rows.",
    OneOf(CENTERS))
C_STEP = Option(
    0.1, "Step size", "c_step of theorem-3.2: η = c_step/σ₁.", POSITIVE,
    belongs=("schedule", ("theorem-3.2",)))
START = Option(
    "gaussian", "Start", f"{', '.join(STARTS)}, or a run file or .npz with U and V.",
    File(STARTS), metavar="KIND|FILE")
START_SCALE: Option[float | None] = Option(
    None, "Start", "Standard deviation of the entries (units of √M), or the scale c of c·Q.",
    POSITIVE, unset="from M", belongs=("start", STARTS))
START_RATIO = Option(
    100.0, "Start", "‖U‖²/‖V‖² of the unbalanced start.", POSITIVE,
    belongs=("start", ("unbalanced",)))
SEED: Option[Any] = Option(
    None, "Start", "Seed of the start; printed and stored.",
    Count(most=2**128 - 1),  # as many bits as the random numbers begin with
    unset="drawn", belongs=("start", STARTS))
DTYPE = Option("float64", "Computation", "Arithmetic.", OneOf(("float64", "float32")))
MAX_MEMORY: Option[int | None] = Option(
    None, "Computation",
    "Memory to take at most, as 500M or 2GiB; a larger M is read from its file in each pass.",
    Size(), unset="what there is")
DEVICE = Option(
    "cpu", "Computation",
    "Where M is held and multiplied: cuda, or auto: there if there is one and M fits.",
    OneOf(("auto", "cpu", "cuda")))
WORKERS: Option[int | None] = Option(
    None, "Computation", "Processes of this machine that hold M between them, by Dask.",
    Count(least=1, most=4096), unset="none: M is held here")
SCHEDULER: Option[str | None] = Option(
    None, "Computation", "A Dask cluster that holds M, as tcp://host:8786, or its scheduler file.",
    Text(), metavar="ADDRESS", unset="none: M is held here")

# fmt: on

PARAMETERS = ("momentum", "damping")
"""Those of the options that are parameters of a method; None: chosen."""


def parameters_of(settings: Settings) -> dict[str, float | None]:
    """As they are asked for."""
    return {name: getattr(settings, name) for name in PARAMETERS}
