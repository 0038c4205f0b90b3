"""The objective for a diagonal M against that of U, V, M, its derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from oracles import gradient, objective, plain_loop

from mfact.problems.diagonal import Diagonal, excess, excesses, stack, turned


def instance(seed: int, k: int, r: int, weight: float) -> tuple[Diagonal, np.ndarray]:
    rng = np.random.default_rng(seed)
    sigma = np.sort(rng.uniform(0.1, 2.0, k))[::-1]
    return Diagonal(sigma, weight), rng.normal(size=(2, k, r))


def of_diagonal(problem: Diagonal, Z: np.ndarray) -> float:
    return objective(np.diag(problem.sigma), *Z, problem.weight)


sizes = st.tuples(st.integers(0, 10**6), st.integers(0, 4), st.integers(1, 4))
weights = st.sampled_from([0.0, 0.3, 1.0])


@given(sizes, weights)
def test_gradient_is_that_of_the_full_matrices(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    problem, Z = instance(seed, r + extra, r, weight)
    rng = np.random.default_rng(seed + 1)
    M, left, right = matrix(rng, (r + extra + 3, r + extra + 1), problem.sigma)
    G_U, G_V = gradient(M, left @ Z[0], right @ Z[1], weight)
    expected = stack(left.T @ G_U, right.T @ G_V)
    assert np.allclose(problem.at(Z).gradient, expected, atol=1e-12)  # rounding, entries up to 100


@given(sizes, weights)
def test_derivatives_match_differences(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    problem, Z = instance(seed, r + extra, r, weight)
    P, Q = np.random.default_rng(seed + 2).normal(size=(2, *Z.shape))
    h = 1e-4  # the gradient is cubic: the error is h² times a third derivative of order 10

    def central(of: object) -> np.ndarray:
        return (of(Z + h * Q) - of(Z - h * Q)) / (2 * h)  # type: ignore[operator]

    jet = problem.at(Z)
    along_P, along_Q = jet.slope(P), jet.slope(Q)
    assert np.vdot(jet.gradient, Q) == pytest.approx(
        central(lambda z: of_diagonal(problem, z)), rel=1e-5, abs=1e-5
    )
    assert np.allclose(along_Q.HP, central(lambda z: problem.at(z).gradient), atol=1e-5)
    assert np.allclose(
        jet.bend(along_P, along_Q), central(lambda z: problem.at(z).slope(P).HP), atol=1e-5
    )
    assert np.vdot(P, along_Q.HP) == pytest.approx(np.vdot(Q, along_P.HP), rel=1e-9, abs=1e-9)


def test_many_points_at_once_are_the_points_one_by_one() -> None:
    problem, first = instance(0, 5, 2, 0.4)
    _, second = instance(1, 5, 2, 0.4)
    both = problem.at(np.stack([first, second])).gradient
    assert np.array_equal(both[0], problem.at(first).gradient)
    assert np.array_equal(both[1], problem.at(second).gradient)


@given(sizes, weights)
def test_scalars_match_their_definitions(size: tuple[int, int, int], weight: float) -> None:
    seed, extra, r = size
    problem, Z = instance(seed, r + extra, r, weight)
    scalars = problem.scalars(Z)
    optimum = 0.5 * np.sum(problem.sigma[r:] ** 2)
    D = Z[0].T @ Z[0] - Z[1].T @ Z[1]
    assert scalars.loss_excess + scalars.penalty == pytest.approx(
        of_diagonal(problem, Z) - optimum, rel=1e-12
    )
    assert scalars.imbalance == pytest.approx(np.linalg.norm(D))
    assert scalars.gradient_norm == pytest.approx(np.linalg.norm(problem.at(Z).gradient))
    assert (scalars.size_X, scalars.size_Y) == pytest.approx((np.sum(Z[0] ** 2), np.sum(Z[1] ** 2)))


def test_loss_excess_keeps_its_digits_near_the_optimum() -> None:
    sigma = np.array([3.0, 2.0, 1.0])
    tiny = 1e-12  # far below the square root of the rounding unit, where a difference gives 0
    X = np.array([[np.sqrt(3.0)], [tiny], [0.0]])
    excess = Diagonal(sigma, 0.0).scalars(stack(X, X)).loss_excess
    # With x = (√3, a, 0): E = xxᵀ − 3e₁e₁ᵀ, so f − f* = (2·3a² + a⁴)/2 − 2a² = a² + a⁴/2.
    assert excess == pytest.approx(tiny**2, rel=1e-4)  # √3² is 3 to rounding: (4e-16)² is added


@given(seed=st.integers(0, 2**32 - 1), r=st.integers(1, 4), k=st.integers(1, 8))
def test_excesses_are_the_differences_of_the_losses(seed: int, r: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    sigma = np.sort(np.abs(rng.standard_normal(k)))[::-1]
    Z = turned(rng.standard_normal((3, 2, r, k)))  # as it lies in the engines
    tail = 0.5 * np.sum(sigma[min(r, k) :] ** 2)
    truth = pytest.approx([objective(np.diag(sigma), *z) - tail for z in Z], rel=1e-10, abs=1e-12)
    assert excesses(sigma, Z) == truth
    assert [excess(sigma, *z) for z in Z] == truth


def test_an_excess_of_1e_minus_24_is_exact_where_it_is_known_in_closed_form() -> None:
    """At X = Y = diag(√σ + δ, …) it is ½Σ(2√σ δ + δ²)², to first order in rounding."""
    sigma, delta = np.array([4.0, 1.0, 0.25]), 2.0**-40  # both exact in binary
    root = np.array([2.0, 1.0])
    X = np.zeros((3, 2))
    X[range(2), range(2)] = root + delta
    exact = 0.5 * np.sum((2 * root * delta + delta**2) ** 2)
    assert exact < 1e-22
    assert excesses(sigma, stack(X, X)[None])[0] == pytest.approx(exact, rel=1e-12)
    assert excess(sigma, X, X) == pytest.approx(exact, rel=1e-12)


def test_gram_matrices_that_hide_the_excess_give_way_to_entries() -> None:
    """Of columns that X keeps and Y has lost they hold 1 ± 2^−108, and 2^54 times that."""
    keeps, lost = 2.0**27, 2.0**-54
    X = np.array([[1.0, 1.0], [0.0, 0.0], [-keeps, keeps]])
    Y = np.array([[1.0, 1.0], [-lost, lost], [0.0, 0.0]])
    # XYᵀ is diag(2, 0, 0), and 2·keeps·lost in one entry more.
    sigma = np.array([2.0, 0.0, 0.0])
    assert excesses(sigma, stack(X, Y)[None])[0] == 0.5 * (2 * keeps * lost) ** 2


def test_a_factor_with_fewer_rows_gets_zeros() -> None:
    Z = stack(np.ones((5, 3, 2)), np.ones((5, 1, 2)))
    assert Z.shape == (5, 2, 3, 2)
    assert Z[:, 1].sum(axis=(0, 2)).tolist() == [10.0, 0.0, 0.0]


def test_steps_are_those_of_the_plain_loop() -> None:
    problem, Z = instance(3, 5, 2, 0.4)
    truth = plain_loop(np.diag(problem.sigma), *Z, [0.01, 0.03, 0.02], 0.4)[-1]
    assert np.allclose(problem.descended(Z, [0.01, 0.03, 0.02]), truth, rtol=0, atol=1e-14)
