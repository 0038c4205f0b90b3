"""Gradient descent at several step sizes against the flow, at equal flow time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.gradient_flow.gradient_flow import flow
from mfact.problems.diagonal import Diagonal
from mfact.problems.factorization import unbalance

RTOL = 1e-13  # the flow stands for the truth here


@dataclass(frozen=True)
class Comparison:
    """Gradient descent with the steps η = time/count, one row for each count.

    step_sizes: (n,) η, in units of 1/M. counts: (n,) number of steps. distance: (n,) relative
    distance ‖Z − Z_flow‖_F/‖Z_flow‖_F of both factors at the end. D_distance: (n,)
    ‖D − D_flow‖_F at the end, where D_flow is D₀ for the plain objective, which the flow conserves.
    distance_slope, D_distance_slope: d log(·)/d log η by least squares over the three smallest
    steps whose values rounding and the solver's tolerance do not hide; None with fewer than two.
    Both are 1 as η → 0.
    """

    step_sizes: Array
    counts: Array
    distance: Array
    D_distance: Array
    distance_slope: float | None
    D_distance_slope: float | None


def compare(problem: Diagonal, Z: Array, time: float, counts: Sequence[int]) -> Comparison:
    """Plain steps from Z to the flow time `time`, with each of the numbers of steps in counts.

    Steps that diverge give infinite distances. Raises SettingsError for a count below 1.
    Source: first order of the explicit Euler method; for that of D mfact, derived.

    >>> problem = Diagonal(np.array([1.0]), weight=0.0)
    >>> found = compare(problem, np.array([[[0.3]], [[0.1]]]), 4.0, [100, 200, 400])
    >>> round(found.distance_slope, 2), round(found.D_distance_slope, 2)
    (1.0, 1.0)
    """
    if min(counts) < 1:
        raise SettingsError(f"{min(counts)} steps reach no flow time", "take 1 step at least")
    end = flow(problem, Z, [time], "ode", RTOL).Z[-1]
    kept = unbalance(*(Z if problem.weight == 0.0 else end))
    etas = np.array([time / count for count in counts])
    distance, D_distance = np.array(
        [
            _apart(problem.descended(Z, repeat(eta, count)), end, kept)
            for eta, count in zip(etas, counts, strict=True)
        ]
    ).T
    hidden = 1e3 * RTOL
    return Comparison(
        step_sizes=etas,
        counts=np.array(counts),
        distance=distance,
        D_distance=D_distance,
        distance_slope=_slope(etas, distance, hidden),
        D_distance_slope=_slope(etas, D_distance, hidden * float(np.vdot(end, end))),
    )


def _apart(Z: Array, end: Array, kept: Array) -> tuple[float, float]:
    if not np.isfinite(Z).all():
        return np.inf, np.inf
    return (
        float(np.linalg.norm(Z - end) / np.linalg.norm(end)),
        float(np.linalg.norm(unbalance(*Z) - kept)),
    )


def _slope(etas: Array, values: Array, hidden: float) -> float | None:
    seen = np.flatnonzero(np.isfinite(values) & (values > hidden))
    last = seen[np.argsort(etas[seen])][:3]
    if len(last) < 2 or np.ptp(etas[last]) == 0.0:
        return None
    return float(np.polyfit(np.log(etas[last]), np.log(values[last]), 1)[0])
