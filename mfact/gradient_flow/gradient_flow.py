"""Gradient flow, the limit of gradient descent with vanishing steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.gradient_flow.closed_form import imbalance, propagate
from mfact.gradient_flow.integrate import STABLE, integrate, require_few
from mfact.problems.diagonal import Diagonal, Scalars
from mfact.problems.factorization import unbalance

METHODS = ("auto", "closed-form", "ode")
RTOL = 1e-10


@dataclass(frozen=True)
class FlowResult:
    """The flow at the times asked for.

    times: (n,) flow times s, in units of 1/M. Z: (n, 2, k, r), X and Y at each. method:
    "closed-form", where Z is known up to a common rotation of the columns of X and Y at each
    time, or "ode". scalars: loss above the optimum, ‖D‖_F … at each time. drift: (n,)
    ‖D − D₀‖_F for the plain objective, whose flow conserves D; nan for others.
    """

    times: Array
    Z: Array
    method: str
    scalars: tuple[Scalars, ...]
    drift: Array


def flow(
    problem: Diagonal, Z: Array, times: Sequence[float], method: str = "auto", rtol: float = RTOL
) -> FlowResult:
    """The gradient flow dZ/ds = −∇ from Z, at increasing times ≥ 0.

    method: "closed-form", "ode" (DOP853, relative tolerance rtol a step), or "auto": the closed
    form where it holds, which is for weight 1, and for the plain objective when D₀ = λI, as it is
    for r = 1.
    Raises SettingsError for another method, for times that decrease, and where "closed-form" is
    asked for and does not hold.
    Source: Du, Hu, Lee 2018, Section 2; closed form as in mfact.gradient_flow.closed_form.

    >>> problem = Diagonal(np.array([1.0]), weight=0.0)
    >>> result = flow(problem, np.full((2, 1, 1), 0.1), [0.0, 10.0])
    >>> result.method, round(result.scalars[-1].gradient_norm, 6)
    ('closed-form', 0.0)
    """
    if method not in METHODS:
        raise SettingsError(f"{method} is no way to follow the flow", f"use {', '.join(METHODS)}")
    edges = np.array([0.0, *times])
    if not (np.diff(edges) >= 0.0).all():
        raise SettingsError("the times of a flow go down", "give times that increase from 0")
    if method == "auto":
        method = "ode" if imbalance(problem, Z) is None else "closed-form"
    begin, points, first_step = Z, [], None
    for start, end in pairwise(edges):
        if end == start:
            pass
        elif method == "closed-form":
            Z = propagate(problem, Z, float(end - start))
        else:
            require_few((end - start) * problem.sharpness(Z) / STABLE, "the flow")
            stretch = integrate(
                lambda s, z: -problem.at(z).gradient,
                float(start),
                float(end),
                Z,
                rtol=rtol,
                first_step=first_step,
                sharpness=problem.sharpness(Z),
            )
            Z, first_step = stretch.Z, stretch.next_step
        points.append(Z)
    return FlowResult(
        times=edges[1:],
        Z=np.array(points),
        method=method,
        scalars=tuple(problem.scalars(point) for point in points),
        drift=np.array([_drift(problem, begin, point) for point in points]),
    )


def _drift(problem: Diagonal, begin: Array, Z: Array) -> float:
    if problem.weight != 0.0:
        return float("nan")
    return float(np.linalg.norm(unbalance(*Z) - unbalance(*begin)))
