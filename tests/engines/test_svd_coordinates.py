"""SVD coordinates: floor, shortfall, tail, and the bounds on the Hessian."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import reduced_engine
from matrices import gaussian, matrix, orthonormal
from oracles import hessian, optimum

from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import Spectrum, negative_curvature, squared_tail
from mfact.targets.dense import DenseTarget

SPECTRA = {
    "decaying": lambda: 1.3 ** -np.arange(30.0),
    "noise": lambda: np.r_[3.0, 2.5, 2.0, np.linspace(1.2, 0.1, 27)],
    "exact rank": lambda: np.r_[3.0, 2.0, 1.0],
    "clustered": lambda: np.r_[2.0, 1.0, 1.0 - 1e-4, np.linspace(0.9, 0.1, 27)],
    "flat": lambda: np.ones(30),
}


@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("rank", [1, 3])
def test_floor_and_shortfall_bracket_the_optimum(kind, rank):
    rng = np.random.default_rng(0)
    sigma = SPECTRA[kind]()
    M, _, _ = matrix(rng, (50, 40), sigma)
    target = DenseTarget(M)
    truth = 0.5 * np.sum(sigma[rank:] ** 2)
    basis = Basis.begin(*gaussian(rng, M.shape, rank, 0.1), target.norm, drawn=True).probed()
    rounding = 1e-14 * target.norm**2
    shortfalls = []
    for _ in range(60):
        if basis.exhausted:
            break
        basis = basis.extend(target)
        spectrum = Spectrum.of(basis, rank, target)
        assert truth - rounding <= spectrum.floor <= truth + spectrum.shortfall + rounding
        shortfalls.append(spectrum.shortfall)
        known = spectrum.sigma[: rank + 1]
        exact = np.append(sigma, np.zeros(rank + 1))[: len(known)]
        assert (np.abs(known - exact) <= spectrum.errors).all()
        assert np.append(exact, 0.0)[rank] <= spectrum.hidden + 1e-14 * target.norm
    assert shortfalls[-1] < 1e-8 * target.norm**2 or kind == "flat"


@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("tolerance", [1e-6, 1e-12])
def test_sharpened_optimum_against_an_svd(kind, tolerance):
    rng, rank = np.random.default_rng(1), 2
    sigma = SPECTRA[kind]()
    M, _, _ = matrix(rng, (50, 40), sigma)
    engine = reduced_engine(DenseTarget(M), rank)
    start = gaussian(rng, M.shape, rank, 0.1)
    for state in (engine.reach.start(start, drawn=True), engine.start(start)):
        found = engine.sharpened(state, tolerance).coordinates.spectrum
        best = optimum(M, rank)
        assert found.k == best.k
        assert found.floor == pytest.approx(best.floor, abs=2 * tolerance * best.unit + 1e-13)


def test_tail_is_formed_directly_where_subtraction_would_lose_it():
    """‖M‖² − ‖B‖² leaves 1e-16 here, and the tail is 1e-20."""
    rng = np.random.default_rng(2)
    M, _, _ = matrix(rng, (40, 30), [1.0, 0.5, 1e-10, 1e-11])
    target = DenseTarget(M)
    exact, phi, psi = M, *(np.linalg.svd(M)[i] for i in (0, 2))
    basis = Basis.begin(phi[:, :2], psi.T[:, :2], target.norm).extend(target)
    tail = squared_tail(basis, target)
    L, Q = basis.left.basis, basis.right.basis
    assert tail == pytest.approx(np.sum((exact - L @ basis.B @ Q.T) ** 2), rel=1e-3)
    assert tail == pytest.approx(1e-20 + 1e-22, rel=1e-3)


def random_point(rng, r, k, sigma, near):
    """A point of SVD coordinates, at random or near the optimum."""
    z = rng.standard_normal((2, r, k))
    if near:
        z *= 10.0 ** rng.uniform(-8, -1)
        p = min(r, k)
        z[:, range(p), range(p)] += np.sqrt(sigma[:p])
        turn = orthonormal(rng, r, r)  # as good an optimum
        z = np.stack([turn @ z[0], turn @ z[1]])
    return z


@given(
    seed=st.integers(0, 2**32 - 1),
    r=st.integers(1, 4),
    k=st.integers(1, 7),
    near=st.booleans(),
    weight=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
)
def test_bounds_hold_for_the_whole_hessian(seed, r, k, near, weight):
    rng = np.random.default_rng(seed)
    r = min(r, k)
    sigma = np.sort(np.abs(rng.standard_normal(k)))[::-1]
    z = random_point(rng, r, k, sigma, near)
    H = hessian(np.diag(sigma), z[0].T, z[1].T, weight)
    assert np.allclose(H, H.T, atol=1e-12 * np.abs(H).max())
    values = np.linalg.eigvalsh(H)
    rho, top = negative_curvature(z, sigma, weight)
    assert -rho <= values[0] + 1e-12 * values[-1]
    assert values[-1] <= top * (1 + 1e-12)


def test_curvature_bound_vanishes_at_the_optimum():
    """Else the distance of two runs would be said to grow for ever."""
    sigma = np.array([3.0, 2.0, 1.0, 0.5])
    z = np.zeros((2, 2, 4))
    z[:, range(2), range(2)] = np.sqrt(sigma[:2])
    for weight in (0.0, 1.0):
        rho, top = negative_curvature(z, sigma, weight)
        assert rho < 1e-14
        assert top < 2 * 2 * 3.0 * (1 + weight)
