"""The flow of ScaledGD, z' = −(G_U(VᵀV + λI)⁻¹, G_V(UᵀU + λI)⁻¹), in singular coordinates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfact.core import Array, Evaluation
from mfact.errors import MfactError
from mfact.gradient_flow.integrate import integrate
from mfact.methods.scaled import Scaled, damping_of
from mfact.problems.diagonal import Diagonal, excesses, gram_of, turned
from mfact.problems.factorization import sharpness, stiffness

LONGEST = 100
"""Of a flow whose slowest mode, where all curvatures are 2 at the end, takes about 20."""


class Fitted(NamedTuple):
    """Where the flow has fitted every mode, and its time, which has no unit."""

    Z: Array
    time: float


def field(problem: Diagonal, Z: Array, damping: float) -> Array:
    """z' at Z, 2×k×r, with λ as of mfact.methods.scaled.Scaled, f* = ½Σ_{i>r}σ_i² and c = damping.

    On it log det(UᵀU + λI) − log det(VᵀV + λI), less what λ's moves add, is kept for objective (1).
    Source: the limit of Tong, Ma, Chi 2021; the law mfact, derived.

    >>> problem = Diagonal(np.array([1.0]), weight=0.0)
    >>> field(problem, np.full((2, 1, 1), 0.5), damping=0.0)[:, 0, 0]
    array([1.5, 1.5])
    """
    gram = gram_of(Z)
    gradient = problem.at(Z, gram).gradient
    at = Evaluation(excesses(problem.sigma, Z[None])[0], (gradient,), (), gram)
    shift = damping_of(at, stiffness(problem.weight, gram), Scaled(damping=damping))
    K = gram[::-1] + shift * np.eye(Z.shape[-1])
    try:
        return -turned(np.linalg.solve(K, turned(gradient)))
    except np.linalg.LinAlgError:
        raise MfactError(
            "the flow of scaled steps divides by UᵀU and VᵀV, and these are singular at an optimum",
            "choose another start",
        ) from None


def fitted(problem: Diagonal, Z: Array, damping: float, least: float, rtol: float) -> Fitted:
    """The flow from Z to the first whole time at which f − f* ≤ `least`, or to LONGEST.

    least: units of M². rtol: of a step. Raises MfactError where Gram matrices become singular.
    """
    time, first_step = 0, None
    while time == 0 or (excesses(problem.sigma, Z[None])[0] > least and time < LONGEST):
        stretch = integrate(
            lambda s, z: field(problem, z, damping),
            float(time),
            float(time + 1),
            Z,
            rtol=rtol,
            first_step=first_step,
            sharpness=sharpness(problem.weight),
        )
        time, Z, first_step = time + 1, stretch.Z, stretch.next_step
    return Fitted(Z, float(time))
