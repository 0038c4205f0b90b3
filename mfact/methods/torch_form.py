"""Gradient descent with momentum and weight decay in the form of torch.optim.SGD, in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Balance, Memory
from mfact.methods.in_place import Inner, InPlace, Points, add


@dataclass(frozen=True)
class TorchForm(InPlace):
    """g ← ∇L + λv; u ← μu + g, u_0 = g_0; v ← v − η_t d, d = u, or d = g + μu by Nesterov.

    momentum: μ, 0 for gradient descent, which keeps no u. decay: λ, of weights and biases alike.

    The exact ledger of any balance law Q = ⟨v, Cv⟩, of which ⟨v, C∇L⟩ = 0, whatever the batch, the
    loss and the step sizes: with P_t = ⟨v_t, Cu_t⟩,
        P_t = μ(P_{t−1} − η_{t−1}⟨d_{t−1}, Cu_{t−1}⟩) + λQ_t,  P_{−1} = 0,
        Q_{t+1} = Q_t − 2η_t X_t + η_t²⟨d_t, Cd_t⟩,  X_t = P_t, or λQ_t + μP_t by Nesterov.
    For μ = 0 this is Q_{t+1} = (1 − ηλ)²Q_t + η²⟨∇L, C∇L⟩. Source: mfact, derived.
    """

    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether d = ∇L."""
        return not (self.momentum or self.decay)

    def begin(self, point: Points) -> list[Array]:
        """u before the first step; empty without momentum."""
        return [np.zeros_like(part) for part in point] if self.momentum else []

    def direct(self, point: Points, slope: Points, velocity: Points, step: int = 0) -> Points:
        """d of the step, from slope = ∇L, which is used up; velocity goes on to its next u. All
        steps are alike, whatever their number.
        """
        for i, (v, g) in enumerate(zip(point, slope, strict=True)):
            if self.decay:
                add(g, self.decay, v)
            if self.momentum:
                u = velocity[i]
                u *= self.momentum
                u += g
                if self.nesterov:
                    add(g, self.momentum, u)
        return self.direction(slope, velocity)

    def direction(self, slope: Points, velocity: Points) -> Points:
        """Which of the two direct() leaves d in."""
        return velocity if self.momentum and not self.nesterov else slope

    def opened(self, balance: Balance) -> Memory:
        """The memory of the ledger before the first step: P and η⟨d, Cu⟩ of each law."""
        return tuple(np.zeros_like(Q) for Q in (*balance, *balance)) if self.momentum else ()

    def booked(
        self,
        inner: Inner,
        point: Points,
        direction: Points,
        velocity: Points,
        squares: Balance,
        balance: Balance,
        step_size: float,
        memory: Memory,
    ) -> tuple[Balance, Memory]:
        crossed = inner(direction, velocity) if self.nesterov else squares
        drags = tuple([self.decay * Q for Q in balance])
        return self.entries(drags, squares, crossed, step_size, memory)

    def entries(
        self,
        drags: Balance,
        squares: Balance,
        crossed: Balance,
        step_size: float,
        memory: Memory,
    ) -> tuple[Balance, Memory]:
        """Q_{t+1} − Q_t of each law, and the memory after the step.

        drags: ⟨v, Cg⟩ of the g that joins u: λQ_t where ⟨v, C∇L⟩ = 0. squares: ⟨d, Cd⟩. crossed:
        ⟨d, Cu⟩, the same where d = u.
        """
        added, P_now, lags, count = [], [], [], len(drags)
        for i, (drag, square) in enumerate(zip(drags, squares, strict=True)):
            if self.momentum:
                P = self.momentum * (memory[i] - memory[count + i]) + drag
                drag = drag + self.momentum * P if self.nesterov else P
                P_now.append(P)
                lags.append(step_size * crossed[i])
            added.append(step_size * step_size * square - 2 * step_size * drag)
        return tuple(added), (*P_now, *lags)
