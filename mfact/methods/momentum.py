"""Gradient descent with heavy-ball momentum, in the form of torch.optim.SGD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from mfact.core import (
    Array,
    Balance,
    Evaluation,
    Followed,
    Memory,
    Moved,
    Optimum,
    Point,
    Problem,
    Stepped,
    stacked,
)
from mfact.methods.torch_form import TorchForm
from mfact.methods.update import Update, walked

ROOT = 0.9
"""√(ηµ) at most: a longer step than the usual one, of a matrix without condition."""

MOST = 0.85
"""Of μ that is chosen: a heavier ball that comes down from a random start overshoots so far that
the steps are too long for where it comes to. From 0.9 on runs on noise diverged, below none did."""


@dataclass(frozen=True)
class VelocityLaw:
    """The ledger of TorchForm for D, with C∇f of a balance term told by pull: ⟨v, C∇f⟩ = −pull/2.

    As η → 0 over a fixed flow time D is kept: what it moves by is of first order in η.
    Source: mfact, derived.
    """

    form: TorchForm
    keeps: str = "D"

    def init(self, problem: Problem, point: Point) -> Memory:
        return self.form.opened(problem.balance(point))

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        d = moved.direction
        return (*problem.balance(d), *problem.crossed(d, moved.memory))

    def follow(
        self, step_sizes: Array, told: tuple[Array, ...], pulls: Balance, memory: Memory
    ) -> Followed:
        count, added, memories = len(pulls), [], [memory]
        for i, eta in enumerate(step_sizes.tolist()):
            squares, crossed = (tuple(S[i] for S in each) for each in (told[:count], told[count:]))
            drags = tuple(-0.5 * P[i] for P in pulls)
            entry, memory = self.form.entries(drags, squares, crossed, eta, memory)
            added.append(entry)
            memories.append(memory)
        return Followed(stacked(added), memories)


@dataclass(frozen=True)
class Momentum(Update):
    """u ← μu + ∇f(θ), u_0 = ∇f(θ_0); θ₊ = θ − ηu.

    momentum: μ. Near a minimum of curvatures µ … L with η ≤ 1/L it is fastest for μ = (1 − √(ηµ))²,
    where each step leaves 1 − √(ηµ) of the error, against 1 − ηµ without it.
    Source: Polyak 1964; the form is that of torch.optim.SGD, the law mfact's, derived.
    """

    momentum: float = 0.9
    name: str = "momentum"
    title = "gradient descent with momentum"

    @property
    def form(self) -> TorchForm:
        return TorchForm(self.momentum)

    @property
    def law(self) -> VelocityLaw:
        return VelocityLaw(self.form)

    @property
    def lasting(self) -> float:  # type: ignore[override]
        return 1 / (1 - self.momentum)

    def tuned(
        self, step_size: float, optimum: Optimum, asked: Mapping[str, float | None]
    ) -> Mapping[str, float]:
        if (found := asked.get("momentum")) is None:
            # A root of almost 1 would leave no momentum at all, which is no method of this name.
            root = min(sqrt(step_size * max(optimum.curvature, 0.0)), ROOT)
            found = min(self.best(root), MOST)
        return {"momentum": found}

    def best(self, root: float) -> float:
        """μ for √(ηµ) = root."""
        return (1 - root) ** 2

    def init(self, point: Point) -> Memory:
        return tuple(np.zeros_like(part) for part in point)

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        slope, velocity = ([part.copy() for part in each] for each in (at.gradient, memory))
        direction = tuple(self.form.direct(point, slope, velocity))
        return Moved(walked(point, direction, step_size), direction, tuple(velocity))
