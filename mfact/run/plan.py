"""From names to objects: every choice of a run that depends on its matrix is made here."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mfact.core import Array, Factors, Optimum, Schedule, Target
from mfact.errors import SettingsError
from mfact.krylov.basis import LEAST_PROBES, Basis
from mfact.krylov.hidden import hidden_value
from mfact.krylov.spectrum import Spectrum
from mfact.problems.factorization import Factorization
from mfact.problems.optimum import attainable
from mfact.run.refusals import check, resolved_schedule
from mfact.schedules import Constant, PowerDecay, certified, theorem_3_1, theorem_3_2
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

SIGMA_1_ACCURACY = 1e-3
"""Relative residual of the leading Ritz pair at which σ₁ is known well enough for a step size:
σ₁ itself is then known to about the square of it."""

DEFAULT_EPS = 0.1
"""ε of theorem-3.1 and certified where none is given, in units of ‖M‖_F."""


@dataclass(frozen=True)
class Plan:
    """The objects of a run.

    sigma_1, sigma_1_error: an estimate from below, and what it may be short of.
    start, basis: the start, and Krylov bases that hold it already; None when a run is resumed.
    first_passes: over M, that the basis took.
    scale: of the start, in units of √M; None when it came from a file. tol: the gap to reach, as
    asked for or the least that the arithmetic can tell.
    """

    problem: Factorization
    schedule: Schedule
    start: Factors | None
    scale: float | None
    basis: Basis | None
    sigma_1: float
    sigma_1_error: float
    first_passes: int
    settings: RunSettings
    tol: float


def start_from(path: str) -> Factors:
    """Factors to start from, out of a run file or an .npz file."""
    if not Path(path).exists():
        raise SettingsError(
            f"--start {path} is neither one of {', '.join(STARTS)} nor a file",
            "name one of them, or a run file or .npz with U and V",
        )
    return read_factors(path)


def build(settings: RunSettings, target: Target, given: Factors | None = None) -> Plan:
    """Draw the start, look at M through it until σ₁ is known, and fix the step sizes.

    given: the start when it comes from a file; else it is drawn from settings.seed.

    Raises SettingsError where the matrix does not fit the options.
    """
    check(settings, target.shape)
    weight = settings.balance_weight if settings.objective == "balanced" else 0.0
    problem = Factorization(weight)
    assert settings.seed is not None or given is not None
    shape, rank = target.shape, settings.rank
    if given is not None:
        with np.errstate(over="ignore"):  # as require_size says then
            point = Factors(*(np.array(x, target.dtype, order="F") for x in given))
        if point.U.shape != (shape[0], rank) or point.V.shape != (shape[1], rank):
            raise SettingsError(
                f"the start has U {point.U.shape} and V {point.V.shape}",
                f"M is {shape[0]}×{shape[1]} and the rank is {rank}: give factors of that size",
            )
    else:
        assert settings.seed is not None
        kind = "gaussian" if settings.start in ("spectral", "unbalanced") else settings.start
        point = directions(kind, shape, rank, settings.seed, str(target.dtype))
    basis, sigma_1, error = look_at(target, point, drawn=given is None)
    schedule = _schedule(settings, problem, target.norm, sigma_1)
    scale: float | None = None
    if given is None:
        scale = settings.start_scale
        if scale is None and schedule.eps is not None:
            scale = theorem_3_1_scale(schedule.eps, max(shape))
            if settings.start == "balanced":
                scale *= math.sqrt(max(shape))
            elif settings.start == "spectral":
                scale = math.sqrt(schedule.eps / (sigma_1 or 1.0)) / 10
        elif scale is None:
            scale = default_scale(settings.start, sigma_1, max(shape)) or 1e-3
        if settings.start == "spectral":
            basis, phi, sigma, psi = leading_pairs(basis, target, rank)
            point = spectral(phi, sigma, psi, scale)
        else:
            point = scaled(settings.start, point, scale, settings.start_ratio)
    require_size(point, str(target.dtype), drawn=given is None)
    return Plan(
        problem,
        schedule,
        point,
        scale,
        basis,
        sigma_1,
        error,
        basis.passes,
        settings,
        settings.tol,
    )


def reachable_tol(settings: RunSettings, optimum: Optimum, target: Target, *, given: bool) -> float:
    """The tolerance of a run: the one asked for, or the least gap that the arithmetic can tell.

    given: whether the user gave it. 0 asks for none, and is left alone.

    Raises SettingsError with that gap where a smaller one was given.
    """
    eps = float(np.finfo(target.dtype).eps)
    least = attainable(target.norm, optimum.values[optimum.k - 1], eps)
    if settings.tol >= least or settings.tol == 0:
        return settings.tol
    if given:
        raise SettingsError(
            f"--tol {settings.tol:g} is below what {settings.dtype} can tell, {least:.2g}"
            f" (ε²‖M‖_F²/σ_{optimum.k}²)",
            f"use --tol {1.1 * least:.2g}"
            + (", or --dtype float64" if settings.dtype == "float32" else ""),
        )
    return least


def _schedule(
    settings: RunSettings, problem: Factorization, norm: float, sigma_1: float
) -> Schedule:
    """The step sizes; those not given are in units of 1/σ₁.

    The sharpness at a balanced optimum is 2 max(1, λ) σ₁ and a constant step must stay below
    two over it; half of that limit is the default, and 0.3 of it where the steps decay.
    """
    name = resolved_schedule(settings)
    unit = 2.0 / (problem.sharpness * (sigma_1 or 1.0))
    if name == "constant":
        return Constant(settings.step_size or 0.5 * unit)
    if name == "power":
        return PowerDecay(settings.step_size or 0.3 * unit, 0.5 + settings.delta)
    if name == "theorem-3.2":
        return theorem_3_2(settings.c_step, sigma_1 or 1.0)
    if norm == 0:
        raise SettingsError(
            f"--schedule {name} needs 0 < ε < ‖M‖_F, and M is zero", "use --schedule constant"
        )
    eps = DEFAULT_EPS * norm if settings.eps is None else settings.eps
    return theorem_3_1(eps, settings.rank, norm) if name == "theorem-3.1" else certified(eps, norm)


def look_at(
    target: Target, point: Factors, most: int = 40, *, drawn: bool
) -> tuple[Basis, float, float]:
    """Bases that hold `point`, extended until σ₁ is known: (basis, σ₁, error).

    drawn: the point is random; one from elsewhere may miss the leading singular vectors, and σ₁
    with them, so that random columns join it. σ₁ is the largest Ritz value, a lower bound; with the
    pair's residual ρ, some singular value lies within min(ρ, ρ²/(σ₁ − σ₂)) of it, and one that
    the bases do not show may be larger.

    Source: Golub and Kahan 1965; Parlett 1980, Section 11.7.
    """
    width = max(point.U.shape[1], LEAST_PROBES)
    basis = Basis.begin(point.U, point.V, target.norm, drawn=drawn).probed(width)
    sigma_1 = error = 0.0
    if target.norm == 0:
        return basis, 0.0, 0.0
    for _ in range(most):
        if basis.exhausted:
            unseen = target.norm**2 - float(np.vdot(basis.B, basis.B))
            if unseen <= 1e-6 * target.norm**2 or basis.size >= min(target.shape):
                break
            basis = basis.probed(width)
        basis = basis.extend(target)
        sigma_1, error, residual = _leading(basis, target)
        if basis.passes >= 3 and residual <= SIGMA_1_ACCURACY * sigma_1:
            break
    return basis, sigma_1, error


def _leading(basis: Basis, target: Target) -> tuple[float, float, float]:
    """σ₁ of B with its error bound and the residual of its pair."""
    if 0 in basis.B.shape:
        return 0.0, 0.0, math.inf
    phi, sigma, psi_t = np.linalg.svd(basis.B, full_matrices=False)
    k1, k2 = basis.B.shape
    right = basis.leak_left @ psi_t[0, k2 - basis.last_right :]
    left = basis.leak_right @ phi[k1 - basis.last_left :, 0]
    residual = math.hypot(float(np.linalg.norm(right)), float(np.linalg.norm(left)))
    apart = float(sigma[0] - sigma[1]) if len(sigma) > 1 else float(sigma[0])
    error = min(residual, residual**2 / apart) if apart > 0 else residual
    hidden = hidden_value(sigma, 1, basis.probes, basis.passes, max(target.shape))
    hidden = min(hidden, math.sqrt(max(target.norm**2 - float(np.sum(sigma[1:] ** 2)), 0.0)))
    return float(sigma[0]), max(error, hidden - float(sigma[0])), residual


def leading_pairs(
    basis: Basis, target: Target, rank: int, most: int = 200
) -> tuple[Basis, Array, Array, Array]:
    """The leading singular pairs (Φ_r, σ, Ψ_r) of M, to a relative residual of 1e-10."""
    spectrum = Spectrum.of(basis, rank, target)
    for _ in range(most):
        if basis.exhausted or spectrum.residuals[:rank].max() <= 1e-10 * spectrum.sigma[0]:
            break
        basis = basis.extend(target)
        spectrum = Spectrum.of(basis, rank, target)
    phi, psi = basis.leave(
        spectrum.phi[: basis.left.known, :rank], spectrum.psi[: basis.right.known, :rank]
    )
    return basis, phi, spectrum.sigma[:rank], psi


def with_seed(settings: RunSettings) -> RunSettings:
    """The same settings with a seed drawn where none was given."""
    if settings.seed is not None:
        return settings
    return replace(settings, seed=int(np.random.SeedSequence().generate_state(1)[0]))
