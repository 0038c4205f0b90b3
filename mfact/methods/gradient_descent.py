"""The update of the paper: both factors move against their gradients, from the old point."""

from __future__ import annotations

from dataclasses import dataclass

from mfact.core import Array, Factors


@dataclass(frozen=True)
class GradientDescent:
    """U₊ = U − η ∂f/∂U, V₊ = V − η ∂f/∂V.

    commutes_with_rotation: the update of (LX, QY) is (L, Q) times the update of (X, Y) for
        orthonormal L, Q, so that it may run in reduced coordinates.
    conserves: what the flow of the method keeps.

    Source: Du, Hu, Lee 2018, equation (9).
    """

    name: str = "gradient-descent"
    commutes_with_rotation: bool = True
    conserves: str = "UᵀU − VᵀV, to first order in the step size"

    def step(self, point: Factors, gradient: Factors, step_size: float) -> Factors:
        """The next point; nothing is changed in place."""
        return Factors(*(_moved(x, g, step_size) for x, g in zip(point, gradient, strict=True)))


def _moved(factor: Array, gradient: Array, step_size: float) -> Array:
    move: Array = gradient * factor.dtype.type(-step_size)
    move += factor
    return move
