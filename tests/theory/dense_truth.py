"""What the dense Hessian and the gradient know of a certificate."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import flat, gradient_norm, hessian, objective

# Rounding of sums of some ten terms of at most 30, at points of size 3 and less.
ROUNDING = 1e-12


def held_to_the_truth(found, M, U, V, weight):
    """Every number of a certificate that the dense Hessian and the gradient know."""
    H = hessian(M, U, V, weight)
    values = np.linalg.eigvalsh(H)
    d = flat(found.direction)
    assert np.linalg.norm(d) == pytest.approx(1.0, rel=1e-10)
    assert d @ H @ d == pytest.approx(found.curvature, abs=ROUNDING)
    off = np.linalg.norm(H @ d - found.curvature * d)
    assert found.curvature_residual == pytest.approx(off, abs=10 * ROUNDING)
    near = np.abs(values - found.curvature).min()
    assert near <= found.curvature_residual + ROUNDING
    assert found.curvature >= values[0] - ROUNDING
    assert found.curvature_floor <= values[0] + ROUNDING
    expected = gradient_norm(M, U, V, weight)
    assert found.gradient_norm == pytest.approx(expected, rel=1e-9, abs=1e-13)
    imbalance = np.linalg.norm(U.T @ U - V.T @ V)
    assert found.imbalance == pytest.approx(imbalance, rel=1e-9, abs=1e-13)
    assert found.loss == pytest.approx(objective(M, U, V), rel=1e-12)
    sigma_1 = np.linalg.norm(M, 2)
    assert found.scale <= sigma_1 * (1 + 1e-12)
    assert found.rounding == pytest.approx(64 * 2.0**-52 * found.scale, abs=0.0)
    assert found.relative_gradient == pytest.approx(found.gradient_norm / found.scale**1.5)
