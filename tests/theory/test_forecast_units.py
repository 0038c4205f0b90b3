"""The forecast in other units of M."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfact.schedules import Constant
from mfact.theory.forecast import Start, forecast


def grams(X, Y):
    return Start(X, Y, X.T @ X, Y.T @ Y)


@pytest.mark.parametrize("scale", [1e-49, 1.0, 1e49])
@pytest.mark.parametrize("weight", [0.0, 0.01, 1.0])
def test_the_units_of_the_matrix_change_nothing(scale, weight):
    # From a start far too large, where squares of what is left leave the floats in small units.
    X, Y = 100 * np.random.default_rng(9).standard_normal((2, 20, 3))
    one = forecast(np.ones(1), 1, Constant(0.5), 1e-10, start=grams(X, Y), weight=weight)
    root = math.sqrt(scale)
    start, steps = grams(root * X, root * Y), Constant(0.5 / scale)
    found = forecast(np.full(1, scale), 1, steps, 1e-10, start=start, weight=weight)
    # Bisection to 1e-12, and rounding in the scales.
    assert found.log10_iterations == pytest.approx(one.log10_iterations, rel=1e-9)
    assert found.flow_time * scale == pytest.approx(one.flow_time, rel=1e-9)
    assert found.s0 / scale == pytest.approx(one.s0, rel=1e-9)
