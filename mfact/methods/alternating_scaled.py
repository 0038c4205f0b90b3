"""Alternating ScaledGD: V moves by the scaled gradient at the new U."""

from __future__ import annotations

from dataclasses import dataclass

from mfact.core import Evaluation, Memory, Moved, Point, Stepped
from mfact.methods.scaled import LogDetLaw, Scaled, damping_of, divided
from mfact.methods.update import walked


@dataclass(frozen=True)
class AlternatingScaled(Scaled):
    """U₊ = U − ηG_U(U, V)(VᵀV + λ_tI)⁻¹, V₊ = V − ηG_V(U₊, V)(U₊ᵀU₊ + λ_tI)⁻¹, λ_t as of Scaled.

    For c = 0 U₊ = (1 − η)U + ηMV(VᵀV)⁻¹: η = 1 is alternating least squares, from any start.
    Source: Jia et al. 2023 for the alternating form; mfact, derived, for the law.
    """

    damping: float = 0.0
    name: str = "alternating-scaled"
    title = "alternating scaled gradient descent"
    passes = 2

    @property
    def law(self) -> LogDetLaw:
        return LogDetLaw(damping=self.damping, floor=self.floor, least=self.least, cancels=False)

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        damping, (_, C) = damping_of(at, problem.stiffness(at.seen), self), at.seen
        U, V = point
        p = divided(at.gradient[0], C, damping)
        (after,) = walked((U,), (p,), step_size)
        between = problem.evaluate((after, V))
        q = divided(between.gradient[1], between.seen[0], damping)
        (other,) = walked((V,), (q,), step_size)
        return Moved((after, other), (p, q), memory, between)
