"""The gradient flow in closed form, where there is one.

With W = [X; Y], F = S + (λ/2) diag(I, −I) and S = [[0, Σ], [Σ, 0]], the flows of objective (1) from
a start with XᵀX − YᵀY = λI, and of objective (3) with weight 1 from any start (λ = 0), both are

    dW/ds = F W − ½ W WᵀW

for which WWᵀ(s) = e^{Fs} W₀ [I + W₀ᵀ φ(s) W₀]⁻¹ W₀ᵀ e^{Fs}, φ(s) = ∫₀ˢ e^{2Fu} du. In SVD
coordinates F falls apart into 2×2 blocks [[λ/2, σ], [σ, −λ/2]], with eigenvalues ±√(σ² + λ²/4).

The formula is applied in sub-steps of at most 1/(2σ₁): in one stretch the growing exponentials
cost five digits by σ₁s = 17. It fixes W up to a rotation of its columns, W ↦ WQ: X and Y up to a
common one.

Source: Fukumizu 1998; Tarmoun et al. 2021; Braun et al. 2022; for objective (3) mfact, derived.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.gradient_flow.integrate import require_few
from mfact.problems.diagonal import Diagonal
from mfact.problems.factorization import unbalance

BALANCE_TOLERANCE = 1e-12  # of ‖Z‖²: how far D may be from a multiple of the identity


def imbalance(problem: Diagonal, Z: Array) -> float | None:
    """The λ for which the closed form holds from Z on, None when it does not.

    For the plain objective D₀ must be λI, to rounding; for weight 1 it is 0; other weights have
    no closed form.

    >>> problem = Diagonal(np.array([2.0, 1.0]), weight=0.0)
    >>> imbalance(problem, np.stack([2 * np.eye(2), np.eye(2)]))
    3.0
    """
    if problem.weight == 1.0:
        return 0.0
    if problem.weight != 0.0:
        return None
    D = unbalance(*Z)
    mean = float(np.trace(D)) / len(D)
    off = np.linalg.norm(D - mean * np.eye(len(D)))
    return mean if off <= BALANCE_TOLERANCE * np.vdot(Z, Z) else None


def propagate(problem: Diagonal, Z: Array, time: float) -> Array:
    """Z after the flow time `time` ≥ 0, up to a common rotation of its columns; (2, k, r).

    Raises SettingsError where the closed form does not hold (see `imbalance`).

    For r = k = 1 and X = Y it is the logistic curve:

    >>> Z = propagate(Diagonal(np.array([1.0]), 0.0), np.full((2, 1, 1), 0.1), 3.0)
    >>> bool(np.isclose(Z[0, 0, 0] ** 2, 1 / (1 + 99 * np.exp(-6.0))))
    True
    """
    shift = imbalance(problem, Z)
    if shift is None:
        raise SettingsError(
            "the gradient flow from this start has no closed form",
            "use --solver ode, or a balanced start",
        )
    half = 0.5 * shift
    w = np.sqrt(problem.sigma**2 + half**2)
    pieces = 2.0 * float(w[0]) * time
    require_few(pieces, "the closed form")
    count = max(1, ceil(pieces))
    grow = _block(problem.sigma, half, *_exponential(w, time / count))
    phi = _block(problem.sigma, half, *_integral(w, time / count))
    for _ in range(count):
        gram = np.einsum("skr,skq->rq", Z, _apply(phi, Z))
        values, vectors = np.linalg.eigh(gram)
        root = (vectors / np.sqrt(1.0 + values)) @ vectors.T
        Z = _apply(grow, Z) @ root
    return Z


def _exponential(w: Array, h: float) -> tuple[Array, Array]:
    """(a, b) with e^{Fh} = a I + b F for each block: cosh(wh) and sinh(wh)/w, h at w = 0."""
    return np.cosh(w * h), _sinh_over(w, h)


def _integral(w: Array, h: float) -> tuple[Array, Array]:
    """(a, b) with ∫₀ʰ e^{2Fu} du = a I + b F: sinh(2wh)/(2w), and (cosh(2wh) − 1)/(2w²)."""
    # (cosh(2wh) − 1)/(2w²) = (sinh(wh)/w)², which keeps its digits for small w.
    return 0.5 * _sinh_over(w, 2.0 * h), _sinh_over(w, h) ** 2


def _sinh_over(w: Array, h: float) -> Array:
    safe = np.where(w > 0.0, w, 1.0)
    return np.where(w > 0.0, np.sinh(safe * h) / safe, h)


def _block(sigma: Array, half: float, a: Array, b: Array) -> Array:
    """The 2×2 blocks a I + b [[half, σ], [σ, −half]] as an array of shape (2, 2, k)."""
    return np.array([[a + half * b, sigma * b], [sigma * b, a - half * b]])


def _apply(blocks: Array, Z: Array) -> Array:
    """Each 2×2 block times the rows (x_j, y_j)."""
    return np.stack([blocks[i, 0][:, None] * Z[0] + blocks[i, 1][:, None] * Z[1] for i in range(2)])
