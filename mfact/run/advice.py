"""What would do instead, where a run will crawl or has not fitted everything: from the spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Optimum, State, Target
from mfact.engines.coordinates import Singular
from mfact.problems.optimum import CLEAR_GAP

MUCH = 2.0
"""Times σ₂, up to which what is left of a component does not dominate."""

ROUNDED = 1e-7
"""Sine below which rounding in sums hides it."""

MATCHING = 1e-3
"""Relative difference up to which a singular value of UVᵀ at a stationary point is σ_i."""

EQUAL = 1e-6
"""Relative difference up to which two singular values may be one, in float32 too."""

FITTED = 0.5
"""The share of σ_i from which component i counts as fitted."""


@dataclass(frozen=True)
class Signal:
    """A rank below r at which the spectrum falls.

    rank: i with the largest σ_i/σ_{i+1} ≥ 10, i < r. residual: ‖M − M_i‖_F/‖M‖_F, what it leaves.
    center: of mfact.settings.CENTERS what would take off the one component that dominates, where
    that is a mean; "none" where it is not.
    """

    rank: int
    residual: float
    center: str = "none"

    @property
    def ways(self) -> list[str]:
        """What to type instead.

        >>> Signal(8, 0.0125).ways, Signal(1, 1e-9, "mean").ways
        (['use -r 8', 'use --tol-residual 0.0138'], ['use -r 1', 'use --center mean'])
        """
        ways = [f"use -r {self.rank}"]
        if self.residual > 1e-8:
            ways.append(f"use --tol-residual {1.1 * self.residual:.3g}")
        return ways if self.center == "none" else [*ways, f"use --center {self.center}"]


def signal(co: Singular, rank: int, norm: float, center: str) -> Signal | None:
    """Where the leading r singular values fall by the largest factor of 10 or more, if they do.

    norm: ‖M‖_F. center: what M is without already.
    """
    sigma = co.sigma[:rank]
    if len(sigma) < 2 or not sigma[-1] > 0:
        return None
    ratios = sigma[:-1] / sigma[1:]
    place = int(np.argmax(ratios)) + 1
    if ratios[place - 1] < CLEAR_GAP:
        return None
    left = max(norm**2 - float(np.sum(sigma[:place] ** 2)), 0.0)
    u, v = _uneven(co)
    more = centering(u, v, 1 / float(ratios[0]), center) if place == 1 else "none"
    return Signal(place, math.sqrt(left) / norm, more)


def centering(left: float, right: float, rest: float, center: str = "none") -> str:
    """The --center less which σ₁uvᵀ does not dominate M, "none" where there is none.

    left, right: the sines of u and of v with the constant vector. Where u is constant all rows are
    about the same, which is the means of the columns; where v is, all columns are. rest: σ₂/σ₁; at
    most MUCH times as much may be left of σ₁. center: what M is without. Means of columns do not go
    together with those of rows.

    >>> centering(1e-4, 1e-4, 1e-3), centering(1e-4, 0.1, 1e-3), centering(0.2, 1e-4, 1e-3)
    ('mean', 'columns', 'rows')
    >>> centering(0.1, 0.1, 1e-3), centering(0, 1, 0.1, "mean"), centering(1, 0, 0.1, "rows")
    ('none', 'columns', 'none')
    """
    ways = ((math.hypot(left, right), "mean"), *sorted([(left, "columns"), (right, "rows")]))
    if center not in ("none", "mean"):
        return "none"
    found = next((kind for leaves, kind in ways if leaves <= MUCH * rest), "none")
    return "none" if found == center else found


def of_means(
    target: Target, shape: tuple[int, int], values: Array
) -> tuple[str, float] | tuple[None, None]:
    """The same of the M behind a target, by one more pass, and the share of ‖M‖_F² that it takes
    off; None where there is none.

    shape: of M, of which the target may lack empty rows and columns. values: σ₁ > σ₂, … of it.

    ‖Mᵀ1‖² = Σσ_i²(u_iᵀ1)² bounds the sine of u: 1 − (u₁ᵀ1)²/d1 ≤ (1 − ‖Mᵀ1‖²/(d1σ₁²))/(1 − ρ²),
    ρ = σ₂/σ₁. Source: mfact, derived.
    """
    ones = [np.ones((d, 1), target.dtype) for d in target.shape]
    first, rest = float(values[0]), max(float(values[1] / values[0]), ROUNDED)
    with np.errstate(over="ignore", invalid="ignore"):  # then nothing is known
        forward, backward = (sums / first for sums in target.products(ones[0], ones[1]))
        shares = {
            "mean": float(np.sum(forward)) ** 2 / math.prod(shape),
            "columns": float(np.sum(backward**2)) / shape[0],
            "rows": float(np.sum(forward**2)) / shape[1],
        }
    left, right = (
        math.sqrt(max(0.0, 1 - shares[kind]) / (1 - rest**2)) for kind in ("columns", "rows")
    )
    kind = centering(left, right, rest)
    if kind == "none" or not math.isfinite(sum(shares.values())):
        return None, None
    return kind, shares[kind] * (first / target.norm) ** 2


def _uneven(co: Singular) -> tuple[float, float]:
    """The sines of the leading singular vectors with the constant vector."""
    spectrum, basis = co.spectrum, co.basis
    pair = basis.leave(spectrum.phi[: basis.left.known, :1], spectrum.psi[: basis.right.known, :1])
    u, v = (float(np.linalg.norm(each - np.mean(each))) for each in pair)
    return u, v


def unfitted(state: State, optimum: Optimum, *, stationary: bool) -> list[int]:
    """The numbers i ≤ k of the components that UVᵀ does not have.

    In SVD coordinates those with (ΦᵀUVᵀΨ)_ii < σ_i/2; of those that σ_{k+1} equals as many as the
    singular values of that block leave. On U and V themselves only what the singular
    values s of UVᵀ tell: at a stationary point each s is a σ_i, and the others are not there;
    elsewhere i is named where fewer than i of the s reach σ_i/2.
    """
    co, k = state.coordinates, optimum.k
    X, Y = co.factors(state.point)
    if isinstance(co, Singular):
        had = np.einsum("ir,ir->i", X[:k], Y[:k]) >= FITTED * co.sigma[:k]
        if len(co.sigma) > k:  # of those that σ_{k+1} equals any do, in any basis
            one = np.flatnonzero(np.abs(co.sigma - co.sigma[k]) <= EQUAL * co.sigma[k])
            count = np.sum(_values_of_product(X[one], Y[one]) >= FITTED * co.sigma[k])
            had[one[one < k]] = np.arange(np.sum(one < k)) < count
        return [int(i) + 1 for i in np.flatnonzero(~had)]
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
