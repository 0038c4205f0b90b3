"""What would do instead, where a run will crawl or has not fitted everything: from the spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Optimum, State
from mfact.engines.coordinates import Singular
from mfact.problems.optimum import CLEAR_GAP

ONE_DOMINATES = 1e3
"""From this ratio of σ₁/σ₂ on M is mostly one component, often its mean."""

ALIKE = 0.99
"""Cosine with the constant vector from which a singular vector counts as the mean."""

MATCHING = 1e-3
"""Relative difference up to which a singular value of UVᵀ at a stationary point is σ_i."""

FITTED = 0.5
"""The share of σ_i from which component i counts as fitted."""


@dataclass(frozen=True)
class Signal:
    """A rank below r at which the spectrum falls.

    rank: i with the largest σ_i/σ_{i+1} ≥ 10, i < r. residual: ‖M − M_i‖_F/‖M‖_F, what it leaves.
    mean: whether M is mostly its mean: one component of constant singular vectors dominates.
    """

    rank: int
    residual: float
    mean: bool

    @property
    def ways(self) -> list[str]:
        """What to type instead.

        >>> Signal(8, 0.0125, False).ways, Signal(1, 1e-9, True).ways
        (['use -r 8', 'use --tol-residual 0.0138'], ['use -r 1', 'subtract the mean of M'])
        """
        ways = [f"use -r {self.rank}"]
        if self.residual > 1e-8:
            ways.append(f"use --tol-residual {1.1 * self.residual:.3g}")
        return [*ways, "subtract the mean of M"] if self.mean else ways


def signal(co: Singular, rank: int, norm: float) -> Signal | None:
    """Where the leading r singular values fall by the largest factor of 10 or more, if they do.

    norm: ‖M‖_F.
    """
    sigma = co.sigma[:rank]
    if len(sigma) < 2 or not sigma[-1] > 0:
        return None
    ratios = sigma[:-1] / sigma[1:]
    place = int(np.argmax(ratios)) + 1
    if ratios[place - 1] < CLEAR_GAP:
        return None
    left = max(norm**2 - float(np.sum(sigma[:place] ** 2)), 0.0)
    mean = place == 1 and ratios[0] >= ONE_DOMINATES and _constant(co)
    return Signal(place, math.sqrt(left) / norm, mean)


def _constant(co: Singular) -> bool:
    """Whether the leading singular vectors are constant, to ALIKE."""
    spectrum, basis = co.spectrum, co.basis
    pair = basis.leave(spectrum.phi[: basis.left.known, :1], spectrum.psi[: basis.right.known, :1])
    return all(abs(float(np.sum(v))) >= ALIKE * math.sqrt(len(v)) for v in pair)


def unfitted(state: State, optimum: Optimum, *, stationary: bool) -> list[int]:
    """The numbers i ≤ k of the components that UVᵀ does not have.

    In SVD coordinates those with (ΦᵀUVᵀΨ)_ii < σ_i/2. On U and V themselves only what the singular
    values s of UVᵀ tell: at a stationary point each s is a σ_i, and the others are not there;
    elsewhere i is named where fewer than i of the s reach σ_i/2.
    """
    co, k = state.coordinates, optimum.k
    X, Y = co.factors(state.point)
    if isinstance(co, Singular):
        had = np.einsum("ir,ir->i", X[:k], Y[:k])
        return [int(i) + 1 for i in np.flatnonzero(had < FITTED * co.sigma[:k])]
    if co.size is not None or not optimum.values:
        return []
    sigma = np.array(optimum.values[:k])
    values = _values_of_product(X, Y)
    if stationary:
        apart = np.abs(values[:, None] - sigma) > MATCHING * sigma
        return [int(i) + 1 for i in np.flatnonzero(apart.all(axis=0))]
    reach = np.sum(values[:, None] >= FITTED * sigma, axis=0)
    return [int(i) + 1 for i in np.flatnonzero(reach <= np.arange(k))]


def _values_of_product(U: Array, V: Array) -> Array:
    """The singular values of UVᵀ, without forming it."""
    left, right = (np.asarray(np.linalg.qr(factor, mode="r")) for factor in (U, V))
    values: Array = np.linalg.svd(left @ right.T, compute_uv=False)
    return values


def unfitted_words(components: list[int]) -> str:
    """The same as a clause.

    >>> unfitted_words([2]), unfitted_words([2, 4, 5])
    ('component 2 is not fitted', 'components 2, 4, 5 are not fitted')
    """
    if len(components) == 1:
        return f"component {components[0]} is not fitted"
    shown = ", ".join(map(str, components[:8])) + (", …" if len(components) > 8 else "")
    return f"components {shown} are not fitted"
