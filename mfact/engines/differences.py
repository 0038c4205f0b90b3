"""How far reduced iterates can be from the plain ones: rounding and leaks, carried along.

While differences can still grow, one is carried by the linearized step; once the Hessian's bounds
say that none can, a scalar recursion is enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import Array, State
from mfact.engines.coordinates import Reduced, Singular, reduced
from mfact.engines.kernel import SmallSteps
from mfact.krylov.spectrum import negative_curvature

SAFETY = 10.0
"""The carried difference starts in one direction; rounding errors fall in all of them."""

ROUNDING = 4.0
"""What a plain step leaves in rounding errors, in units of eps‖(U, V)‖_F; no more may leak."""

LARGEST_DIFFERENCE = 0.01
"""Of two runs, relative to the factors, for which the linearized step speaks of both."""


@dataclass(frozen=True)
class Carried:
    """Differences to the plain iterates over a block: n + 1 bounds, and what they come from."""

    distances: Array
    pending: list[tuple[float, float]]
    tangents: Array | None = None
    index: list[int] | None = None

    def tangent_at(self, i: int) -> Array | None:
        if self.tangents is None or self.index is None:
            return None
        tangent: Array = self.tangents[self.index[i]]
        return tangent


def carried(state: State, co: Reduced, steps: SmallSteps, eta: Array, fresh: Array) -> Carried:
    """What the differences to the plain iterates become over a block of steps."""
    kept = state.distance
    if kept.tangent is None:
        growth = np.maximum(1 + eta * kept.rho, eta * kept.top - 1)
        return Carried(accumulate(kept.bound, growth, fresh), [(0.0, 0.0)] * (len(eta) + 1))
    moves, pending, index = [], [kept.pending], [0]
    for i, (step_size, new) in enumerate(zip(eta.tolist(), fresh.tolist(), strict=True)):
        total = pending[-1][0] + step_size, pending[-1][1] + new
        if (state.step + i + 1) % kept.stride == 0:
            moves.append((i, *total))
            total = (0.0, 0.0)
        pending.append(total)
        index.append(len(moves))
    tangents = steps.differences(co.operator, co.sigma, moves, kept.tangent)
    flat = tangents.reshape(len(tangents), -1)
    sizes = np.sqrt(np.einsum("ni,ni->n", flat, flat))[index]
    waiting = np.array([more for _, more in pending])
    return Carried(SAFETY * (sizes + waiting), pending, tangents, index)


def judge_growth(state: State, rank: int, weight: float) -> State:
    """Stop carrying a difference along once none can grow by more than a tenth."""
    co = state.coordinates
    if not isinstance(co, Singular) or _carries_on(state):
        return state
    if not np.isfinite(state.point[0]).all():
        return state  # it has left the floats, and nothing bounds a difference any more
    sigma = co.sigma
    rho, top = negative_curvature(state.point[0], sigma, weight)
    after = sigma[rank] if len(sigma) > rank else 0.0
    kept = replace(state.distance, rho=rho, top=top)
    # Near the optimum rho falls like the error, by 1 − η(σ_r − σ_{r+1}) a step.
    if rho <= 0.1 * (sigma[min(rank, len(sigma)) - 1] - after):
        kept = replace(kept, tangent=None)
    return replace(state, distance=kept)


def _carries_on(state: State) -> bool:
    """Whether the difference is one that is carried to the end (see mfact.core.Distance)."""
    return state.distance.tangent is not None and state.distance.tangent.ndim > 3


def with_stride(state: State, eta: float, weight: float) -> State:
    """How many steps a carried difference may take at once: while η times the sharpness stays
    small, one linear step of Ση is as good. In SVD coordinates judge_growth has just bounded it.
    """
    kept, co = state.distance, reduced(state)
    if kept.tangent is None or co is None or _carries_on(state):
        return state
    top = kept.top
    if not isinstance(co, Singular):
        top = math.sqrt(co.energy) + 2 * float(np.vdot(state.point[0], state.point[0]))
        top *= 1 + weight
    room = 0.5 / (eta * top) if 0 < eta * top < math.inf else 1.0
    stride = 1 << int(math.log2(min(max(room, 1.0), 256.0)))
    return replace(state, distance=replace(kept, stride=stride))


def accumulate(first: float, growth: Array, added: Array) -> Array:
    """d_0 = first, d_{t+1} = growth_t d_t + added_t, one after another."""
    values = [first]
    for factor, more in zip(growth.tolist(), added.tolist(), strict=True):
        values.append(values[-1] * factor + more)
    return np.array(values)
