"""Second derivatives against differences of first ones; lines against the objective itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import objective

from mfact.core import Factors
from mfact.problems import factorization
from mfact.theory.hessian import hessian_product, line_coefficients, line_minimum

WEIGHTS = st.sampled_from([0.0, 0.4, 1.0])


def gradient(products, U, V, weight):
    return Factors(*factorization.gradient(U, V, *products(U, V), weight)[:2])


def instance(seed, r):
    rng = np.random.default_rng(seed)
    shapes = (8, 6), (8, r), (6, r), (8, r), (6, r)
    M, U, V, dU, dV = (rng.standard_normal(shape) for shape in shapes)
    return M, U, V, dU, dV, lambda A, B: (M @ B, M.T @ A)


@given(st.integers(0, 10**6), st.integers(1, 4), WEIGHTS)
def test_gradient_and_hessian_are_derivatives(seed, r, weight):
    M, U, V, dU, dV, products = instance(seed, r)
    h = 1e-5  # error h² of the differences, and rounding 1e-15·100/h
    plus, minus = (objective(M, U + s * dU, V + s * dV, weight) for s in (h, -h))
    grad = gradient(products, U, V, weight)
    slope = np.sum(grad.U * dU) + np.sum(grad.V * dV)
    assert (plus - minus) / (2 * h) == pytest.approx(slope, rel=1e-6, abs=1e-5)
    up, down = (gradient(products, U + s * dU, V + s * dV, weight) for s in (h, -h))
    H = hessian_product(products, U, V, dU, dV, weight)
    for a, b, exact in zip(up, down, H, strict=True):
        assert np.allclose((a - b) / (2 * h), exact, rtol=1e-6, atol=1e-6)


@given(st.integers(0, 10**6), st.integers(1, 4), WEIGHTS)
def test_the_objective_along_a_line_is_the_quartic(seed, r, weight):
    M, U, V, dU, dV, products = instance(seed, r)
    grad = gradient(products, U, V, weight)
    H = hessian_product(products, U, V, dU, dV, weight)
    slope = np.sum(grad.U * dU) + np.sum(grad.V * dV)
    curvature = np.sum(H.U * dU) + np.sum(H.V * dV)
    line = line_coefficients(U, V, dU, dV, slope, curvature, weight)
    start = objective(M, U, V, weight)
    for s in (-1.5, 0.3, 2.0):
        value = sum(c * s**k for k, c in enumerate(line, 1))
        direct = objective(M, U + s * dU, V + s * dV, weight) - start
        assert value == pytest.approx(direct, rel=1e-11, abs=1e-10 * start)


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.floats(0.05, 3))
def test_the_minimum_of_a_quartic_is_below_a_fine_grid(lower, c4):
    line = (*lower, c4)
    s, value = line_minimum(line)
    grid = np.linspace(-80, 80, 80001)  # minima lie within |s| ≤ 1 + 3·3/(4·0.05) < 50
    values = sum(c * grid**k for k, c in enumerate(line, 1))
    assert value <= values.min() + 1e-9
    assert value == pytest.approx(sum(c * s**k for k, c in enumerate(line, 1)), abs=1e-9)


def test_a_line_without_a_minimum_is_refused():
    with pytest.raises(ValueError, match="no minimum"):
        line_minimum((0.0, -1.0, 0.0, 0.0))
    assert line_minimum((0.0, 1.0, 0.0, 0.0)) == (0.0, 0.0)
