"""Alternating gradient descent: V moves by the gradient at the new U."""

from __future__ import annotations

from dataclasses import dataclass, field

from mfact.core import Array, Evaluation, Memory, Moved, Point, Problem, Stepped
from mfact.methods.two_lines import TwoLines
from mfact.methods.update import Update, walked


@dataclass(frozen=True)
class AlternatingLaw(TwoLines):
    """D₊ − D = −η(E + Eᵀ) + η·pull(U₊, V) + η²(G_UᵀG_U − G_VᵀG_V), E = UᵀG_U − U₊ᵀG_U(U₊, V).

    For VᵀG_V(U₊, V) is told by the law of the gradient at (U₊, V), and line 1 is of first order in
    η itself: with C = VᵀV and (1), E = ηUᵀG_U C + ηG_UᵀG_U − η²G_UᵀG_U C.
    Source: mfact, derived.
    """

    keeps: str = "D"

    def told(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        moved: Moved,
        step_size: float,
        memory: Memory,
    ) -> tuple[Array, ...]:
        between = moved.between
        assert between is not None
        E = point[0].T @ at.gradient[0] - moved.point[0].T @ between.gradient[0]
        (pull,) = problem.pull(between.seen)
        return (pull - (E + E.T), *problem.balance(moved.direction))


@dataclass(frozen=True)
class Alternating(Update):
    """U₊ = U − ηG_U(U, V), V₊ = V − ηG_V(U₊, V).

    Of two passes over M a step. Each factor's own curvature is half of the sharpness, so that twice
    the step is stable. Source: for the law mfact, derived.
    """

    name: str = "alternating"
    title = "alternating gradient descent"
    law: AlternatingLaw = field(default_factory=AlternatingLaw)
    passes = 2

    def step_size(self, sigma_1: float, weight: float, longest: int) -> float:
        """1/(σ₁(1 + λ)), by which a factor of a balanced optimum would come to rest at once."""
        return 1.0 / (sigma_1 * (1.0 + weight))

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        U, V = point
        (after,) = walked((U,), at.gradient[:1], step_size)
        between = problem.evaluate((after, V))
        direction = at.gradient[0], between.gradient[1]
        (other,) = walked((V,), direction[1:], step_size)
        return Moved((after, other), direction, memory, between)
