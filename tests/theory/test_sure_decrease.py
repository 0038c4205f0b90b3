"""What a point may surely still come down by is not made of rounding."""

from __future__ import annotations

import numpy as np
import pytest

from mfact.problems.optimum import optimum_of
from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import GLOBAL_OPTIMUM, certify


@pytest.mark.parametrize("seed", range(40))
def test_in_float32_near_an_optimum(seed):
    """The loss itself bounds the gap of a matrix of rank 1, whatever slope and curvature seem."""
    rng = np.random.default_rng(seed)
    d1, d2 = rng.integers(3, 30, 2)
    u, v = rng.standard_normal((d1, 1)), rng.standard_normal((d2, 1))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    M = (u @ v.T).astype(np.float32)
    ratio = 10 ** rng.uniform(0, 2)
    off = 10 ** rng.uniform(-7, -5.2)
    U = (ratio * (u + off * rng.standard_normal(u.shape) / d1)).astype(np.float32)
    V = ((v + off * rng.standard_normal(v.shape) / d2) / ratio).astype(np.float32)
    loss = 0.5 * np.linalg.norm(U.astype(float) @ V.T.astype(float) - M) ** 2
    sigma = np.linalg.svd(M.astype(float), compute_uv=False)
    known = optimum_of(sigma[:2], 1, floor=0.5 * float(np.sum(sigma[1:] ** 2)))
    found = certify(DenseTarget(M), U, V, optimum=known, loss=float(loss), tol=1e-10)
    assert found.gap <= loss / known.unit * (1 + 1e-12)
    assert found.kind == GLOBAL_OPTIMUM
