"""The rank-1 run as four numbers, in plain Python: an oracle for anything that runs rank 1.

For M = σ₁ u* v*ᵀ, gradient descent on ½‖uvᵀ − M‖_F² closes on a = uᵀu*, p = ‖u⊥‖, b = vᵀv*,
q = ‖v⊥‖, whatever the sizes: a₊ = a(1 − η‖v‖²) + ησ₁b, u⊥₊ = (1 − η‖v‖²)u⊥, and the mirror
image, with ‖u‖² = a² + p² and ‖v‖² = b² + q². Source: mfact, derived.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Scalars(NamedTuple):
    a: float
    p: float
    b: float
    q: float

    def residual_squared(self, sigma: float) -> float:
        """‖uvᵀ − M‖_F², from the four blocks of uvᵀ − M in the bases (u*, u⊥), (v*, v⊥)."""
        a, p, b, q = self
        return (a * b - sigma) ** 2 + (a * q) ** 2 + (p * b) ** 2 + (p * q) ** 2


def trajectory(start: Scalars, sigma: float, eta: float) -> Iterator[Scalars]:
    """The points at t = 0, 1, 2, … without end."""
    now = start
    while True:
        yield now
        a, p, b, q = now
        shrink_u, shrink_v = 1 - eta * (b * b + q * q), 1 - eta * (a * a + p * p)
        now = Scalars(
            a * shrink_u + eta * sigma * b,
            p * abs(shrink_u),
            b * shrink_v + eta * sigma * a,
            q * abs(shrink_v),
        )
