"""Losses and leaks of a block of small steps, one value a step.

Z: n×2×r×K, the points [Xᵀ, Yᵀ]; P: the same shape, minus the gradients; grams: n×2×r×r, (A, C).
"""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array
from mfact.engines.coordinates import Krylov, Reduced
from mfact.krylov.spectrum import Spectrum
from mfact.problems.diagonal import excesses, turned


def leak_of(co: Reduced, Z: Array, eta: Array) -> Array:
    """η‖(I − LLᵀ)M Q Y‖ with the mirror image: what each step leaves outside the bases."""
    if co.basis.exhausted:
        return np.zeros(len(eta), Z.dtype)
    left, right = Z[:, 1] @ co.leak_left.T, Z[:, 0] @ co.leak_right.T
    total = np.einsum("nrb,nrb->n", left, left) + np.einsum("nrb,nrb->n", right, right)
    return np.asarray(eta * np.sqrt(total))


def excess_of(spectrum: Spectrum, Z: Array, P: Array, grams: Array, weight: float) -> Array:
    """excesses(), from Gram matrices where at most eight of its digits are lost."""
    total = 0.5 * float(np.sum(spectrum.sigma[: Z.shape[2]] ** 2))
    excess = total + gram_difference(Z, P, grams, weight)
    # What is subtracted: the Gram matrices may be larger than M where columns lie idle.
    sizes = np.sqrt(np.einsum("nsij,nsij->ns", grams, grams))
    terms = np.maximum(0.5 * float(np.sum(spectrum.sigma**2)), sizes[:, 0] * sizes[:, 1])
    close = excess <= math.sqrt(np.finfo(float).eps) * terms
    close |= buried(grams, weight, terms)
    if close.any():
        excess[close] = excesses(spectrum.sigma, turned(Z[close]))
    return np.asarray(excess)


def gram_loss(co: Krylov, Z: Array, P: Array, grams: Array, weight: float) -> Array:
    """f in dense coordinates: ½(‖B‖² − 2⟨X, BY⟩ + ⟨A, C⟩ + ‖M‖² − ‖B‖²)."""
    loss = gram_difference(Z, P, grams, weight) + 0.5 * (co.energy + co.unseen)
    poor = buried(grams, weight, co.energy + co.unseen)
    if poor.any():
        R = Z[poor, 0].swapaxes(1, 2) @ Z[poor, 1] - co.operator
        loss[poor] = 0.5 * (np.einsum("nij,nij->n", R, R) + co.unseen)
    return np.asarray(loss)


def buried(grams: Array, weight: float, terms: Array | float) -> Array:
    """Where ⟨X, BY⟩ loses digits as what remains of ⟨X, P_X⟩, for a penalty whose slope is
    large beside the terms of f.
    """
    if not weight:
        return np.zeros(len(grams), bool)
    A, C = grams[:, 0], grams[:, 1]
    return np.asarray(0.5 * weight * np.abs(np.einsum("nij,nij->n", A, A - C)) > terms)


def gram_difference(Z: Array, P: Array, grams: Array, weight: float) -> Array:
    """½‖XYᵀ − B‖² − ½‖B‖² = ½⟨A, C⟩ − ⟨X, BY⟩."""
    A, C = grams[:, 0], grams[:, 1]
    mixed = C + (weight / 2) * (A - C)
    # P_X = B Y − X K_X holds B Y already.
    inner = np.einsum("nrk,nrk->n", Z[:, 0], P[:, 0]) + np.einsum("nij,nij->n", A, mixed)
    product = np.einsum("nij,nij->n", A, C)
    return np.asarray(0.5 * product - inner)


def traces(pairs: Array) -> Array:
    """tr of both matrices of each pair, n×2×r×r -> n."""
    return np.asarray(np.einsum("nsii->n", pairs))
