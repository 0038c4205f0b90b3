"""Gradient descent with momentum and weight decay in the form of torch.optim.SGD, in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Balance, Memory


@dataclass(frozen=True)
class TorchForm:
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

    def begin(self, point: Sequence[Array]) -> list[Array]:
        """u before the first step; empty without momentum."""
        return [np.zeros_like(part) for part in point] if self.momentum else []

    def direct(
        self, point: Sequence[Array], slope: Sequence[Array], velocity: Sequence[Array]
    ) -> Sequence[Array]:
        """d of the step, from slope = ∇L, which is used up; velocity goes on to its next u."""
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

    def direction(self, slope: Sequence[Array], velocity: Sequence[Array]) -> Sequence[Array]:
        """Which of the two direct() leaves d in."""
        return velocity if self.momentum and not self.nesterov else slope

    def move(
        self,
        point: Sequence[Array],
        direction: Sequence[Array],
        step_size: float,
        scratch: Sequence[Array],
    ) -> None:
        """v ← v − η d; scratch: of their shapes, may be the direction itself."""  # fmt: skip
        for v, d, free in zip(point, direction, scratch, strict=True):
            np.multiply(d, step_size, out=free)
            v -= free

    def opened(self, balance: Balance) -> Memory:
        """The memory of the ledger before the first step: P and η⟨d, Cu⟩ of each law."""
        return tuple(np.zeros_like(Q) for Q in (*balance, *balance)) if self.momentum else ()

    def entries(
        self,
        balance: Balance,
        squares: Balance,
        crossed: Balance,
        step_size: float,
        memory: Memory,
    ) -> tuple[Balance, Memory]:
        """Q_{t+1} − Q_t of each law, and the memory after the step.

        balance: Q_t. squares: ⟨d, Cd⟩. crossed: ⟨d, Cu⟩, the same where d = u.
        """
        added, P_now, lags, count = [], [], [], len(balance)
        for i, (Q, square) in enumerate(zip(balance, squares, strict=True)):
            drag = self.decay * Q
            if self.momentum:
                P = self.momentum * (memory[i] - memory[count + i]) + drag
                drag = drag + self.momentum * P if self.nesterov else P
                P_now.append(P)
                lags.append(step_size * crossed[i])
            added.append(step_size * step_size * square - 2 * step_size * drag)
        return tuple(added), (*P_now, *lags)


BLOCK_BYTES = 32 << 10
"""Of a part that is scaled at a time, so that no large array is made."""


def add(to: Array, factor: float, part: Array) -> None:
    """to ← to + factor·part, a block at a time."""
    flat, other = to.reshape(-1), part.reshape(-1)
    size = BLOCK_BYTES // to.itemsize
    for i in range(0, len(flat), size):
        flat[i : i + size] += other[i : i + size] * to.dtype.type(factor)
