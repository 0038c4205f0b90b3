"""ℓ(f, y) and its gradient, for all points of a tile at once, in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mfact.core import Array


class Loss(Protocol):
    """ℓ of outputs f (p×b) against targets Y (b×p, or b labels)."""

    @property
    def formula(self) -> str:
        """ℓ written out."""

    @property
    def name(self) -> str: ...

    def value(self, f: Array, Y: Array, E: Array) -> float:
        """Σ_i ℓ(f_i, y_i); E ← ∂ℓ/∂f, p×b."""

    def curve(self, f: Array, E: Array) -> None:
        """E ← HE by points, H = ∂²ℓ/∂f² at f, which no y changes; E: p×b."""


@dataclass(frozen=True)
class Squared:
    """ℓ = ½‖f − y‖²."""

    name: str = "squared"
    formula: str = "½‖f − y‖²"

    def value(self, f: Array, Y: Array, E: Array) -> float:
        np.subtract(f, Y.T, out=E)
        return 0.5 * float(np.vdot(E, E))

    def curve(self, f: Array, E: Array) -> None:
        pass


@dataclass(frozen=True)
class Logistic:
    """ℓ = Σ_j log(1 + exp(−y_j f_j)), y_j = ±1."""

    name: str = "logistic"
    formula: str = "Σ_j log(1 + exp(−y_j f_j))"

    def value(self, f: Array, Y: Array, E: Array) -> float:
        np.multiply(f, Y.T, out=E)
        np.negative(E, out=E)
        # By rows, so that what is allocated is as long as one of them.
        total = sum([float(np.logaddexp(0, row).sum()) for row in E])
        # −y/(1 + e^{yf}), by the exponential of what is not positive.
        with np.errstate(over="ignore"):
            np.negative(E, out=E)
            np.exp(E, out=E)
        E += 1
        np.divide(Y.T, E, out=E)
        np.negative(E, out=E)
        return total

    def curve(self, f: Array, E: Array) -> None:
        from scipy.special import expit  # slow to import

        E *= expit(f)
        E *= expit(-f)


@dataclass(frozen=True)
class Softmax:
    """ℓ = log Σ_j exp(f_j) − f_y, y a label from 0 to p − 1."""

    name: str = "softmax"
    formula: str = "log Σ_j exp(f_j) − f_y"

    def value(self, f: Array, Y: Array, E: Array) -> float:
        points = np.arange(f.shape[1])
        np.subtract(f, f.max(axis=0), out=E)
        chosen = float(E[Y, points].sum())
        np.exp(E, out=E)
        sums = E.sum(axis=0)
        E /= sums
        E[Y, points] -= 1
        return float(np.log(sums).sum()) - chosen

    def curve(self, f: Array, E: Array) -> None:
        from scipy.special import softmax  # slow to import

        q = softmax(f, axis=0)
        E *= q
        E -= q * E.sum(axis=0)


@dataclass(frozen=True)
class Given:
    """ℓ = ⟨f, y⟩, whose gradient is y: Jᵀy by the same passes."""

    name: str = "given"
    formula: str = "⟨f, y⟩"

    def value(self, f: Array, Y: Array, E: Array) -> float:
        E[...] = Y.T
        return float(np.vdot(f, E))

    def curve(self, f: Array, E: Array) -> None:
        E[...] = 0


LOSSES: dict[str, Squared | Logistic | Softmax] = {
    each.name: each for each in (Squared(), Logistic(), Softmax())
}
