"""What may be asked of a run: the kind and range of every option, and what goes with what."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any

from mfact.engines.choice import ENGINES
from mfact.errors import SettingsError
from mfact.methods.choice import METHODS
from mfact.problems.factorization import Factorization
from mfact.settings import (
    MOST_SEED,
    MOST_THREADS,
    OBJECTIVES,
    SCHEDULES,
    STARTS,
    RunSettings,
)
from mfact.words import MOST_BITS, MOST_DIGITS, shown

BELONGS = {
    "balance_weight": ("objective", ("balanced",)),
    "delta": ("schedule", ("power",)),
    "eps": ("schedule", ("theorem-3.1", "certified")),
    "c_step": ("schedule", ("theorem-3.2",)),
    "step_size": ("schedule", ("constant", "power")),
    "start_scale": ("start", STARTS),
    "seed": ("start", STARTS),
    "start_ratio": ("start", ("unbalanced",)),
    "ff_tol": ("fast_forward", ("auto",)),
    "max_basis_bytes": ("engine", ("reduced", "auto")),
}
"""Options that mean something with some choices only, and with which."""


def _whole(least: int, most: int = 2**MOST_BITS - 1) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _real(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


RANGES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (
        ("rank", "every", "patience", "max_basis_bytes"),
        _whole(1),
        f"a whole number of at least 1 and at most {MOST_DIGITS} digits",
    ),
    (
        ("min_iter", "max_iter"),
        _whole(0),
        f"a whole number of at least 0 and at most {MOST_DIGITS} digits",
    ),
    (
        ("threads",),
        _whole(1, MOST_THREADS),
        f"a whole number of at least 1 and at most {MOST_THREADS}",
    ),
    (("seed",), _whole(0, MOST_SEED), "a whole number of at least 0, below 2^128"),
    (
        ("step_size", "start_scale", "start_ratio", "max_time", "ff_tol", "c_step", "eps"),
        lambda value: _real(value) and value > 0,
        "a positive, finite number",
    ),
    (
        ("tol", "tol_residual", "tol_gradient", "balance_weight"),
        lambda value: _real(value) and value >= 0,
        "a finite number of at least 0",
    ),
    (("delta",), lambda value: _real(value) and 0 < value <= 0.5, "above 0 and at most 0.5"),
    (("optimum", "force", "escape"), lambda value: isinstance(value, bool), "True or False"),
    (("start", "checkpoint", "checkpoint_every"), lambda value: isinstance(value, str), "text"),
)
"""Options, what tells a value of theirs, and how it is described."""


def check(settings: RunSettings, shape: tuple[int, int], explicit: Collection[str] = ()) -> None:
    """Refuse what cannot run, before anything big is read or computed.

    explicit: names of the options that the user gave.

    Raises SettingsError with the two things that do not fit and what to type instead.
    """
    for name, value, known in (
        ("objective", settings.objective, OBJECTIVES),
        ("engine", settings.engine, ("auto", *sorted(ENGINES))),
        ("schedule", settings.schedule, SCHEDULES),
        ("method", settings.method, tuple(METHODS)),
        ("dtype", settings.dtype, ("float64", "float32")),
        ("fast-forward", settings.fast_forward, ("auto", "off")),
    ):
        if value not in known:
            raise SettingsError(f"--{name} is {shown(value)}", f"choose one of {', '.join(known)}")
    _check_ranges(settings)
    least = min(shape)
    if settings.rank > least:
        raise SettingsError(
            f"rank {shown(settings.rank)} is above min(d1, d2) = {least},"
            f" M is {shape[0]}×{shape[1]}",
            f"pass -r {least} or less",
        )
    if settings.schedule == "theorem-3.2" and settings.rank != 1:
        raise SettingsError(
            f"--schedule theorem-3.2 is for rank 1, and the rank is {settings.rank}",
            "use --schedule constant, or -r 1",
        )
    for option in explicit:
        if option not in BELONGS:
            continue
        chooser, choices = BELONGS[option]
        chosen = (
            resolved_schedule(settings) if chooser == "schedule" else getattr(settings, chooser)
        )
        if chosen not in choices:
            raise SettingsError(
                f"{flag(option)} has no meaning with {flag(chooser)} {chosen}",
                f"leave it out, or use {flag(chooser)} {choices[0]}",
            )
    if settings.engine in ENGINES:
        reason = ENGINES[settings.engine].runs(Factorization, METHODS[settings.method])
        if reason:
            raise SettingsError(f"--engine {settings.engine} {reason}", "use --engine direct")


def _check_ranges(settings: RunSettings) -> None:
    optional = {field.name for field in fields(RunSettings) if field.default is None}
    for names, tells, what in RANGES:
        for name in names:
            value = getattr(settings, name)
            if not (tells(value) or (value is None and name in optional)):
                raise SettingsError(f"{flag(name)} is {shown(value)}", f"it must be {what}")
    if settings.max_iter is not None and settings.min_iter > settings.max_iter:
        raise SettingsError(
            f"--min-iter {shown(settings.min_iter)} is above --max-iter {shown(settings.max_iter)}",
            "raise --max-iter",
        )


def flag(option: str) -> str:
    """How an option is typed.

    >>> flag("max_iter")
    '--max-iter'
    """
    return "--" + option.replace("_", "-")


def resolved_schedule(settings: RunSettings) -> str:
    """The paper's choice where none is made: rank 1 a constant step, rank r > 1 decaying ones."""
    if settings.schedule != "auto":
        return settings.schedule
    if settings.rank == 1 and settings.step_size is None:
        return "theorem-3.2" if settings.objective == "plain" else "constant"
    return "constant" if settings.rank == 1 else "power"
