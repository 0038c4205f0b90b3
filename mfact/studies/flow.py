"""The flow of a whole matrix from a named start, and the steps of methods beside their flows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array, Factors, Target, unit_of, whole_norm
from mfact.errors import SettingsError
from mfact.gradient_flow.coordinates import Svd
from mfact.gradient_flow.gradient_flow import FlowResult, flow
from mfact.options import options_of, refuse_idle, require_kinds
from mfact.problems.diagonal import Diagonal
from mfact.problems.factorization import formula
from mfact.problems.optimum import fitted_rank, zero_in
from mfact.problems.scale import require_rest
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.run.ranked import Ranked, ranked_of
from mfact.settings import COMPARED, FLOW_OPTIONS, STARTS, FlowSettings
from mfact.starts import default_scale, directions, require_size, scaled, spectral
from mfact.storage.factors import read_factors
from mfact.studies.flow_and_descent import FOLLOWS, Comparison, Flows, compare, unguided
from mfact.targets.counted import Counted
from mfact.targets.door import Held, held
from mfact.wishes import wish_of
from mfact.words import by

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

FITTED = 1e-6  # how far the slowest mode is from its end at the default time, relatively


@dataclass(frozen=True)
class Study:
    """What was found. settings: with every default filled in. shape: (d1, d2). sigma: all
    singular values. k: of the leading r those that are not zero. formula: the objective written
    out. uncentered_norm: ‖A‖_F where M = A − abᵀ, else None. comparisons: of the methods that were
    asked for, by name. found: how the rank was, None where it was given.
    """

    settings: FlowSettings
    shape: tuple[int, int]
    sigma: Array = field(repr=False)
    k: int
    formula: str
    uncentered_norm: float | None
    flow: FlowResult = field(repr=False)
    comparisons: Mapping[str, Comparison] = field(repr=False)
    found: Ranked | None = field(repr=False, default=None)

    @property
    def rank(self) -> int:
        return self.settings.rank


def flow_settings(values: Mapping[str, Any], given: Collection[str]) -> FlowSettings:
    """The settings of a flow from FLOW_OPTIONS by name. given: those that the user gave.

    Raises SettingsError for one of these that means nothing with the other values.
    """
    refuse_idle(FLOW_OPTIONS, values, given)
    weight = values["balance_weight"] if values["objective"] == "balanced" else 0.0
    own = {name: values[name] for name in options_of(FlowSettings)}
    return FlowSettings(**own, weight=weight)


def study(
    matrix: Array | MatrixSource | Target | Held,
    settings: FlowSettings,
    factors: Factors | None = None,
    *,
    doing: Doing = NOTHING,
) -> Study:
    """Follow the gradient flow on M (d1×d2) from a start by name, from a file, or as given.

    matrix: an array, an opened file or a Target. doing: told how far it is.
    Raises SettingsError for a rank above min(d1, d2) or that is not found, factors of other shapes,
    a value out of range, an imbalance that goes with no balanced start, adam beside the flow of
    the balanced objective; DataError for a matrix of zeros.

    >>> M = np.outer([3.0, 4.0], [1.0, 0.0, 1.0])
    >>> found = study(M, FlowSettings(rank=1, compare="scaled"))
    >>> found.flow.method, found.flow.drift.max() < 1e-9
    ('closed-form', np.True_)
    >>> round(found.comparisons["scaled"].slopes["log_det_drift"], 1)
    1.0
    """
    require_kinds(settings)
    compared_in(settings)
    found = held(matrix, "float64").centred(settings.center)
    d1, d2 = found.shape
    if wish_of(settings.rank) is None and settings.rank > min(d1, d2):
        raise SettingsError(
            f"rank {settings.rank} does not fit a {d1}×{d2} matrix",
            f"choose -r from 1 to {min(d1, d2)}",
        )
    if factors is None and settings.start not in STARTS:
        factors = read_factors(settings.start)
    with looked_at(found, doing) as target:
        return _study(target, settings, factors, doing)


def _study(target: Counted, settings: FlowSettings, factors: Factors | None, doing: Doing) -> Study:
    (d1, d2), drawn = target.shape, factors is None
    with doing.now("singular value decomposition"):
        require_rest(target)
        svd = Svd.of(target)
    ranked = None
    if (wish := wish_of(settings.rank)) is not None:
        ranked = ranked_of(target, svd.sigma, wish)
        settings = replace(settings, rank=ranked.rank)
    if factors is None:
        if settings.start_scale is None:
            scale = default_scale(settings.start, float(svd.sigma[0]), max(d1, d2))
            settings = replace(settings, start_scale=scale)
        factors = _start(settings, svd)
    elif factors.U.shape != (d1, settings.rank) or factors.V.shape != (d2, settings.rank):
        raise SettingsError(
            f"U is {by(factors.U.shape)} and V is {by(factors.V.shape)} in {settings.start}",
            f"a start must be {d1}×{settings.rank} and {d2}×{settings.rank}",
        )
    require_size(factors, "float64", drawn=drawn)
    sigma, Z = svd.enter(*factors)
    problem = Diagonal(sigma, settings.weight)
    k = fitted_rank(svd.sigma, settings.rank, zero_in(target, float(svd.sigma[0])))
    if settings.time is None:
        settings = replace(settings, time=fitted_time(problem, Z, k))
    assert settings.time is not None
    times = np.linspace(0.0, settings.time, settings.points)
    unit = unit_of(float(svd.sigma[k - 1]))
    return Study(
        settings=settings,
        shape=(d1, d2),
        sigma=svd.sigma,
        k=k,
        formula=formula(settings.weight, settings.center),
        uncentered_norm=whole_norm(target) if target.offset else None,
        flow=flow(problem, Z, times.tolist(), settings.solver),
        comparisons=_compared(
            target, factors, Flows(problem, Z, settings.time, unit), settings, doing
        ),
        found=ranked,
    )


def compared_in(settings: FlowSettings) -> tuple[str, ...]:
    """The methods that are compared. Raises SettingsError for one that follows no flow where
    D is not kept anyway.
    """
    if settings.compare is None:
        return ()
    names = COMPARED.read(settings.compare)
    lost = unguided_in(names) if settings.weight else []
    if lost and names != COMPARED.names:
        raise SettingsError(
            f"--compare {','.join(lost)} tells how D moves, and the flow of the balanced objective"
            " moves it",
            f"use --objective plain, or leave {' and '.join(lost)} out",
        )
    return tuple(name for name in names if name not in lost)


def unguided_in(names: Iterable[str]) -> list[str]:
    """Those of the methods that follow no flow that is known, and run on M itself."""
    return [name for name in names if name not in FOLLOWS]


def _compared(
    target: Counted, factors: Factors, flows: Flows, settings: FlowSettings, doing: Doing
) -> dict[str, Comparison]:
    found = {}
    for name in compared_in(settings):
        with doing.now(f"steps of {name}"):
            if name in FOLLOWS:
                found[name] = compare(flows, name)
            else:
                found[name] = unguided(target, factors, float(flows.problem.sigma[0]), name)
    return found


def fitted_time(problem: Diagonal, Z: Array, k: int) -> float:
    """The flow time at which the slowest of the k modes is within about 1e-6 of its end.

    ln(σ_k/s₀)/(2σ_k) + ln(10⁶)/σ_k, s₀ = σ_min(A)², A = (X + Y)/2 in the k leading rows: the time
    that its product takes to grow, and that what is outside the singular vectors takes to decay.
    When M has further singular values, what belongs to them decays more slowly, like
    exp(−(σ_k − σ_{k+1})s). Source: mfact, derived.
    """
    slowest = float(problem.sigma[k - 1])
    A = 0.5 * (Z[0, :k] + Z[1, :k])
    least = float(np.linalg.svd(A, compute_uv=False)[k - 1]) ** 2
    # A start with nothing along the slowest mode would never leave it but for rounding.
    growth = max(0.0, log(slowest / max(least, 1e-32 * slowest)))
    return (0.5 * growth - log(FITTED)) / slowest


def _start(settings: FlowSettings, svd: Svd) -> Factors:
    """The factors of the named start; λ-balanced ones are (√(λ + c²) Q₁, c Q₂)."""
    r, scale = settings.rank, settings.start_scale
    assert scale is not None
    refuse_idle(options_of(settings), vars(settings), ["imbalance"] if settings.imbalance else [])
    if settings.start == "spectral":
        return spectral(svd.left[:, :r], svd.sigma[:r], svd.right[:, :r], scale)
    shape = (len(svd.left), len(svd.right))
    point = directions(settings.start, shape, r, settings.seed, "float64")
    point = scaled(settings.start, point, scale, settings.start_ratio)
    require_size(point, "float64", drawn=True)
    lean = sqrt(1.0 + settings.imbalance / scale**2)
    return Factors(point.U * lean, point.V)
