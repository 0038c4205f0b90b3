"""Adam, in the form of torch.optim.Adam: in place, and as the method of a factorization."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from mfact.core import Array, Balance, Evaluation, Memory, Moved, Point, Stepped
from mfact.methods.in_place import Inner, InPlace, Points, add
from mfact.methods.two_lines import TwoLines
from mfact.methods.update import Update, walked


@dataclass(frozen=True)
class AdamForm(InPlace):
    """g ← ∇L + λv; m ← β₁m + (1 − β₁)g, s ← β₂s + (1 − β₂)g²; v ← v − η m̂/(√ŝ + ε), entry by
    entry, m̂ = m/(1 − β₁ᵗ⁺¹), ŝ = s/(1 − β₂ᵗ⁺¹) of step t = 0, 1, …

    decay: λ, of weights and biases alike. m of all parts is kept first, then s.
    Source: Kingma and Ba 2015; the form is that of torch.optim.Adam.
    """

    decay: float = 0.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8
    is_plain = False
    is_linear = False

    def begin(self, point: Points) -> list[Array]:
        return [np.zeros_like(part) for part in (*point, *point)]

    def direct(self, point: Points, slope: Points, kept: Points, step: int) -> Points:
        """d of step t, left in slope."""
        first, second = (1 - beta ** (step + 1) for beta in (self.beta_1, self.beta_2))
        count = len(point)
        for v, g, m, s in zip(point, slope, kept[:count], kept[count:], strict=True):
            if self.decay:
                add(g, self.decay, v)
            m *= self.beta_1
            add(m, 1 - self.beta_1, g)
            g *= g
            s *= self.beta_2
            add(s, 1 - self.beta_2, g)
            np.sqrt(s, out=g)
            g *= 1 / sqrt(second)
            g += self.eps
            np.divide(m, g, out=g)
            g *= 1 / first
        return slope

    def direction(self, slope: Points, kept: Points) -> Points:
        return slope

    def opened(self, balance: Balance) -> Memory:
        """Σ line 1 of each law."""
        return tuple(np.zeros_like(Q) for Q in balance)

    def booked(
        self,
        inner: Inner,
        point: Points,
        direction: Points,
        kept: Points,
        squares: Balance,
        balance: Balance,
        step_size: float,
        memory: Memory,
    ) -> tuple[Balance, Memory]:
        """⟨v, Cd⟩ of v before the step is ⟨v₊, Cd⟩ + η⟨d, Cd⟩."""
        squares = tuple([step_size * square for square in squares])
        crossed = zip(inner(point, direction), squares, strict=True)
        lines = [-2 * step_size * (after + square) for after, square in crossed]
        sums = tuple([S + line for S, line in zip(memory, lines, strict=True)])
        both = zip(lines, squares, strict=True)
        return tuple([line + step_size * square for line, square in both]), sums


@dataclass(frozen=True)
class Adam(Update):
    """AdamForm without decay, of the two factors.

    It keeps no law: line 1 of D does not go to zero with η. Nor does it commute with rotations.
    Steps have the units of the factors. Source: Kingma and Ba 2015; that no law is kept: mfact.
    """

    form: AdamForm = AdamForm()
    name: str = "adam"
    title = "Adam"
    law: TwoLines = field(default_factory=TwoLines)
    commutes_with_rotation = False
    power = 0.5

    @property
    def lasting(self) -> float:  # type: ignore[override]
        return 1 / (1 - self.form.beta_1)

    def step_size(self, sigma_1: float, weight: float, longest: int) -> float:
        """0.01√(σ₁/d): a hundredth of an entry of a balanced optimum."""
        return 0.01 * sqrt(sigma_1 / longest)

    def init(self, point: Point) -> Memory:
        """m, then s, then t."""
        return (*self.form.begin(point), np.zeros(()))

    def step(
        self, problem: Stepped, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> Moved:
        *kept, t = memory
        slope, kept = ([part.copy() for part in each] for each in (at.gradient, kept))
        direction = tuple(self.form.direct(point, slope, kept, int(t)))
        return Moved(walked(point, direction, step_size), direction, (*kept, np.asarray(t + 1)))
