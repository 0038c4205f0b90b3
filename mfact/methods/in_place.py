"""Updates in the arrays of a point, in which nothing large is made, with their exact ledgers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from mfact.core import Array, Balance, Memory

Points = Sequence[Array]
Inner = Callable[[Points, Points], Balance]
"""⟨p, Cq⟩ of each law."""


class InPlace(Protocol):
    """v ← v − ηd. kept: what it keeps of the steps before, thing by thing, each in parts as v has
    them, so that pieces of v may be stepped one by one.

    is_plain: whether d = ∇L. is_linear: whether d is linear in the gradients so far, so that what
    each of them keeps tells what d moves; else both lines of the identity
        Q_{t+1} − Q_t = −2η⟨v, Cd⟩ [line 1] + η²⟨d, Cd⟩ [line 2]
    are measured, and the memory of the ledger is Σ line 1.
    """

    is_linear: bool = True

    @property
    def is_plain(self) -> bool: ...

    def begin(self, point: Points) -> list[Array]:
        """What is kept, before the first step."""

    def direct(self, point: Points, slope: Points, kept: Points, step: int) -> Points:
        """d of step t, from slope = ∇L, which is used up; kept goes on to the next step."""

    def direction(self, slope: Points, kept: Points) -> Points:
        """Which of the two direct() leaves d in."""

    def move(self, point: Points, direction: Points, step_size: float, scratch: Points) -> None:
        """v ← v − η d; scratch: of their shapes, may be the direction itself."""
        for v, d, free in zip(point, direction, scratch, strict=True):
            np.multiply(d, step_size, out=free)
            v -= free

    def opened(self, balance: Balance) -> Memory:
        """The memory of the ledger before the first step, Q of each law being balance."""

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
        """Q_{t+1} − Q_t of each law, and the memory of the ledger after the step.

        point, direction, kept: as the step leaves them. squares: ⟨d, Cd⟩. balance: Q_t.
        """


BLOCK_BYTES = 32 << 10
"""Of a part that is scaled at a time, so that no large array is made."""


def add(to: Array, factor: float, part: Array) -> None:
    """to ← to + factor·part, a block at a time."""
    flat, other = to.reshape(-1), part.reshape(-1)
    size = BLOCK_BYTES // to.itemsize
    for i in range(0, len(flat), size):
        flat[i : i + size] += other[i : i + size] * to.dtype.type(factor)
