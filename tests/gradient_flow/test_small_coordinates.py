"""The small objective against the formulas in U, V, M, and its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from oracles import gradient, objective

from mfact.gradient_flow.small import Small, stack


def problem(seed: int, k: int, r: int, weight: float) -> tuple[Small, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = np.sort(rng.uniform(0.1, 2.0, k))[::-1]
    return Small(sigma, weight), rng.normal(size=(2, k, r))


def of_small(small: Small, Z: np.ndarray) -> float:
    return objective(np.diag(small.sigma), *Z, small.weight)


sizes = st.tuples(st.integers(0, 10**6), st.integers(0, 4), st.integers(1, 4))
weights = st.sampled_from([0.0, 0.3, 1.0])


@given(sizes, weights)
def test_gradient_is_that_of_the_full_matrices(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    small, Z = problem(seed, r + extra, r, weight)
    rng = np.random.default_rng(seed + 1)
    M, left, right = matrix(rng, (r + extra + 3, r + extra + 1), small.sigma)
    G_U, G_V = gradient(M, left @ Z[0], right @ Z[1], weight)
    expected = stack(left.T @ G_U, right.T @ G_V)
    assert np.allclose(small.at(Z).gradient, expected, atol=1e-12)  # rounding, entries up to 100


@given(sizes, weights)
def test_derivatives_match_differences(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    small, Z = problem(seed, r + extra, r, weight)
    P, Q = np.random.default_rng(seed + 2).normal(size=(2, *Z.shape))
    h = 1e-4  # the gradient is cubic: the error is h² times a third derivative of order 10

    def central(of: object) -> np.ndarray:
        return (of(Z + h * Q) - of(Z - h * Q)) / (2 * h)  # type: ignore[operator]

    jet = small.at(Z)
    along_P, along_Q = jet.slope(P), jet.slope(Q)
    assert np.vdot(jet.gradient, Q) == pytest.approx(
        central(lambda z: of_small(small, z)), rel=1e-5, abs=1e-5
    )
    assert np.allclose(along_Q.HP, central(lambda z: small.at(z).gradient), atol=1e-5)
    assert np.allclose(
        jet.bend(along_P, along_Q), central(lambda z: small.at(z).slope(P).HP), atol=1e-5
    )
    assert np.vdot(P, along_Q.HP) == pytest.approx(np.vdot(Q, along_P.HP), rel=1e-9, abs=1e-9)


def test_many_points_at_once_are_the_points_one_by_one() -> None:
    small, first = problem(0, 5, 2, 0.4)
    _, second = problem(1, 5, 2, 0.4)
    both = small.at(np.stack([first, second])).gradient
    assert np.array_equal(both[0], small.at(first).gradient)
    assert np.array_equal(both[1], small.at(second).gradient)


@given(sizes, weights)
def test_scalars_match_their_definitions(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    small, Z = problem(seed, r + extra, r, weight)
    scalars = small.scalars(Z)
    optimum = 0.5 * np.sum(small.sigma[r:] ** 2)
    D = Z[0].T @ Z[0] - Z[1].T @ Z[1]
    assert scalars.loss_excess + scalars.penalty == pytest.approx(
        of_small(small, Z) - optimum, rel=1e-12
    )
    assert scalars.imbalance == pytest.approx(np.linalg.norm(D))
    assert scalars.gradient_norm == pytest.approx(np.linalg.norm(small.at(Z).gradient))
    assert (scalars.size_X, scalars.size_Y) == pytest.approx((np.sum(Z[0] ** 2), np.sum(Z[1] ** 2)))


def test_loss_excess_keeps_its_digits_near_the_optimum() -> None:
    sigma = np.array([3.0, 2.0, 1.0])
    tiny = 1e-12  # far below the square root of the rounding unit, where a difference gives 0
    X = np.array([[np.sqrt(3.0)], [tiny], [0.0]])
    excess = Small(sigma, 0.0).scalars(stack(X, X)).loss_excess
    # With x = (√3, a, 0): E = xxᵀ − 3e₁e₁ᵀ, so f − f* = (2·3a² + a⁴)/2 − 2a² = a² + a⁴/2.
    assert excess == pytest.approx(tiny**2, rel=1e-4)  # √3² is 3 to rounding: (4e-16)² is added
