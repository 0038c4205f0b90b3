"""The objective and its gradient against finite differences and the Hessian's eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.problem_contract import ProblemContract
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import SettingsError
from mfact.problems.factorization import Factorization, formula, gradient, sharpness
from mfact.targets.dense import DenseTarget


def value(M, U, V, weight):
    D = U.T @ U - V.T @ V
    return 0.5 * np.sum((U @ V.T - M) ** 2) + weight / 8 * np.sum(D**2)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(5, 4), (1, 6), (6, 1), (3, 3)]),
    r=st.integers(1, 3),
    weight=st.sampled_from([0.0, 1.0, 0.25, 4.0]),
)
def test_gradient_against_central_differences(seed, shape, r, weight):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal(shape)
    U, V, dU, dV = (rng.standard_normal((d, r)) for d in (*shape, *shape))
    G_U, G_V, A, C = gradient(U, V, M @ V, M.T @ U, weight)
    h = 1e-5  # h² of truncation and 1e-16/h of rounding, both 1e-10 of the value
    slope = value(M, U + h * dU, V + h * dV, weight) - value(M, U - h * dU, V - h * dV, weight)
    expected = np.sum(G_U * dU) + np.sum(G_V * dV)
    scale = 1 + value(M, U, V, weight) + np.linalg.norm(G_U) + np.linalg.norm(G_V)
    assert slope / (2 * h) == pytest.approx(expected, abs=1e-7 * scale)
    assert np.allclose(A, U.T @ U)
    assert np.allclose(C, V.T @ V)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
def test_sharpness_is_the_largest_curvature_at_a_balanced_optimum(weight):
    sigma, r, h = np.array([3.0, 2.0, 1.0]), 2, 1e-5
    M = np.diag(sigma)
    U = np.eye(3)[:, :r] * np.sqrt(sigma[:r])
    flat = np.concatenate([U.ravel(), U.ravel()])

    def slope(x):
        A, B = x.reshape(2, 3, r)
        return np.concatenate([g.ravel() for g in gradient(A, B, M @ B, M.T @ A, weight)[:2]])

    H = [(slope(flat + h * e) - slope(flat - h * e)) / (2 * h) for e in np.eye(len(flat))]
    assert np.linalg.eigvalsh(H)[-1] == pytest.approx(sharpness(weight) * sigma[0], rel=1e-6)


def test_weight_one_is_symmetric_factorization():
    """(3) = ⅛‖WWᵀ − 2S‖² − ½‖M‖², W = [U; V], S = [[0, M], [Mᵀ, 0]]."""
    rng = np.random.default_rng(0)
    M, U, V = rng.standard_normal((5, 4)), rng.standard_normal((5, 2)), rng.standard_normal((4, 2))
    W = np.vstack([U, V])
    S = np.block([[np.zeros((5, 5)), M], [M.T, np.zeros((4, 4))]])
    symmetric = np.sum((W @ W.T - 2 * S) ** 2) / 8 - 0.5 * np.sum(M**2)
    assert value(M, U, V, 1.0) == pytest.approx(symmetric, rel=1e-12)
    G_U, G_V, _, _ = gradient(U, V, M @ V, M.T @ U, 1.0)
    assert np.allclose(np.vstack([G_U, G_V]), (W @ W.T - 2 * S) @ W / 2)


def test_formula_shows_the_weight():
    assert "(0.5/8)" in formula(0.5)
    assert "/8" not in formula(0.0)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_none(weight):
    with pytest.raises(SettingsError, match="at least 0"):
        Factorization(DenseTarget(np.eye(2)), weight)


class TestPlain(ProblemContract):
    weight = 0.0

    def problem(self):
        M = np.random.default_rng(2).standard_normal((6, 4))
        return Factorization(DenseTarget(M), self.weight)

    def point(self, seed):
        rng = np.random.default_rng(seed)
        return tuple(rng.standard_normal((d, 2)) for d in (6, 4))

    def objective(self, problem, point):
        U, V = point
        M = np.random.default_rng(2).standard_normal((6, 4))
        return value(M, U, V, self.weight)


class TestBalanced(TestPlain):
    weight = 1.0


class TestHeavilyBalanced(TestPlain):
    weight = 3.7
