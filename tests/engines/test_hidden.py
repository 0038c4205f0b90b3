"""What bases may hide, against the singular values there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from plain_loop import matrix

from mfact.engines.basis import Basis
from mfact.engines.hidden import hidden_value
from mfact.targets.dense import DenseTarget

SHAPE = (90, 70)
SPECTRA = {
    "noise": lambda rng: np.linalg.svd(rng.standard_normal(SHAPE), compute_uv=False),
    "geometric": lambda rng: 0.9 ** np.arange(70),
    "linear": lambda rng: np.linspace(2.0, 0.1, 70),
    "flat": lambda rng: 1 + 0.3 * np.sort(rng.random(70))[::-1],
    "slow": lambda rng: 1 / np.sqrt(1 + np.arange(70)),
    "signal": lambda rng: np.r_[10.0, 8.0, 6.0, np.linspace(1, 0.5, 67)],
}


@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("width", [1, 4])
def test_no_singular_value_beside_the_found_ones_is_above_the_bound(kind, rank, width):
    """From the pairs 2 … r + 1 alone, which no pass over M ever leads away from."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        sigma = SPECTRA[kind](rng)
        M, phi, psi = matrix(rng, SHAPE, sigma)
        target = DenseTarget(M)
        basis = Basis.begin(phi[:, 1 : rank + 1], psi[:, 1 : rank + 1], target.norm)
        assert hidden_value(sigma, rank, basis.probes, basis.passes, 90) == np.inf
        basis = basis.probed(width)
        for passes in range(1, 26):
            if basis.exhausted:
                break
            basis = basis.extend(target)
            ritz = np.linalg.svd(basis.B, compute_uv=False)
            if len(ritz) <= rank:
                continue
            bound = hidden_value(ritz, rank, basis.probes, basis.passes, 90)
            # The values that the leading Ritz values do not stand for.
            found = [int(np.argmin(np.abs(sigma - value))) for value in ritz[:rank]]
            others = np.delete(sigma, found)
            assert others[0] <= bound * (1 + 1e-12), (seed, passes)
        # After 25 passes, at gaps of a few per cent, it is within a tenth of the truth.
        assert width == 1 or bound <= 1.1 * sigma[rank]


def test_fewer_random_columns_and_fewer_passes_tell_less():
    ritz = np.array([3.0, 1.0, 0.9, 0.8, 0.7])
    bounds = [hidden_value(ritz, 1, [(4, 0)], passes, 100) for passes in (2, 3, 5, 9, 20, 60)]
    assert all(later < before for before, later in itertools.pairwise(bounds))
    assert bounds[-1] >= 1.0
    assert hidden_value(ritz, 1, [(1, 0)], 9, 100) > bounds[3]
    assert hidden_value(ritz, 1, [(4, 3)], 12, 100) == bounds[3]  # what counts is since they came
    assert hidden_value(ritz, 1, [(1, 0), (4, 0)], 9, 100) == bounds[3]
    assert hidden_value(ritz, 1, [(4, 0)], 1, 100) == np.inf


def test_the_bound_is_that_of_its_formula_for_one_column():
    """T_m(s/θ) √((s/θ)² − 1) = √(2d/π)/p, p = 10⁻³ for each of the two chances."""
    theta, passes, d = 1.5, 11, 200
    s = hidden_value(np.array([4.0, theta]), 1, [(1, 0)], passes, d)
    x = s / theta
    chebyshev = np.cosh((passes - 2) * np.arccosh(x))
    assert chebyshev * np.sqrt(x**2 - 1) == pytest.approx(np.sqrt(2 * d / np.pi) * 1e3, rel=1e-6)


def test_a_start_that_was_not_drawn_gets_random_columns_before_it_is_trusted():
    rng = np.random.default_rng(1)
    M, phi, psi = matrix(rng, SHAPE, np.linspace(2.0, 0.1, 70))
    target = DenseTarget(M)
    alone = Basis.begin(phi[:, 1:2], psi[:, 1:2], target.norm)
    assert alone.probes == ()
    assert Basis.begin(phi[:, 1:3], psi[:, 1:3], target.norm, drawn=True).probes == ((2, 0),)
    # As many more as are wanted in all, while they came together; else as many of their own.
    drawn = Basis.begin(phi[:, 1:3], psi[:, 1:3], target.norm, drawn=True)
    assert drawn.probed(4).probes == ((4, 0),)
    assert drawn.probed(4).left.pending == 4
    assert drawn.extend(target).probed(3).probes == ((2, 0), (3, 1))
