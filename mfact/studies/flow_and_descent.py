"""The steps of each method at several step sizes against its own flow, at equal flow time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Factors, Target
from mfact.errors import SettingsError
from mfact.gradient_flow import modified
from mfact.gradient_flow.clock import Rates
from mfact.gradient_flow.gradient_flow import flow
from mfact.gradient_flow.integrate import integrate, require_few
from mfact.gradient_flow.scaled_flow import fitted
from mfact.methods.choice import METHODS, PLAIN
from mfact.methods.scaled import Scaled
from mfact.problems.diagonal import Diagonal
from mfact.problems.factorization import Factorization, sharpness, unbalance
from mfact.studies.flow_steps import Above, Ended, followed, taken

RTOL = 1e-13  # the flow stands for the truth here
HIDDEN = 1e3 * RTOL
"""Relative distance up to which rounding and the solver's tolerance may hide what there is."""

HALVINGS = 5
FIRST_STEP = 0.5
"""Of 2/L, the largest stable step of gradient descent, L its sharpness: the first of the sizes."""

GAP = 1e-6
"""To which the flow of scaled steps is followed, whose time has no unit to be asked for in."""

MOMENTUM, DAMPING = 0.5, 0.5
"""μ: at 0.9 steps would have to be six times as short for the same digits of a slope. c: also of
alternating-scaled, of which a step from a small start would be longer than M is large without."""

UNGUIDED, UNGUIDED_STEPS = 10.0, 40
"""Of methods that follow no flow that is known: the first of the sizes in usual steps, and how many
are taken of it. An entry moves by up to η a step of Adam, to four times what it is at an optimum.
"""


class Follows(NamedTuple):
    """What the steps of a method follow as η → 0, in words, and with which parameters.

    error: the first order of what a step leaves, in units of that of gradient descent; of scaled
    steps, whose λ moves, about that.
    """

    flow: str
    error: float = 1.0
    parameters: Mapping[str, float] = MappingProxyType({})


_PLAIN, _HEAVY = "(U, V)' = −∇f, ", (1 + MOMENTUM) / (1 - MOMENTUM)
_SCALED = "(U, V)' = −(G_U(VᵀV + λI)⁻¹, G_V(UᵀU + λI)⁻¹), s = nη"
FOLLOWS = {
    "gradient-descent": Follows(_PLAIN + "s = nη"),
    "alternating": Follows(_PLAIN + "s = nη"),
    "momentum": Follows(_PLAIN + "s = nη/(1 − μ)", _HEAVY, {"momentum": MOMENTUM}),
    "nesterov": Follows(_PLAIN + "s = nη/(1 − μ)", _HEAVY - 2 * MOMENTUM, {"momentum": MOMENTUM}),
    "scaled": Follows(_SCALED, 4.0, {"damping": DAMPING}),
    "alternating-scaled": Follows(_SCALED, 4.0, {"damping": DAMPING}),
}
"""None of adam, whose direction jumps with the signs of the gradient. Source: of first order one-
step methods Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, section II.3; that
of momentum and what it leaves, (1 + μ)/(1 − μ), less 2μ by Nesterov: mfact, derived."""

SLOPES = {"distance": 1.0, "D_distance": 1.0, "log_det_drift": 1.0, "remainder": 2.0}
"""What the slope of a column is as η → 0."""


@dataclass(frozen=True)
class Comparison:
    """The steps of a method to one flow time, a row for each step size.

    method: its name. flow: what the steps follow, in words; empty where they follow none. time:
    that of the flow, in the units of the step. parameters: of the method, the same for all sizes.
    step_sizes: (n,) η. counts: (n,) number of steps. columns: (n,) each, of these

        distance        ‖Z − Z_flow‖_F/‖Z_flow‖_F of both factors at the end
        D_distance      ‖D − D_flow‖_F there, where D_flow is D₀ for the plain objective
        log_det_drift   in its place, how far what scaled steps keep has moved
        remainder       of gradient descent, the distance to the modified flow

    slopes: d log(·)/d log η of each by least squares over the three smallest steps whose values
    rounding and the solver's tolerance do not hide; None with fewer than two. expected: what they
    are as η → 0, where there is a law.
    """

    method: str
    flow: str
    time: float
    parameters: Mapping[str, float]
    step_sizes: Array = field(repr=False)
    counts: Array = field(repr=False)
    columns: Mapping[str, Array] = field(repr=False)
    slopes: Mapping[str, float | None]
    expected: Mapping[str, float] = field(repr=False)


class Flown(NamedTuple):
    """Where a flow has gone, 2×k×r, and the time that it took."""

    Z: Array
    time: float


@dataclass(frozen=True)
class Flows:
    """The flows of one problem from one point, each followed once.

    problem: M = diag(σ). Z: 2×k×r. time: of that of −∇f, in units of 1/M. unit: ½σ_k², of a gap.
    """

    problem: Diagonal
    Z: Array
    time: float
    unit: float

    @cached_property
    def plain(self) -> Flown:
        return Flown(flow(self.problem, self.Z, [self.time], "ode", RTOL).Z[-1], self.time)

    @cached_property
    def scaled(self) -> Flown:
        return Flown(*fitted(self.problem, self.Z, DAMPING, GAP * self.unit, RTOL))

    def modified(self, eta: float) -> Array:
        """Where (U, V)' = −(∇f + (η/2)∇²f ∇f) goes, which steps of η follow to second order."""
        rates, sharp = Rates(eta, 0.0, 0.0), self.problem.sharpness(self.Z)
        return integrate(
            lambda s, z: modified.field(self.problem, z, rates, order=2),
            0.0,
            self.time,
            self.Z,
            rtol=RTOL,
            first_step=None,
            sharpness=sharp * (1.0 + 0.5 * eta * sharp),
        ).Z


def compare(flows: Flows, name: str, counts: Sequence[int] | None = None) -> Comparison:
    """The steps of a method of FOLLOWS, so many to the time of its flow; None: six that double.

    Steps that diverge give infinite distances.
    Raises SettingsError for a count below 1, and for too many.

    >>> flows = Flows(Diagonal(np.array([1.0]), 0.0), np.array([[[0.3]], [[0.1]]]), 4.0, 0.5)
    >>> found = compare(flows, "momentum", [200, 400, 800])
    >>> [round(slope, 1) for slope in found.slopes.values()]
    [1.0, 1.0]
    """
    problem, follows = flows.problem, FOLLOWS[name]
    method = METHODS[name].having(follows.parameters)
    is_scaled = isinstance(method, Scaled)
    end, time = flows.scaled if is_scaled else flows.plain
    if counts is None:
        largest = sharpness(problem.weight) * (1.0 if is_scaled else float(problem.sigma[0]))
        first = follows.error * time * largest / (2.0 * FIRST_STEP)
        require_few(first * 2**HALVINGS, name)
        counts = [max(1, ceil(first)) * 2**i for i in range(HALVINGS + 1)]
    if min(counts) < 1:
        raise SettingsError(f"{min(counts)} steps reach no flow time", "take 1 step at least")
    etas = np.array([time / (count * method.lasting) for count in counts])
    of, start = Above.of(problem, valued=is_scaled), (flows.Z[0], flows.Z[1])
    ended = [
        followed(of, method, start, eta, count)
        if isinstance(method, Scaled)
        else taken(of, method, start, eta, count)
        for eta, count in zip(etas.tolist(), counts, strict=True)
    ]
    columns = {"distance": np.array([_apart(each, end) for each in ended])}
    hidden = {"distance": np.full(len(etas), HIDDEN)}
    if is_scaled and not problem.weight:
        columns["log_det_drift"] = np.array([each.log_det_drift for each in ended])
        hidden["log_det_drift"] = np.array([each.hidden for each in ended])
    else:
        kept = unbalance(*(end if problem.weight else start))
        columns["D_distance"] = np.array([_moved(each, kept) for each in ended])
        hidden["D_distance"] = hidden["distance"] * float(np.vdot(end, end))
    if name == PLAIN:
        followed_too = zip(ended, etas.tolist(), strict=True)
        columns["remainder"] = np.array([_apart(e, flows.modified(eta)) for e, eta in followed_too])
        hidden["remainder"] = hidden["distance"]
    slopes = {each: _slope(etas, columns[each], hidden[each]) for each in columns}
    return Comparison(
        name, follows.flow, time, follows.parameters, etas, np.array(counts), columns, slopes,
        {each: SLOPES[each] for each in columns},
    )  # fmt: skip


def unguided(target: Target, point: Factors, sigma_1: float, name: str) -> Comparison:
    """The steps of a method that follows no flow that is known, on M itself: in other bases they
    may be others. How far D moves is told, and no distance. point: float64.
    """
    problem, method, begun = Factorization(target), METHODS[name], unbalance(*point)
    usual = method.step_size(sigma_1, 0.0, max(target.shape))
    time = UNGUIDED * UNGUIDED_STEPS * usual
    counts = [UNGUIDED_STEPS * 2**i for i in range(HALVINGS + 1)]
    etas = np.array([time / count for count in counts])
    ends = [
        taken(problem, method, point, *each) for each in zip(etas.tolist(), counts, strict=True)
    ]
    moved = np.array([_moved(each, begun) for each in ends])
    slope = _slope(etas, moved, np.full(len(etas), HIDDEN * sigma_1))
    return Comparison(
        name, "", time, {}, etas, np.array(counts), {"D_distance": moved},
        {"D_distance": slope}, {},
    )  # fmt: skip


def _apart(ended: Ended, end: Array) -> float:
    Z = np.array(ended.point)
    size = float(np.linalg.norm(end)) or 1.0  # nothing leaves U = V = 0
    return float(np.linalg.norm(Z - end)) / size if np.isfinite(Z).all() else np.inf


def _moved(ended: Ended, kept: Array) -> float:
    D = unbalance(*ended.point)
    return float(np.linalg.norm(D - kept)) if np.isfinite(D).all() else np.inf


def _slope(etas: Array, values: Array, hidden: Array) -> float | None:
    seen = np.flatnonzero(np.isfinite(values) & (values > hidden))
    last = seen[np.argsort(etas[seen])][:3]
    if len(last) < 2 or np.ptp(etas[last]) == 0.0:
        return None
    return float(np.polyfit(np.log(etas[last]), np.log(values[last]), 1)[0])
