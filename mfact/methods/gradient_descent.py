"""The update of the paper: all parts move against their gradients, from the old point."""

from __future__ import annotations

from dataclasses import dataclass, field

from mfact.core import Array, Balance, Evaluation, Followed, Memory, Moved, Point, Problem, Stepped
from mfact.methods.update import Update, walked


@dataclass(frozen=True)
class GradientLaw:
    """D(θ − η∇f) − D(θ) = η·pull(θ) + η²D(∇f), because D is a quadratic form.

    Source: Du, Hu, Lee 2018, Theorem 2.1, in its discrete form; mfact, derived.
    """

    keeps: str = "D"

    def init(self, problem: Problem, point: Point) -> Memory:
        return ()

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        return problem.balance(at.gradient)

    def follow(
        self, step_sizes: Array, told: tuple[Array, ...], pulls: Balance, memory: Memory
    ) -> Followed:
        eta = step_sizes[:, None, None]
        entries = tuple(eta**2 * S + eta * P for S, P in zip(told, pulls, strict=True))
        return Followed(entries, [()] * (len(step_sizes) + 1))


@dataclass(frozen=True)
class GradientDescent(Update):
    """θ₊ = θ − η∇f(θ), part by part, a Method without memory.

    Source: Du, Hu, Lee 2018, equation (9).
    """

    name: str = "gradient-descent"
    title = "gradient descent"
    law: GradientLaw = field(default_factory=GradientLaw)

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        """The next point; nothing is changed in place."""
        return Moved(walked(point, at.gradient, step_size), at.gradient, memory)
