"""What bases may hide, against the singular values there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matrices import matrix

from mfact.krylov.basis import Basis
from mfact.krylov.hidden import hidden_value
from mfact.targets.dense import DenseTarget

SHAPES = [(90, 70), (60, 60), (120, 80), (70, 120), (100, 100)]
SPECTRA = {
    "noise": lambda rng, shape: np.linalg.svd(rng.standard_normal(shape), compute_uv=False),
    "geometric": lambda rng, shape: 0.9 ** np.arange(min(shape)),
    "linear": lambda rng, shape: np.linspace(2.0, 0.1, min(shape)),
    "flat": lambda rng, shape: 1 + 0.3 * np.sort(rng.random(min(shape)))[::-1],
    "slow": lambda rng, shape: 1 / np.sqrt(1 + np.arange(min(shape))),
    "signal": lambda rng, shape: np.r_[10.0, 8.0, 6.0, np.linspace(1, 0.5, min(shape) - 3)],
}
LOOKS = (4, 6, 8, 12, 20, 26)


def from_a_saddle(kind, rank, width, shape, seed):
    """(M, σ, bases) after each pass: of the pairs 2 … r + 1 alone and `width` random columns.

    No pass over M ever leads away from the pairs, so that only the random columns tell of σ₁.
    """
    rng = np.random.default_rng((seed, *shape))
    sigma = SPECTRA[kind](rng, shape)
    M, phi, psi = matrix(rng, shape, sigma)
    target = DenseTarget(M)
    basis = Basis.begin(phi[:, 1 : rank + 1], psi[:, 1 : rank + 1], target.norm)
    assert hidden_value(sigma, rank, basis.probes, basis.degrees, max(shape)) == np.inf
    basis, bases = basis.probed(width), []
    while basis.degrees < LOOKS[-1] and not basis.exhausted:
        basis = basis.extend(target)
        bases.append(basis)
    return M, sigma, bases


def largest_beside(M, basis, rank):
    """The largest singular value of M without its part in the leading Ritz vectors, by LAPACK."""
    phi, ritz, psi_t = np.linalg.svd(basis.B, full_matrices=False)
    P, Q = basis.leave(phi[:, :rank], psi_t[:rank].T)
    rest = M - P @ (P.T @ M)
    return ritz, np.linalg.norm(rest - (rest @ Q) @ Q.T, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("width", "seeds"), [(8, 4), (1, 1)])
def test_no_singular_value_beside_the_found_ones_is_above_the_bound(kind, rank, width, seeds):
    """For 360 draws of eight columns and 90 of one; each may fail with a chance of 1e-6."""
    for shape, seed in itertools.product(SHAPES, range(seeds)):
        M, sigma, bases = from_a_saddle(kind, rank, width, shape, seed)
        for basis in bases:
            if basis.degrees not in LOOKS or min(basis.B.shape) <= rank:
                continue
            ritz, beside = largest_beside(M, basis, rank)
            bound = hidden_value(ritz, rank, basis.probes, basis.degrees, max(shape))
            # Bases and SVDs of this size round by some tens of units of σ₁.
            assert beside <= bound + 1e-12 * sigma[0], (shape, seed, basis.degrees)
        # √(2d/π)/(T_24(x) √(x² − 1)) is 0.03 at x = 1.05 and d = 120: all eight columns hide that
        # much with a chance of 5e-12, below the 1e-6 that the bound is for.
        if width == 8 and bases[-1].degrees == LOOKS[-1]:
            assert bound <= 1.05 * sigma[rank], (shape, seed)


def test_random_columns_are_what_finds_the_largest_value():
    """Without them the bases of a saddle hold it to rounding, whatever is beside it."""
    M, sigma, bases = from_a_saddle("linear", 2, 0, SHAPES[0], 0)
    ritz, beside = largest_beside(M, bases[-1], 2)
    assert bases[-1].exhausted
    assert ritz[:2] == pytest.approx(sigma[1:3])
    assert beside == pytest.approx(sigma[0])
    assert hidden_value(ritz, 2, bases[-1].probes, bases[-1].degrees, 90) == np.inf


def test_fewer_random_columns_and_fewer_passes_tell_less():
    ritz = np.array([3.0, 1.0, 0.9, 0.8, 0.7])
    bounds = [hidden_value(ritz, 1, [(8, 0)], degrees, 100) for degrees in (2, 3, 5, 9, 20, 60)]
    assert all(later < before for before, later in itertools.pairwise(bounds))
    assert bounds[-1] >= 1.0
    assert hidden_value(ritz, 1, [(1, 0)], 9, 100) > bounds[3]
    assert hidden_value(ritz, 1, [(8, 3)], 12, 100) == bounds[3]  # what counts is since they came
    # Those that came before reach as far at least.
    assert hidden_value(ritz, 1, [(1, 0), (7, 0)], 9, 100) >= bounds[3]
    assert hidden_value(ritz, 1, [(4, 0), (8, 0)], 9, 100) < bounds[3]
    assert hidden_value(ritz, 1, [(8, 0), (1, 8)], 9, 100) == bounds[3]
    assert hidden_value(ritz, 1, [(8, 0)], 1, 100) == np.inf
    assert hidden_value(ritz, 1, [(0, 0)], 9, 100) == np.inf


@pytest.mark.parametrize(("width", "t"), [(1, 1.5), (2, 0.5)])
def test_the_bound_is_that_of_its_formula(width, t):
    """T_m(s/t) √((s/θ)² − 1) = √(2d/π)/p, p = 10⁻⁶ for one chance.

    One column makes one combination; so do two, one of which is spent on θ itself: with the
    next value at a third of θ that tells more than both columns against θ.
    """
    theta, degrees, d = 1.5, 11, 200
    s = hidden_value(np.array([4.0, theta, 0.5][: width + 1]), 1, [(width, 0)], degrees, d)
    # s/θ − 1 is 4e-6 and above, so that rounding changes its root by 3e-11 at most.
    chebyshev = np.cosh((degrees - 2) * np.arccosh(s / t))
    assert chebyshev * np.sqrt((s / theta) ** 2 - 1) == pytest.approx(
        np.sqrt(2 * d / np.pi) * 1e6, rel=1e-6
    )


def test_a_start_that_was_not_drawn_gets_random_columns_before_it_is_trusted():
    rng = np.random.default_rng(1)
    M, phi, psi = matrix(rng, SHAPES[0], np.linspace(2.0, 0.1, 70))
    target = DenseTarget(M)
    alone = Basis.begin(phi[:, 1:2], psi[:, 1:2], target.norm)
    assert alone.probes == ()
    assert Basis.begin(phi[:, 1:3], psi[:, 1:3], target.norm, drawn=True).probes == ((2, 0), (2, 1))
    # As many more as are wanted in all, while they came together; else as many of their own.
    drawn = Basis.begin(phi[:, 1:3], psi[:, 1:3], target.norm, drawn=True)
    assert drawn.probed(8).probes == ((2, 0), (2, 1), (4, 0))
    assert drawn.probed(8).right.pending == 6
    assert drawn.extend(target).probed(3).probes == ((2, 0), (2, 1), (3, 2))
