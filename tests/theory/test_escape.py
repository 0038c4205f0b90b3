"""Predicted times of escape against plain gradient descent, and against the flow itself."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import noisy
from oracles import iterates
from scipy.integrate import solve_ivp

from mfact.schedules import Constant, PowerDecay
from mfact.theory.escape import escape_times, grown
from mfact.theory.forecast import Start
from mfact.theory.riccati import Growth


def start_of(X, Y, rows=None):
    return Start(X[:rows], Y[:rows], X.T @ X, Y.T @ Y)


def seen_times(sigma, k, X, Y, etas):
    """The flow times at which σ_i(XYᵀ) first is ½σ_i, by the plain loop."""
    S = np.zeros((len(X), len(Y)))
    np.fill_diagonal(S, sigma)
    flow_times, values = np.concatenate([[0.0], np.cumsum(etas)]), []
    for U, V in iterates(S, X, Y, etas):
        R = (np.linalg.qr(W, "r") for W in (U, V))
        left, right = R
        values.append(np.linalg.svd(left @ right.T, compute_uv=False)[:k])
        if np.all(values[-1] >= 0.5 * sigma[:k]):
            break
    curves = np.log(np.maximum.accumulate(np.array(values)))
    return np.array([
        np.interp(np.log(0.5 * s), curve, flow_times[: len(curve)])
        for s, curve in zip(sigma, curves.T, strict=False)
    ])  # fmt: skip


def off(seeds, std, steps, noise):
    """Relative errors over all modes of random matrices of rank 1 to 4, with noise or without."""
    errors = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        r, shape = int(rng.integers(1, 5)), tuple(rng.integers(12, 40, 2))
        lead = np.sort(10.0 ** -rng.uniform(0, 0.9, r))[::-1]
        M = noisy(rng, shape, lead / lead[0], noise * lead[-1] / lead[0] / np.sqrt(max(shape)))
        P, sigma, Qt = np.linalg.svd(M)
        X, Y = P.T @ rng.standard_normal((shape[0], r)), Qt @ rng.standard_normal((shape[1], r))
        size = std if std else 0.1 / np.sqrt(max(shape))
        X, Y = X * size * np.sqrt(sigma[0]), Y * size * np.sqrt(sigma[0])
        schedule = steps(sigma[0])
        told = escape_times(sigma[: r + 8], r, start_of(X, Y, r + 8), schedule.least)
        times = seen_times(sigma, r, X, Y, schedule.steps(0, 6000))
        errors += (told / times - 1).tolist()
    return np.abs(np.array(errors))


def constant(sigma_1):
    return Constant(0.5 / sigma_1)


def short(sigma_1):
    return Constant(0.05 / sigma_1)


def decaying(sigma_1):
    return PowerDecay(0.3 / sigma_1, 0.55)


# The steps are the half of what is off: with short ones it is a few thousandths.
@pytest.mark.parametrize(
    ("std", "steps", "noise", "median", "most"),
    [
        (1e-4, constant, 0.1, 0.03, 0.06),
        (None, constant, 0.1, 0.05, 0.08),
        (1e-3, decaying, 0.0, 0.03, 0.06),
        (None, short, 0.1, 0.02, 0.05),
    ],
)
def test_times_of_plain_runs(std, steps, noise, median, most):
    errors = off(12, std, steps, noise)
    assert not np.isnan(errors).any()
    assert np.median(errors) <= median
    assert np.quantile(errors, 0.9) <= most


def test_of_one_mode_it_is_the_logistic_law():
    """ln((σ − s)/s)/2σ, exactly, and with steps of η longer by ησ/ln(1 + ησ)."""
    sigma, a = np.array([2.0]), 1e-4
    X = np.array([[a]])
    told = escape_times(sigma, 1, start_of(X, X))
    assert told == pytest.approx(np.log((2 - a**2) / a**2) / 4, rel=1e-6)
    longer = escape_times(sigma, 1, start_of(X, X), 0.25)
    assert longer == pytest.approx(told * 0.5 / np.log(1.5), rel=1e-12)


def test_the_modes_grow_as_the_flow_says():
    rng = np.random.default_rng(3)
    sigma = np.array([1.0, 0.8, 0.5, 0.3, 0.0, 0.0])
    A0 = 0.05 * rng.standard_normal((6, 3))
    growth = Growth.of(sigma[:4], A0[:4], A0[4:].T @ A0[4:], 3, 3)
    times = np.array([0.0, 1.0, 7.0, 40.0])

    def flow(_, a):
        A = a.reshape(A0.shape)
        return (sigma[:, None] * A - A @ (A.T @ A)).ravel()

    solved = solve_ivp(
        flow, (0, 40), A0.ravel(), t_eval=times, method="DOP853", rtol=1e-12, atol=1e-14
    )
    for values, y in zip(grown(growth, times), solved.y.T, strict=True):
        exact = np.linalg.svd(y.reshape(A0.shape), compute_uv=False) ** 2
        assert values == pytest.approx(exact, rel=1e-8)


def test_a_start_that_is_no_start_is_told_nothing():
    sigma, X = np.array([2.0, 1.0]), np.diag([1e-3, 2.0])
    # Of UVᵀ the first singular value is 4, wherever that is, and the second small.
    assert np.isnan(escape_times(sigma, 2, start_of(X, X))).tolist() == [True, False]
    assert np.isnan(escape_times(sigma, 2, start_of(2 * np.eye(2), 2 * np.eye(2)))).all()
    missing = np.array([[1e-3, 0.0], [0.0, 0.0]])
    assert len(escape_times(sigma, 2, start_of(missing, missing))) == 0
    # What is in no way small is in X − Y, which falls.
    assert len(escape_times(sigma, 2, start_of(X, -X))) == 0


@pytest.mark.parametrize("unit", [1e-40, 1.0, 1e40])
def test_times_are_in_units_of_one_over_M(unit):
    sigma, X = np.array([2.0, 1.0, 0.3]), 1e-3 * np.random.default_rng(2).standard_normal((3, 2))
    told = escape_times(sigma, 2, start_of(X, X), 0.1)
    scaled = start_of(np.sqrt(unit) * X, np.sqrt(unit) * X)
    assert unit * escape_times(unit * sigma, 2, scaled, 0.1 / unit) == pytest.approx(told, rel=1e-9)
