"""Matrices for tests, with known singular values or planted saddles, and points to start from."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from mfact.core import Factors


def orthonormal(rng, d, k):
    """A d×k matrix with orthonormal columns; a rotation when k = d."""
    return np.linalg.qr(rng.standard_normal((d, k)))[0]


def matrix(rng, shape, sigma):
    """M = ΦΣΨᵀ with the singular values sigma, zeros after them, and Φ, Ψ."""
    phi, psi = (orthonormal(rng, d, len(sigma)) for d in shape)
    return (phi * np.asarray(sigma)) @ psi.T, phi, psi


def noisy(rng, shape, sigma, noise):
    """ΦΣΨᵀ + noise·N(0, 1)."""
    return matrix(rng, shape, sigma)[0] + noise * rng.standard_normal(shape)


def of_kind(kind, seed=1, shape=(14, 11)):
    """A small matrix: of rank 2, of rank 2 and noise, all noise, or with a near tie σ₂ ≈ σ₃."""
    sigma, noise = {
        "rank two": ([3.0, 2.0, 0.0], 0.0),
        "noisy": ([3.0, 2.0, 0.0], 0.05),
        "tie": ([3.0, 2.0, 1.9], 0.0),
        "noise": ([0.0, 0.0, 0.0], 1.0),
    }[kind]
    return noisy(np.random.default_rng(seed), shape, sigma, noise)


def holed(rng, shape, dtype=float):
    """Normal entries, and every third one zero, so that sparse targets have zeros to skip."""
    return (rng.standard_normal(shape) * (rng.random(shape) > 1 / 3)).astype(dtype)


def gaussian(rng, shape, rank, std):
    """A start with entries N(0, std²)."""
    return Factors(*(std * rng.standard_normal((d, rank)) for d in shape))


def setting(seed, shape, rank, std):
    """A matrix with entries N(0, 1) and a start with entries N(0, std²), from one seed."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape), gaussian(rng, shape, rank, std)


def holding(phi, sigma, psi, pairs, width=None, size=1.0):
    """The point that holds these singular pairs, times size, and zeros up to the width."""
    width, root = width or len(pairs), size * np.sqrt(np.asarray(sigma)[pairs])
    U, V = np.zeros((len(phi), width)), np.zeros((len(psi), width))
    U[:, : len(pairs)], V[:, : len(pairs)] = phi[:, pairs] * root, psi[:, pairs] * root
    return Factors(U, V)


def planted(seed, r, rank, subset, shape=(9, 7), noise=0.0):
    """M of the given rank, and factors built from a subset of its singular triples, rotated."""
    rng = np.random.default_rng(seed)
    sigma = np.sort(rng.uniform(0.2, 2.0, rank))[::-1]
    sigma -= 0.05 * np.arange(rank) - 0.05 * rank  # no two closer than 0.05
    M, phi, psi = matrix(rng, shape, sigma)
    rotation = orthonormal(rng, r, r)
    point = (W @ rotation for W in holding(phi, sigma, psi, subset, r))
    U, V = (W + noise * rng.standard_normal(W.shape) for W in point)
    return M, U, V, sigma, phi, psi


@st.composite
def saddles(draw):
    """(rank of M, r, subset): any subset of at most r triples other than the leading ones."""
    rank = draw(st.integers(1, 6))
    r = draw(st.integers(1, 5))
    best = set(range(min(r, rank)))
    subset = draw(st.sets(st.integers(0, rank - 1), max_size=r).filter(lambda s: s != best))
    return rank, r, sorted(subset)
