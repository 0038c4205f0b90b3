"""What may be asked of a run: every option of its kind, and what goes with what."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mfact.core import Optimum, Target, whole_norm
from mfact.engines.choice import ENGINES, first, has_bases
from mfact.errors import SettingsError
from mfact.methods.choice import METHODS, PLAIN
from mfact.options import flag, means, options_of, refuse_idle, require_kinds
from mfact.problems.factorization import Factorization
from mfact.problems.optimum import attainable, offset_gap
from mfact.settings import MOST_PLAIN_STEPS, STARTS, RunSettings
from mfact.wishes import wish_of
from mfact.words import shown
from mfact.words.foreign import ALS, way_out
from mfact.words.foreign import METHODS as FOREIGN

FEW_STEPS = 1000
"""That a run on a cluster may take, where each passes over M."""

THEOREMS = ("theorem-3.1", "theorem-3.2", "certified")
"""Schedules whose steps a proof about gradient descent tells."""


def check(settings: RunSettings, shape: tuple[int, int], explicit: Collection[str] = ()) -> None:
    """Refuse what cannot run, before anything big is read or computed; where the rank is a wish
    still, what no rank mends.

    explicit: names of the options that the user gave.

    Raises SettingsError with the two things that do not fit and what to type instead.
    """
    require_kinds(settings)
    if settings.max_iter is not None and settings.min_iter > settings.max_iter:
        raise SettingsError(
            f"--min-iter {shown(settings.min_iter)} is above --max-iter {shown(settings.max_iter)}",
            "raise --max-iter",
        )
    least, wish = min(shape), wish_of(settings.rank)
    if wish is None and settings.rank > least:
        raise SettingsError(
            f"rank {shown(settings.rank)} is above min(d1, d2) = {least},"
            f" M is {shape[0]}×{shape[1]}",
            f"pass -r {least} or less",
        )
    if wish is None and settings.schedule == "theorem-3.2" and settings.rank != 1:
        raise SettingsError(
            f"--schedule theorem-3.2 is for rank 1, and the rank is {settings.rank}",
            "use --schedule constant, or -r 1",
        )
    if settings.method not in METHODS:
        known = {name: f"'{name}'" for name in METHODS} | {ALS: ALS}
        found = way_out(settings.method, known, FOREIGN)
        raise SettingsError(
            f"--method is {shown(settings.method)}", found or f"choose one of {', '.join(METHODS)}"
        )
    refuse_idle(options_of(settings), _chosen(settings), _told(settings, explicit))
    _check_method(settings)
    _check_place(settings)
    if settings.engine in ENGINES:
        reason = ENGINES[settings.engine].runs(Factorization, METHODS[settings.method])
        if reason:
            raise SettingsError(f"--engine {settings.engine} {reason}", "use --engine direct")


def _check_method(settings: RunSettings) -> None:
    """Refuse steps that a method cannot take."""
    name, method = settings.method, METHODS[settings.method]
    steps = resolved_schedule(settings)
    if method.power != METHODS[PLAIN].power and steps in THEOREMS:
        raise SettingsError(
            f"--schedule {steps} has steps in units of 1/M, and those of {name} have others",
            "use --schedule constant",
        )
    drawn = settings.start in STARTS and settings.start != "spectral"
    if name == "scaled" and settings.damping == 0 and drawn:
        raise SettingsError(
            "--method scaled without damping often fails from a random start, as the Gram matrices"
            " that it divides by are small",
            "leave out --damping, use --start spectral, or --method alternating-scaled",
        )


def _check_place(settings: RunSettings) -> None:
    """Refuse two places for M at once."""
    cluster = cluster_of(settings)
    if len(cluster) > 1:
        raise SettingsError(
            "--workers starts a cluster here, and --scheduler names one that there is",
            "leave out one of them",
        )
    if cluster and settings.device != "cpu":
        raise SettingsError(
            f"--device {settings.device} holds M on this machine, and {cluster[0]} on a cluster",
            "leave out one of them",
        )


def cluster_of(settings: RunSettings) -> list[str]:
    """The options that ask for a cluster."""
    return [flag(n) for n in ("workers", "scheduler") if getattr(settings, n) is not None]


def refuse_many_passes(settings: RunSettings) -> None:
    """Refuse steps that each pass over M on a cluster, where there may be more than FEW_STEPS.

    Raises SettingsError with how many passes that would be.
    """
    cluster, method = cluster_of(settings), METHODS[settings.method]
    most = MOST_PLAIN_STEPS if settings.max_iter is None else settings.max_iter
    based, refused = first(Factorization, method)
    name = based if settings.engine == "auto" else settings.engine
    if not cluster or has_bases(name) or most <= FEW_STEPS or settings.force:
        return
    asked = f"--engine {name}" if settings.engine == name else f"--method {settings.method}"
    way = "use another --method" if refused else "use --engine reduced"
    given = "without --max-iter" if settings.max_iter is None else f"with --max-iter {shown(most)}"
    raise SettingsError(
        f"{cluster[0]} with {asked} passes over M in each step,"
        f" {shown(most * method.passes)} times in all {given}",
        f"{way}, or --max-iter {FEW_STEPS}, or run it all the same with --force",
    )


def idle(settings: RunSettings, names: Collection[str]) -> list[str]:
    """Those of the options that mean nothing with the others.

    >>> idle(RunSettings(rank=1, schedule="constant"), ["seed", "delta"])
    ['delta']
    """
    options, chosen = options_of(settings), _chosen(settings)
    return [name for name in _told(settings, names) if not means(options[name], chosen, options)]


def _told(settings: RunSettings, names: Collection[str]) -> Collection[str]:
    """Those of the options of which the others tell whether they mean something: a schedule that
    hangs on a rank which is a wish still tells nothing.
    """
    if resolved_schedule(settings) != "auto":
        return names
    options = options_of(settings)
    return [n for n in names if (options[n].belongs or ("",))[0] != "schedule"]


def _chosen(settings: RunSettings) -> dict[str, object]:
    return {**vars(settings), "schedule": resolved_schedule(settings)}


def resolved_schedule(settings: RunSettings) -> str:
    """The paper's choice where none is made: rank 1 a constant step, rank r > 1 decaying ones; a
    constant one for methods that are not the paper's.
    """
    if settings.schedule != "auto":
        return settings.schedule
    if settings.method != PLAIN:
        return "constant"
    if wish_of(settings.rank) is not None:
        return settings.schedule
    if settings.rank == 1 and settings.step_size is None:
        return "theorem-3.2" if settings.objective == "plain" else "constant"
    return "constant" if settings.rank == 1 else "power"


def reachable_tol(
    settings: RunSettings, optimum: Optimum, target: Target, *, given: bool
) -> tuple[float, list[str]]:
    """The gap to reach: the one asked for, or the least that the arithmetic can tell, with a note.

    Raises SettingsError with that gap where the user gave a smaller one; 0 asks for none.
    """
    k, eps = optimum.k, float(np.finfo(target.dtype).eps)
    least = attainable(whole_norm(target), optimum.values[k - 1], eps)
    of = f"ε²‖M‖_F²/σ_{k}²"
    if target.offset:
        off = offset_gap(target, optimum)
        d = max(target.shape)
        of = f"{40 * k * d}ε²‖A − M‖_F²/σ_{k}²" if off > least else f"ε²‖A‖_F²/σ_{k}²"
        least = max(least, off)
    if not settings.optimum or settings.tol >= least or settings.tol == 0:
        return settings.tol, []
    if given:
        raise SettingsError(
            f"--tol {settings.tol:g} is below what {settings.dtype} can tell, {least:.2g} ({of})",
            f"use --tol {1.1 * least:.2g}"
            + (", or --dtype float64" if settings.dtype == "float32" else ""),
        )
    note = (
        f"--tol {settings.tol:g} is lifted to {least:.2g}, the least gap that {target.dtype}"
        f" can tell here: {of}"
    )
    if least >= optimum.saddle:
        note += f"; whether component {k} is fitted is not told then"
        note += ": use --dtype float64" if settings.dtype == "float32" else ""
    return least, [note]
