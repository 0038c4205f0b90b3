"""The update of the paper: all parts move against their gradients, from the old point."""

from __future__ import annotations

from dataclasses import dataclass, field

from mfact.core import Array, Balance, Evaluation, Memory, Point, Problem


@dataclass(frozen=True)
class GradientLaw:
    """D(θ − η∇f) − D(θ) = η·pull(θ) + η²D(∇f), because D is a quadratic form.

    Source: Du, Hu, Lee 2018, Theorem 2.1, in its discrete form; mfact, derived.
    """

    def init(self, problem: Problem, point: Point) -> Memory:
        return ()

    def square(self, at: Evaluation, memory: Memory) -> Point:
        return at.gradient

    def entries(
        self, step_sizes: Array, squares: Balance, pulls: Balance, memory: Memory
    ) -> tuple[Balance, list[Memory]]:
        eta = step_sizes[:, None, None]
        added = tuple(eta**2 * S + eta * P for S, P in zip(squares, pulls, strict=True))
        return added, [()] * (len(step_sizes) + 1)


@dataclass(frozen=True)
class GradientDescent:
    """θ₊ = θ − η∇f(θ), part by part, a Method without memory.

    Source: Du, Hu, Lee 2018, equation (9).
    """

    name: str = "gradient-descent"
    commutes_with_rotation: bool = True
    law: GradientLaw = field(default_factory=GradientLaw)

    def init(self, point: Point) -> Memory:
        return ()

    def step(
        self, problem: Problem, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> tuple[Point, Memory]:
        """The next point; nothing is changed in place."""
        parts = zip(point, at.gradient, strict=True)
        return tuple([_moved(part, gradient, step_size) for part, gradient in parts]), memory


def _moved(part: Array, gradient: Array, step_size: float) -> Array:
    move: Array = gradient * part.dtype.type(-step_size)
    move += part
    return move
