"""Growth and spare columns in closed form, against the flow by an ODE solver; typical starts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matrices import orthonormal
from oracles import flat, flow
from scipy.integrate import solve_ivp

from mfact.theory.forecast import typical_s0
from mfact.theory.riccati import Growth, Spare, integral, saturated, time_to

RANK = 3


def test_only_the_slowest_of_many_modes_are_followed():
    rng, k = np.random.default_rng(2), 90
    sigma = np.append(np.geomspace(5, 1, k), np.zeros(10))
    X, Y = 0.01 * rng.standard_normal((2, 100, k))
    A, rest = 0.5 * (X + Y), np.zeros((k, k))
    every, slow = (Growth.of(sigma[:k], A[:k], rest, k, most) for most in (k, 64))
    assert len(slow.inverse) == 64
    for tau in (8.0, 10.0, 14.0):
        assert slow.excess(tau) == pytest.approx(every.excess(tau), rel=1e-3)


@pytest.mark.parametrize("tau", [0.0, 1e-30, 1.0, 1e25])
def test_what_is_never_negative_saturates_as_any_other(tau):
    d = np.array([3.0, 0.5, 1e-13, 1e-20, 1e-310, 0.0])
    assert saturated(d, tau) == pytest.approx(integral(d, tau), rel=1e-14)


@pytest.mark.parametrize("after", [0.0, 0.7])
@pytest.mark.parametrize("k", [1, 5, 90, 1036])
def test_a_typical_start_is_that_of_which_each_mode_starts_from_s0(k, after):
    sigma, s0, outside = np.append(np.geomspace(5, 1, k), [after] if after else []), 1e-4, 0.02
    typical = Growth.typical(sigma, k, s0, outside, 64)
    assert len(typical.inverse) == min(k, 64)
    if k < 1000:  # of more it takes a second to factor what is diagonal
        A = 1e-2 * np.vstack([np.eye(k), np.eye(1, k, k - 1)])[: len(sigma)]
        every = Growth.of(sigma, A, outside * np.eye(k), k, k)
        for tau in (8.0, 12.0):
            assert typical.excess(tau) == pytest.approx(every.excess(tau), rel=1e-3)
    assert Growth.typical(sigma, k, 0.0, outside, 64) is None


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0, 2.5, 30.0])
@pytest.mark.parametrize("lean", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("share", [1e-3, 1e-10])
def test_columns_for_which_there_is_nothing_go_as_the_flow_says(weight, lean, share):
    rng = np.random.default_rng(3)
    U, V = 0.3 * lean * rng.standard_normal((20, 2)), 0.3 * rng.standard_normal((15, 2)) / lean
    spare = Spare(U.T @ U, V.T @ V, weight)
    slope = flow(np.zeros((20, 15)), 2, weight)
    goal = share * np.sum((U @ V.T) ** 2)
    tau = spare.time_to(goal, 1.0, 1e-9)
    # LSODA, because an unbalanced start makes the flow stiff.
    w = solve_ivp(slope, (0, tau), flat((U, V)), method="LSODA", rtol=1e-10, atol=1e-18).y[:, -1]
    left = np.sum((w[:40].reshape(20, 2) @ w[40:].reshape(15, 2).T) ** 2)
    # The closed forms are exact up to the solver's error of this; Runge–Kutta steps of 0.4 in
    # units of the rate are not, and end between two of them, or by the law 1/τ².
    assert left == pytest.approx(goal, rel=1e-4 if weight in (0, 1) else 0.1)


@pytest.mark.parametrize("tau", [0.0, 1.0, 7.0, 40.0])
@pytest.mark.parametrize("modes", [3, 4, 5])
def test_the_growth_curve_solves_the_flow(tau, modes):
    """Of five rows; those beyond the modes, for which M has nothing, by their Gram matrix."""
    rng = np.random.default_rng(3)
    sigma = np.array([1.0, 0.8, 0.5, 0.3 if modes > 3 else 0.0, 0.0])
    A0 = 0.05 * rng.standard_normal((5, RANK))

    def flow(_, a):
        A = a.reshape(A0.shape)
        return (sigma[:, None] * A - A @ (A.T @ A)).ravel()

    solved = solve_ivp(flow, (0, tau), A0.ravel(), method="DOP853", rtol=1e-12, atol=1e-14)
    A = solved.y[:, -1].reshape(A0.shape)
    direct = np.sum((A @ A.T - np.diag(sigma)) ** 2) - np.sum(sigma[RANK:] ** 2)
    # The direct value loses digits to subtraction: 1e-15 of ‖Σ‖² ≈ 2.
    rest = A0[modes:].T @ A0[modes:]
    growth = Growth.of(sigma[:modes], A0[:modes], rest, RANK, 64)
    assert growth.excess(tau) == pytest.approx(direct, rel=1e-7, abs=1e-13)


def test_the_typical_start_is_the_median_of_many():
    rng = np.random.default_rng(4)
    for rank in (1, 2, 5, 12):
        A = rng.standard_normal((4000, rank, rank)) / math.sqrt(2)
        values = np.linalg.svd(A, compute_uv=False)[:, -1] ** 2
        # 4,000 draws: the median is known to about 4 %; the constant itself to 10 %.
        assert typical_s0(1.0, rank) == pytest.approx(np.median(values), rel=0.15)


@pytest.mark.parametrize("seed", range(8))
def test_a_mode_that_all_but_lacks_grows_later_by_what_it_has_less(seed):
    """s₀ by a factor of 10^{−14} takes ln 10^{14}/(2σ_k) longer, though (A₁A₁ᵀ)⁻¹ has no digit left
    of what the other modes begin with.
    """
    rng = np.random.default_rng(seed)
    sigma, L, R = np.array([1.0, 0.7, 0.5]), *(orthonormal(rng, 3, 3) for _ in range(2))
    times = []
    for least in (1e-6, 1e-13):
        A = (L * np.array([1e-2, 1e-2, 1e-2 * least])) @ R.T
        growth = Growth.of(sigma, A, np.zeros((3, 3)), 3, 9)
        times.append(time_to(growth.excess, 1e-10, 1.0))
    assert times[1] - times[0] == pytest.approx(14 * np.log(10) / (2 * 0.5), rel=0.01)
