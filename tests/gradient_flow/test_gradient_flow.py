"""The flow in closed form against DOP853, against the logistic curve, and D, which it conserves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal
from oracles import gradient_norm, objective, plain_loop

from mfact.errors import SettingsError
from mfact.gradient_flow.closed_form import imbalance, propagate
from mfact.gradient_flow.coordinates import Svd
from mfact.gradient_flow.gradient_flow import flow
from mfact.problems.diagonal import Diagonal, stack
from mfact.starts import directions
from mfact.targets.dense import DenseTarget

SIGMA = np.array([2.0, 1.3, 1.0, 0.4, 0.1, 0.0])


def start(shift: float, seed: int, small: float = 0.1) -> np.ndarray:
    """A start with D₀ = shift·I."""
    U, V = (orthonormal(np.random.default_rng(s), 6, 3) for s in (seed, seed + 1))
    if shift >= 0.0:
        return stack(np.sqrt(shift + small**2) * U, small * V)
    return stack(small * U, np.sqrt(small**2 - shift) * V)


def product(Z: np.ndarray) -> np.ndarray:
    """WWᵀ, which is all that the closed form fixes."""
    W = np.concatenate([Z[0], Z[1]])
    return W @ W.T


@pytest.mark.parametrize("shift", [0.0, 0.7, -0.4])
def test_closed_form_is_the_ode_for_balanced_starts(shift: float) -> None:
    problem, Z = Diagonal(SIGMA, 0.0), start(shift, 3)
    times = [0.0, 0.05, 1.0, 5.0, 28.0]  # the last is σ₁s = 56
    closed = flow(problem, Z, times, "closed-form")
    ode = flow(problem, Z, times, "ode", rtol=1e-13)
    for a, b in zip(closed.Z, ode.Z, strict=True):
        assert np.allclose(product(a), product(b), rtol=0, atol=1e-12)  # entries of size 2
    assert flow(problem, Z, times).method == "closed-form"


@given(st.integers(0, 10**6), st.floats(-3.0, 0.5))
def test_closed_form_is_the_ode_for_weight_one_from_any_start(seed: int, log_size: float) -> None:
    problem = Diagonal(SIGMA, 1.0)
    Z = np.random.default_rng(seed).normal(size=(2, 6, 3)) * 10**log_size
    closed = flow(problem, Z, [0.3, 4.0])
    assert closed.method == "closed-form"
    assert np.isnan(closed.drift).all()
    for a, b in zip(closed.Z, flow(problem, Z, [0.3, 4.0], "ode", rtol=1e-13).Z, strict=True):
        assert np.allclose(product(a), product(b), rtol=0, atol=1e-11 * max(1.0, product(b).max()))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_closed_form_of_one_mode_is_its_curve(shift: float) -> None:
    """(xy)' = (x² + y²)(σ − xy) with x² − y² = shift, by quadrature of the time."""
    from scipy.integrate import quad

    x, y, sigma, time = np.sqrt(shift + 0.01), 0.1, 1.5, 2.0
    end = propagate(Diagonal(np.array([sigma]), 0.0), np.array([[[x]], [[y]]]), time)
    reached = float(end[0, 0, 0] * end[1, 0, 0])
    taken, _ = quad(lambda p: 1 / (np.sqrt(shift**2 + 4 * p * p) * (sigma - p)), x * y, reached)
    assert taken == pytest.approx(time, rel=1e-8)  # quad's own tolerance


def test_sub_steps_keep_the_digits_that_one_stretch_loses() -> None:
    problem, Z = Diagonal(SIGMA, 1.0), start(0.0, 5)
    pieces = Z
    for _ in range(7):
        pieces = propagate(problem, pieces, 4.0)
    assert np.allclose(product(propagate(problem, Z, 28.0)), product(pieces), rtol=0, atol=1e-13)


@given(st.integers(0, 10**6))
def test_ode_conserves_D(seed: int) -> None:
    problem, Z = Diagonal(SIGMA, 0.0), np.random.default_rng(seed).normal(size=(2, 6, 3)) * 0.5
    result = flow(problem, Z, [1.0, 10.0, 30.0])
    assert result.method == "ode"
    scale = np.vdot(result.Z[-1], result.Z[-1])
    assert result.drift.max() <= 1e-8 * scale  # rtol 1e-10 a step, some tens of steps
    assert [s.loss_excess for s in result.scalars] == sorted(
        (s.loss_excess for s in result.scalars), reverse=True
    )


def test_where_the_closed_form_holds() -> None:
    generic = np.random.default_rng(0).normal(size=(2, 6, 3))
    assert imbalance(Diagonal(SIGMA, 0.0), generic) is None
    assert imbalance(Diagonal(SIGMA, 0.5), start(0.0, 1)) is None
    assert imbalance(Diagonal(SIGMA, 1.0), generic) == 0.0
    assert imbalance(Diagonal(SIGMA, 0.0), start(0.3, 1)) == pytest.approx(0.3)
    assert imbalance(Diagonal(SIGMA, 0.0), generic[:, :, :1]) is not None  # r = 1: D is a number
    with pytest.raises(SettingsError, match="closed form"):
        flow(Diagonal(SIGMA, 0.0), generic, [1.0], "closed-form")


def test_refusals() -> None:
    problem, Z = Diagonal(SIGMA, 0.0), start(0.0, 1)
    with pytest.raises(SettingsError, match="go down"):
        flow(problem, Z, [2.0, 1.0])
    with pytest.raises(SettingsError, match="newton"):
        flow(problem, Z, [1.0], "newton")


@pytest.mark.parametrize("shape", [(9, 5), (5, 9), (6, 6), (7, 6), (4, 1), (1, 4)])
def test_svd_coordinates_keep_every_number(shape: tuple[int, int]) -> None:
    """One step in the coordinates and one on the matrix: the same norms, loss, gradient and D."""
    rng = np.random.default_rng(2)
    r = min(3, *shape)
    M = rng.normal(size=shape)
    U, V = directions("gaussian", shape, r, 1, "float64")
    sigma, Z = Svd.of(DenseTarget(M)).enter(U, V)
    problem = Diagonal(sigma, 0.0)
    for A, B in plain_loop(M, U, V, [0.05]):
        scalars = problem.scalars(Z)
        optimum = 0.5 * np.sum(np.linalg.svd(M, compute_uv=False)[r:] ** 2)
        assert scalars.loss_excess + optimum == pytest.approx(objective(M, A, B), rel=1e-12)
        assert scalars.gradient_norm == pytest.approx(gradient_norm(M, A, B))
        assert scalars.imbalance == pytest.approx(norm(A.T @ A - B.T @ B))
        assert scalars.size_X == pytest.approx(norm(A) ** 2)
        Z = Z - 0.05 * problem.at(Z).gradient


def norm(A: np.ndarray) -> float:
    return float(np.linalg.norm(A))
