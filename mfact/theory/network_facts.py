"""What the observers and monitors of a network run are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from mfact.core import Schedule
from mfact.networks.architecture import Joint


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """A network run as it is told before its first step.

    joints: the places of its laws. dtype: of the arithmetic. points: m. batch: points of a step,
    None: all. method: what --method calls it, of momentum μ and weight decay λ. linear: whether
    its steps are, in the gradients so far. dual: whether the first layer is in dual form, whose
    rounding grows with the steps. broken: name of an activation that does not scale, None where all
    do. scale: L of the output zero, in the units of L. tol: the loss to reach, 0 for none.
    max_iter, max_time: limits, in steps and in seconds, of which wall_seconds are spent before.
    """

    joints: tuple[Joint, ...]
    dtype: str
    points: int
    schedule: Schedule
    batch: int | None = None
    method: str = "gradient-descent"
    momentum: float = 0.0
    decay: float = 0.0
    linear: bool = True
    dual: bool = False
    broken: str | None = None
    scale: float = 1.0
    tol: float = 0.0
    max_iter: int | None = None
    max_time: float | None = None
    wall_seconds: float = 0.0

    @property
    def unit(self) -> float:
        """ε of the arithmetic."""
        return float(np.finfo(self.dtype).eps)

    @property
    def norm(self) -> float:
        """Of the size of the targets and what is computed on the way to them, N layers: it is to L
        what ‖M‖ is to ½‖UVᵀ − M‖².
        """
        return (len(self.joints) + 1) * sqrt(2 * self.scale)

    def unscaled(self) -> list[str]:
        """The hypothesis of every law that fails, as a phrase."""
        if self.broken is None:
            return []
        return [f"{self.broken} does not scale: φ(cx) is no power of c times φ(x)"]

    def lawless(self) -> list[str]:
        """Why no law tells what steps add to Q, as phrases."""
        if self.linear:
            return self.unscaled()
        return [f"steps of {self.method} keep no law", *self.unscaled()]

    def missing_descent(self) -> list[str]:
        """Why steps need not decrease L as those of gradient descent do, as phrases."""
        lacks = self.unscaled()
        if self.momentum or not self.linear:
            lacks.append(f"the method is {self.method}, not gradient descent")
        if self.decay:
            lacks.append(f"weight decay of {self.decay:g} moves the laws by itself")
        if self.batch is not None and self.batch < self.points:
            lacks.append(f"steps see {self.batch} of {self.points} points, not all")
        return lacks
