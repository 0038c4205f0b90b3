"""The update of the paper, both factors from the old point."""

from __future__ import annotations

import numpy as np
from plain_loop import plain_loop

from mfact.core import Factors
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import Factorization


def test_both_factors_move_from_the_old_point():
    rng = np.random.default_rng(0)
    M, U, V = rng.standard_normal((5, 4)), rng.standard_normal((5, 2)), rng.standard_normal((4, 2))
    G_U, G_V, _, _ = Factorization(1.0).gradient(U, V, M @ V, M.T @ U)
    before = U.copy(), V.copy()
    new = GradientDescent().step(Factors(U, V), Factors(G_U, G_V), 0.1)
    expected = plain_loop(M, U, V, [0.1], 1.0)[1]
    assert np.allclose(new.U, expected[0], atol=1e-14)
    assert np.allclose(new.V, expected[1], atol=1e-14)
    assert np.array_equal(before[0], U)
    assert np.array_equal(before[1], V)


def test_it_commutes_with_rotations_as_it_says():
    rng = np.random.default_rng(1)
    M, U, V = rng.standard_normal((5, 4)), rng.standard_normal((5, 2)), rng.standard_normal((4, 2))
    L, Q = (np.linalg.qr(rng.standard_normal((d, d)))[0] for d in M.shape)
    assert GradientDescent().commutes_with_rotation
    one = plain_loop(L @ M @ Q.T, L @ U, Q @ V, [0.05] * 5)[-1]
    other = plain_loop(M, U, V, [0.05] * 5)[-1]
    assert np.allclose(one[0], L @ other[0], atol=1e-13)
    assert np.allclose(one[1], Q @ other[1], atol=1e-13)


def test_float32_stays_float32():
    x = np.ones((3, 1), np.float32)
    assert GradientDescent().step(Factors(x, x), Factors(x, x), 0.1).U.dtype == np.float32
