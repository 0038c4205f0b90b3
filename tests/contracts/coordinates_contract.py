"""What all coordinates must hold to: they read a point, and change nothing of it."""

from __future__ import annotations

import numpy as np
from matrices import setting

from mfact.core import Factors

SHAPE, RANK = (30, 20), 3


class CoordinatesContract:
    """state(M, start) is a state at that start in such coordinates."""

    def state(self, M, start):
        raise NotImplementedError

    def setting(self):
        return setting(8, SHAPE, RANK, 0.3)

    def test_they_leave_to_the_factors_they_were_entered_with(self):
        M, start = self.setting()
        state = self.state(M, start)
        left = state.coordinates.leave(state.point)
        assert isinstance(left, Factors)
        for mine, truth in zip(left, start, strict=True):
            assert mine.shape == truth.shape
            assert np.allclose(mine, truth, atol=1e-13)

    def test_small_factors_have_the_same_products(self):
        """XᵀX = UᵀU and YᵀY = VᵀV: what D and the sizes are made of."""
        M, start = self.setting()
        state = self.state(M, start)
        X, Y = state.coordinates.factors(state.point)
        assert np.allclose(X.T @ X, start.U.T @ start.U, atol=1e-13)
        assert np.allclose(Y.T @ Y, start.V.T @ start.V, atol=1e-13)
        assert np.allclose(state.ledger.start[0], X.T @ X - Y.T @ Y, atol=1e-13)

    def test_what_they_show_of_the_optimum_is_true(self):
        M, start = self.setting()
        state = self.state(M, start)
        co, sigma = state.coordinates, np.linalg.svd(M, compute_uv=False)
        above = co.above(state.point)
        assert (above is None) == (co.optimum is None)
        if above is not None:
            loss = 0.5 * np.linalg.norm(start.U @ start.V.T - M) ** 2
            assert np.isclose(above + co.optimum.floor, loss, rtol=1e-12)
            assert co.optimum.floor >= 0.5 * np.sum(sigma[RANK:] ** 2) - 1e-12 * loss
            assert np.all(np.array(co.optimum.values) <= sigma[: RANK + 1] + 1e-12)

    def test_bases_are_orthonormal_and_counted(self):
        M, start = self.setting()
        co = self.state(M, start).coordinates
        assert co.orthogonality() <= 1e-13
        assert (co.size is None) == (co.passes == 0)
