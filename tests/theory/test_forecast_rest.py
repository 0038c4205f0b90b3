"""What a start holds off the leading singular directions, in a forecast."""

from __future__ import annotations

import math
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import iterates, objective

from mfact.schedules import Constant
from mfact.theory.forecast import Start, forecast


@given(st.integers(0, 2**32 - 1), st.floats(-1, 1))
def test_a_singular_value_that_is_rounding_is_forecast_like_none(seed, likeness):
    """Of (1, 1e-17) as of (1) alone: for X = −Y there, too, where (X + Y)/2 is zero."""
    rng = np.random.default_rng(seed)
    first, other = rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.2)
    X, Y = np.array([[first], [other]]), np.array([[first], [likeness * other]])
    grams = X.T @ X, Y.T @ Y
    schedule, tol = Constant(0.1), 1e-10
    alone = forecast(np.array([1.0]), 1, schedule, tol, start=Start(X[:1], Y[:1], *grams))
    both = forecast(np.array([1.0, 1e-17]), 1, schedule, tol, start=Start(X, Y, *grams))
    assert both.log10_iterations == pytest.approx(alone.log10_iterations, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.05), st.sampled_from([1.0, -1.0]))
def test_what_x_and_y_do_not_share_is_waited_for(seed, after, sign):
    """Two modes, by the plain loop: X − Y falls like e^{−σ₂τ}, and counts as if it stayed."""
    rng = np.random.default_rng(seed)
    first, other = rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.2)
    x, y = np.array([first, other]), np.array([first, sign * other])
    sigma, eta, tol = np.array([1.0, after]), 0.02, 1e-8
    start = Start(x[:, None], y[:, None], np.array([[x @ x]]), np.array([[y @ y]]))
    told = forecast(sigma, 1, Constant(eta), tol, start=start).log10_iterations
    M = np.diag(sigma)
    points = enumerate(iterates(M, x[:, None], y[:, None], repeat(eta)))
    steps = next(t for t, point in points if 2 * objective(M, *point) - after**2 <= tol)
    assert told == pytest.approx(math.log10(steps), abs=math.log10(1.06))


@given(st.integers(0, 2**32 - 1))
def test_the_rest_is_what_x_minus_y_and_rows_beyond_hold(seed):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((2, 9, 3))
    start = Start(X[:7], Y[:7], X.T @ X, Y.T @ Y)
    B, beyond = 0.5 * (X - Y)[2:6], np.concatenate([X[6:], Y[6:]])
    assert np.allclose(start.rest(2, 6), B.T @ B + 0.5 * beyond.T @ beyond, atol=1e-13)
