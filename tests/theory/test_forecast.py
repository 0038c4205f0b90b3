"""The forecast against plain runs and the closed form at r = 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import noisy
from oracles import iterates

from mfact.schedules import Constant, PowerDecay, certified, theorem_3_1, theorem_3_2
from mfact.theory.forecast import Start, forecast, typical_s0

SHAPE, RANK = (60, 40), 3


def steps_of_plain_loop(sigma, X, Y, schedule, k, tol, weight=0.0, limit=30000):
    """Gradient descent in singular coordinates until the gap of k components is at most tol."""
    floor, unit = np.sum(sigma[k:] ** 2), sigma[k - 1] ** 2
    S = np.zeros((len(X), len(Y)))
    np.fill_diagonal(S, sigma)
    points = iterates(S, X, Y, map(schedule, range(limit - 1)), weight)
    gaps = ((np.sum((X @ Y.T - S) ** 2) - floor) / unit for X, Y in points)
    return next((t for t, gap in enumerate(gaps) if gap <= tol), None)


def seen(X, Y, rows=None):
    """The start as a run sees it: some rows, and the Gram matrices of all."""
    return Start(X[:rows], Y[:rows], X.T @ X, Y.T @ Y)


def instance(seed, kappa, std, noise):
    """Singular values of Φ diag(1 … 1/κ) Ψᵀ + noise, and a Gaussian start in their coordinates."""
    rng = np.random.default_rng(seed)
    M = noisy(rng, SHAPE, np.geomspace(1, 1 / kappa, RANK), noise / np.sqrt(np.prod(SHAPE)))
    P, sigma, Qt = np.linalg.svd(M)
    X = P.T @ (std * rng.standard_normal((SHAPE[0], RANK)))
    Y = Qt @ (std * rng.standard_normal((SHAPE[1], RANK)))
    return sigma, X, Y


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("std", [1e-2, 1e-4])
@pytest.mark.parametrize(("kappa", "schedule"), [(1.5, "slow"), (1.5, "power"), (5, "constant")])
def test_iterations_of_plain_runs(noise, std, kappa, schedule):
    sigma, X, Y = instance(1, kappa, std, noise)
    steps = {
        "slow": Constant(0.1 / sigma[0]),
        "constant": Constant(0.5 / sigma[0]),
        "power": PowerDecay(0.3 / sigma[0], 0.55),
    }[schedule]
    tol = 1e-7
    measured = steps_of_plain_loop(sigma, X, Y, steps, RANK, tol)
    rows = 40 if noise else RANK
    known = forecast(sigma, RANK, steps, tol, start=seen(X, Y, rows)).iterations
    assert known == pytest.approx(measured, rel=0.1)
    # With few leading values other modes of the noise count as rows without any; with s0 also luck.
    few = forecast(sigma[:4], RANK, steps, tol, start=seen(X, Y, 4)).iterations
    assert 0.6 < few / measured < 1.6
    typical = typical_s0(std, RANK)
    blind = forecast(sigma[:4], RANK, steps, tol, s0=typical, outside=std**2 * 60)
    assert 0.5 < blind.iterations / measured < 2


def start_of(rng, kind, d, r, size):
    """A start of d×r in singular coordinates, in units of √σ₁."""
    X, Y = size / math.sqrt(d) * rng.standard_normal((2, d, r))
    if kind == "balanced":
        X, Y = (size * np.linalg.qr(Z)[0] for Z in (X, Y))
    return (X * 100**0.25, Y / 100**0.25) if kind == "unbalanced" else (X, Y)


AWAITED = 8000
SCHEDULES = {"constant": (0.5, None), "δ = 0.05": (0.3, 0.55), "δ = 0.2": (0.3, 0.7)}


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", ["gaussian", "balanced", "unbalanced"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@given(
    seed=st.integers(0, 2**32 - 1),
    rank_of_M=st.integers(1, 4),
    more=st.integers(-1, 3),
    kappa=st.floats(1.2, 20.0),
    small=st.booleans(),
    noise=st.booleans(),
)
@settings(max_examples=5)
def test_a_run_takes_what_was_forecast_within_a_factor_of_three(
    schedule, kind, weight, seed, rank_of_M, more, kappa, small, noise
):
    """From the leading r + 8 modes alone; a run that is not awaited must not be called short."""
    rng, r = np.random.default_rng(seed), max(rank_of_M + more, 1)
    k, sigma = min(r, rank_of_M), np.zeros(30)
    if power := SCHEDULES[schedule][1]:  # decaying steps take the power 1/(1 − p) of the flow time
        kappa, small = kappa ** (0.3 if power > 0.6 else 0.6), False
    sigma[:rank_of_M] = np.geomspace(1, 1 / kappa, rank_of_M)
    if noise and r <= rank_of_M:
        sigma[rank_of_M:] = 0.3 * sigma[rank_of_M - 1] * np.sort(rng.random(30 - rank_of_M))[::-1]
    if len(sigma) > k and sigma[k] > 0.97 * sigma[k - 1]:
        sigma[k:] *= 0.9  # a near tie takes longer than a test may
    X, Y = start_of(rng, kind, 30, r, 0.01 if small else 0.1)
    first, power = SCHEDULES[schedule]
    unit = first / max(1.0, weight)
    steps = Constant(unit) if power is None else PowerDecay(unit, power)
    found = forecast(
        sigma[: r + 8], k, steps, 1e-8, start=seen(X, Y, r + 8), weight=weight, accuracy=0.05
    )
    measured = steps_of_plain_loop(sigma, X, Y, steps, k, 1e-8, weight, AWAITED)
    if measured is None:
        assert found.iterations > AWAITED / 3
    else:
        assert measured / 3 <= found.iterations <= max(3 * measured, 10)


def test_a_balance_term_has_taken_the_imbalance_before_the_end():
    sigma = np.append(np.geomspace(1, 1 / 18, 3), np.zeros(27))
    X, Y = start_of(np.random.default_rng(1), "unbalanced", 30, 3, 0.3)
    steps = Constant(0.5)
    found = forecast(sigma, 3, steps, 1e-4, start=seen(X, Y), weight=1.0).iterations
    # The bound is above what is left: forecasts of such runs were 0.9 to 1.3 of them.
    assert found == pytest.approx(steps_of_plain_loop(sigma, X, Y, steps, 3, 1e-4, 1.0), rel=0.3)


@given(
    seed=st.integers(0, 2**32 - 1),
    r=st.integers(1, 5),
    rank_of_M=st.integers(1, 5),
    size=st.sampled_from([1e-160, 1e-80, 1e-8, 0.1, 10.0, 1e8, 1e50]),
    lean=st.sampled_from([1.0, 1e3, 1e6]),
    scale=st.sampled_from([1e-50, 1.0, 1e50]),
    weight=st.sampled_from([0.0, 0.3, 1.0, 30.0]),
    power=st.sampled_from([None, 0.55, 1.0]),
)
def test_every_start_has_a_forecast_and_every_run_without_an_end_a_reason(
    seed, r, rank_of_M, size, lean, scale, weight, power
):
    rng, k, sigma = np.random.default_rng(seed), min(r, rank_of_M), np.zeros(8)
    sigma[:rank_of_M] = scale * np.sort(rng.random(rank_of_M) + 0.1)[::-1]
    X, Y = size * math.sqrt(scale) * rng.standard_normal((2, 8, r))
    X, Y = X * lean, Y / lean
    X[:, : rng.integers(0, 2)] = 0
    steps = Constant(0.5 / sigma[0]) if power is None else PowerDecay(0.3 / sigma[0], power)
    found = forecast(sigma, k, steps, 1e-10, start=seen(X, Y), weight=weight, accuracy=0.05)
    assert not math.isnan(found.log10_iterations)
    assert math.isfinite(found.log10_iterations) or found.note


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("make", ["equal columns", "a zero column", "all alike", "nothing"])
def test_a_start_that_lacks_a_direction_has_a_forecast_all_the_same(make, weight):
    rng = np.random.default_rng(1)
    X, Y = 0.1 * rng.standard_normal((2, 6, 2))
    if make == "all alike":
        X[:] = Y[:] = 0.1
    else:
        last = {"equal columns": 0, "a zero column": None, "nothing": None}[make]
        X[:, 1], Y[:, 1] = (X[:, 0], Y[:, 0]) if last == 0 else (0, 0)
        if make == "nothing":
            X[:] = Y[:] = 0
    sigma = np.array([3.0, 2.0, 1.0])
    for steps in (Constant(0.1), PowerDecay(0.1, 0.55)):
        found = forecast(sigma, 2, steps, 1e-10, start=seen(X, Y, 3), weight=weight)
        assert math.isinf(found.log10_iterations)
        assert "must leave a saddle" in found.note
        # Of one component there is enough of it.
        alone = forecast(sigma[:1], 1, steps, 1e-10, start=seen(X, Y, 1), weight=weight)
        assert math.isfinite(alone.log10_iterations) is (make != "nothing")


@given(st.floats(1e-12, 1e-3), st.floats(1e-10, 1e-3), st.floats(0.1, 10))
def test_rank_one_flow_time_is_the_logistic_curve(s0, tol, sigma):
    start = s0 * sigma
    found = forecast(np.array([sigma]), 1, Constant(1e-6 / sigma), tol, s0=start)
    # The gap of a rank 1 flow is (1 − a²/σ)², a² the logistic curve.
    eps = math.sqrt(tol) * sigma
    exact = math.log((sigma / start - 1) * (sigma / eps - 1)) / (2 * sigma)
    assert found.flow_time == pytest.approx(exact, rel=1e-9)
    assert found.iterations == pytest.approx(exact / 1e-6 * sigma, rel=1e-5)


def test_the_formula_with_two_logarithms_bounds_it_at_exact_rank():
    sigma, X, Y = instance(2, 5, 1e-4, 0.0)
    A = 0.5 * (X[:RANK] + Y[:RANK])
    alone = Start(A, A, A.T @ A, A.T @ A)
    found = forecast(sigma[:RANK], RANK, Constant(0.1), 1e-6, start=alone)
    low = sigma[RANK - 1]
    s0 = np.linalg.svd(A, compute_uv=False)[-1] ** 2
    assert found.s0 == pytest.approx(s0, rel=1e-9)
    formula = (math.log(low / s0) + math.log(1e3)) / (2 * low)
    assert 0.6 * formula < found.flow_time < 1.01 * formula


@pytest.mark.parametrize(("eps", "log10"), [(0.5, 292), (0.1, 990), (0.01, 4551)])
def test_theorem_3_1_takes_astronomically_many_iterations(eps, log10):
    # r = 1, σ₁ = ‖M‖ = 1, d = 100, entries of variance ε/d², to a residual of ε. The numbers
    # to compare with are of single draws, whose s₀ were 0.08 to 1.5 ε/d²: a few per cent of log₁₀T.
    schedule = theorem_3_1(eps, 1, 1.0)
    found = forecast(np.array([1.0]), 1, schedule, eps**2, s0=0.5 * eps / 100**2)
    assert found.log10_iterations == pytest.approx(log10, rel=0.15)
    assert "decay too fast" in found.note
    assert "10^" in found.text


def test_the_other_schedules():
    sigma = np.array([1.0])
    slow = forecast(sigma, 1, certified(0.1, 1.0), 1e-10, s0=1e-4)
    fast = forecast(sigma, 1, theorem_3_2(0.1, 1.0), 1e-10, s0=1e-4)
    assert 1.9 < slow.iterations / fast.iterations < 2.1


def test_what_never_ends_says_why():
    long = forecast(np.array([1.0]), 1, Constant(1.5), 1e-8, s0=1e-4)
    assert "too long" in long.note
    away = np.array([[0.0], [1.0]])
    stuck = forecast(np.array([1.0, 0.5]), 1, Constant(0.1), 1e-8, start=seen(away, away))
    assert "saddle" in stuck.note
    assert stuck.text == "no end"
    # What a spare column holds goes to zero like 1/τ, and is never nothing.
    two = 0.1 * np.eye(2)
    exact = forecast(np.array([1.0, 0.0]), 1, Constant(0.1), 0.0, start=seen(two, two))
    assert math.isinf(exact.iterations)
    assert "columns beyond 1" in exact.note


def test_a_tie_costs_nothing_because_either_direction_is_optimal():
    tie = forecast(np.array([1.0, 0.5, 0.5]), 2, Constant(0.1), 1e-8, s0=1e-4)
    alone = forecast(np.array([1.0, 0.5, 0.0]), 2, Constant(0.1), 1e-8, s0=1e-4)
    assert tie.iterations == pytest.approx(alone.iterations, rel=0.1)


def test_the_zero_matrix_takes_nothing():
    assert forecast(np.zeros(2), 1, Constant(0.1), 1e-8, s0=1e-4).iterations == 0.0


def test_a_step_beyond_the_largest_mode_is_too_long_for_all():
    sigma = np.array([1.0, 0.2])
    assert "too long" in forecast(sigma, 2, Constant(1.5), 1e-8, s0=1e-4).note
