"""The start of a run: its factors, its step sizes, and bases that hold it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Factors, Schedule
from mfact.errors import SettingsError
from mfact.krylov.basis import Basis
from mfact.krylov.leading import first_basis, largest_value, leading_pairs
from mfact.methods.choice import METHODS
from mfact.problems.factorization import Factorization
from mfact.run.refusals import resolved_schedule
from mfact.schedules import schedule
from mfact.settings import STARTS, RunSettings
from mfact.starts import (
    default_scale,
    directions,
    require_size,
    scaled,
    spectral,
    theorem_3_1_scale,
)
from mfact.storage.factors import read_factors


class Begun(NamedTuple):
    """A run before its first step.

    basis: Krylov bases that hold the point already. scale: of the start, in units of √M; None when
    it came from a file. sigma_1, sigma_1_error: an estimate from below, what it may be short of.
    """

    point: Factors
    basis: Basis
    schedule: Schedule
    scale: float | None
    sigma_1: float
    sigma_1_error: float


def first_blocks(
    settings: RunSettings, problem: Factorization, factors: Factors | None = None
) -> tuple[Array, Array]:
    """What begin() multiplies M by first, which depends on the start alone."""
    point, drawn = _point(settings, problem, factors)
    basis = first_basis(problem.target, point, 1.0, drawn=drawn)
    return basis.left.next_block, basis.right.next_block


def begin(
    settings: RunSettings,
    problem: Factorization,
    factors: Factors | None = None,
    limit: float = math.inf,
) -> Begun:
    """Draw the start, look at M through it until σ₁ is known, and fix the step sizes.

    factors: the start, where it is neither to be drawn nor read. limit: on the bases, in bytes.

    Raises SettingsError where the matrix does not fit the options.
    """
    target, rank = problem.target, settings.rank
    dtype, longest = str(target.dtype), max(target.shape)
    point, drawn = _point(settings, problem, factors)
    basis, sigma_1, error = largest_value(target, point, drawn=drawn, limit=limit)
    steps = schedule(
        resolved_schedule(settings),
        usual=METHODS[settings.method].step_size(sigma_1 or 1.0, problem.weight, longest),
        sigma_1=sigma_1,
        norm=target.norm,
        rank=rank,
        step_size=settings.step_size,
        delta=settings.delta,
        eps=settings.eps,
        c_step=settings.c_step,
    )
    scale: float | None = None
    if drawn:
        scale = settings.start_scale
        if scale is None and steps.eps is not None:
            scale = theorem_3_1_scale(steps.eps, longest)
            if settings.start == "balanced":
                scale *= math.sqrt(longest)
            elif settings.start == "spectral":
                scale = math.sqrt(steps.eps / (sigma_1 or 1.0)) / 10
        elif scale is None:
            scale = default_scale(settings.start, sigma_1, longest) or 1e-3
        if settings.start == "spectral":
            basis, phi, sigma, psi = leading_pairs(basis, target, rank)
            point = spectral(phi, sigma, psi, scale)
        else:
            point = scaled(settings.start, point, scale, settings.start_ratio)
    require_size(point, dtype, drawn=drawn)
    return Begun(point, basis, steps, scale, sigma_1, error)


def _point(
    settings: RunSettings, problem: Factorization, factors: Factors | None
) -> tuple[Factors, bool]:
    """The start but for its scale, and whether it is drawn."""
    if factors is None and settings.start_file is None:
        return _directions(settings, problem), True
    return _given(settings, problem, factors), False


def _directions(settings: RunSettings, problem: Factorization) -> Factors:
    """The start but for its scale."""
    assert settings.seed is not None
    kind = "gaussian" if settings.start in ("spectral", "unbalanced") else settings.start
    target = problem.target
    return directions(kind, target.shape, settings.rank, settings.seed, str(target.dtype))


def _given(settings: RunSettings, problem: Factorization, factors: Factors | None) -> Factors:
    """The start as it was given, or out of a run file or an .npz file."""
    path, target = settings.start, problem.target
    if factors is None and not Path(path).exists():
        raise SettingsError(
            f"--start {path} is neither one of {', '.join(STARTS)} nor a file",
            "name one of them, or a run file or .npz with U and V",
        )
    with np.errstate(over="ignore"):  # as require_size says then
        found = read_factors(path) if factors is None else factors
        point = Factors(*(np.array(x, target.dtype, order="F") for x in found))
    (d1, d2), rank = target.shape, settings.rank
    if point.U.shape != (d1, rank) or point.V.shape != (d2, rank):
        raise SettingsError(
            f"the start has U {point.U.shape} and V {point.V.shape}",
            f"M is {d1}×{d2} and the rank is {rank}: give factors of that size",
        )
    return point
