"""Gradient descent beside the flow: the asserted slopes; and the flow of a whole matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from oracles import flat, flow, objective, plain_loop

from mfact.core import Factors
from mfact.errors import DataError, SettingsError
from mfact.problems.diagonal import Diagonal
from mfact.settings import FlowSettings
from mfact.starts import directions
from mfact.studies.flow import study
from mfact.studies.flow_and_descent import compare


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [0.01, 1.0])
def test_distance_and_drift_are_first_order_in_the_step(weight: float, size: float) -> None:
    problem = Diagonal(np.array([2.0, 1.5, 1.0, 0.3]), weight)
    Z = np.random.default_rng(1).normal(size=(2, 4, 2)) * size
    found = compare(problem, Z, 5.0, [400, 800, 1600, 3200])
    assert found.distance_slope == pytest.approx(1.0, abs=0.03)  # η·2σ₁ = 0.01: next order
    assert found.D_distance_slope == pytest.approx(1.0, abs=0.03)
    assert (np.diff(found.D_distance) < 0).all()


def test_drift_is_that_of_a_plain_loop() -> None:
    sigma = np.array([2.0, 1.0])
    X, Y = np.random.default_rng(2).normal(size=(2, 2, 2)) * 0.3
    found = compare(Diagonal(sigma, 0.0), np.stack([X, Y]), 3.0, [50])
    points = plain_loop(np.diag(sigma), X, Y, [0.06] * 50)
    first, last = (X.T @ X - Y.T @ Y for X, Y in (points[0], points[-1]))
    assert found.D_distance[0] == pytest.approx(np.linalg.norm(last - first), rel=1e-10)
    assert found.D_distance_slope is None


def test_steps_that_diverge_are_infinitely_far_and_leave_the_slopes_alone() -> None:
    problem = Diagonal(np.array([2.0, 1.0]), 0.0)
    Z = np.random.default_rng(3).normal(size=(2, 2, 1))
    found = compare(problem, Z, 12.0, [8, 2000, 4000, 8000])
    assert found.distance[0] == np.inf
    assert found.distance_slope == pytest.approx(1.0, abs=0.05)


def test_a_balanced_drift_hidden_by_rounding_has_no_slope() -> None:
    problem = Diagonal(np.array([1.0]), 0.0)
    found = compare(problem, np.full((2, 1, 1), 0.1), 5.0, [100, 200])
    assert found.D_distance.max() < 1e-14
    assert found.D_distance_slope is None
    with pytest.raises(SettingsError, match="0 steps"):
        compare(problem, np.full((2, 1, 1), 0.1), 5.0, [0])


def matrix(shape: tuple[int, int] = (12, 7)) -> np.ndarray:
    return np.random.default_rng(4).normal(size=shape)


SETTINGS = FlowSettings(rank=2, seed=3)


def test_study_follows_the_flow_of_the_full_matrix() -> None:
    from scipy.integrate import solve_ivp

    M = matrix()
    found = study(M, replace(SETTINGS, time=0.4, points=2, start_scale=0.5))
    U, V = (0.5 * factor for factor in directions("gaussian", M.shape, 2, 3, "float64"))
    solved = solve_ivp(flow(M, 2), (0, 0.4), flat((U, V)), method="DOP853", rtol=1e-12, atol=1e-14)
    U, V = solved.y[:24, -1].reshape(12, 2), solved.y[24:, -1].reshape(7, 2)
    optimum = 0.5 * np.sum(found.sigma[2:] ** 2)
    last = found.flow.scalars[-1]
    assert last.loss_excess + optimum == pytest.approx(objective(M, U, V), rel=1e-8)
    assert last.imbalance == pytest.approx(np.linalg.norm(U.T @ U - V.T @ V), rel=1e-8)


@pytest.mark.parametrize("start", ["gaussian", "balanced", "unbalanced", "spectral"])
def test_every_start_is_fitted_at_the_default_time(start: str) -> None:
    M = matrix()[:, :2] @ np.diag([3.0, 1.0]) @ matrix((2, 9))  # rank 2
    found = study(M, replace(SETTINGS, start=start))
    assert np.sqrt(2 * found.flow.scalars[-1].loss_excess) <= 1e-4 * np.linalg.norm(M)
    assert found.flow.method == ("closed-form" if start in ("balanced", "spectral") else "ode")


@pytest.mark.slow
def test_what_storage_has_rounded_is_no_mode_to_wait_for() -> None:
    M = (matrix()[:, :2] @ np.diag([3.0, 1.0]) @ matrix((2, 9))).astype(np.float16)
    found = [study(M, replace(SETTINGS, rank=r, points=2)) for r in (2, 3)]
    assert [each.k for each in found] == [2, 2]
    assert study(M.astype(float), replace(SETTINGS, rank=3, points=2)).k == 3
    times = [each.settings.time for each in found]
    # σ₃ is what float16 has rounded, 1e-3 of σ₂ or less: to wait for it takes as much longer.
    assert times[1] < 10 * times[0]


def test_imbalance_is_that_of_the_start() -> None:
    found = study(matrix(), replace(SETTINGS, start="balanced", imbalance=2.5, time=0.1))
    assert found.flow.method == "closed-form"
    assert found.flow.scalars[0].imbalance == pytest.approx(2.5 * np.sqrt(2))


def test_factors_can_be_given() -> None:
    M = matrix()
    factors = Factors(np.ones((12, 2)), np.ones((7, 2)))
    found = study(M, replace(SETTINGS, start="mine.npz", time=0.1), factors)
    assert found.flow.scalars[0].size_X == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rank": 8}, "rank 8"),
        ({"start": "gaussian", "imbalance": 1.0}, "imbalance"),
        ({"start": "balanced", "imbalance": -1.0}, "imbalance"),
    ],
)
def test_study_refuses(changes: dict[str, object], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        study(matrix(), replace(SETTINGS, **changes))


def test_study_refuses_factors_of_other_shapes_and_a_zero_matrix() -> None:
    with pytest.raises(SettingsError, match="12×3"):
        study(matrix(), SETTINGS, Factors(np.ones((12, 3)), np.ones((7, 3))))
    with pytest.raises(DataError, match="zero"):
        study(np.zeros((3, 3)), SETTINGS)
