"""The update of the paper, both factors from the old point."""

from __future__ import annotations

import numpy as np
from contracts.method_contract import MethodContract
from oracles import plain_loop

from mfact.methods.choice import METHODS
from mfact.methods.gradient_descent import GradientDescent


class TestGradientDescent(MethodContract):
    method = GradientDescent()

    def test_both_factors_move_from_the_old_point(self):
        problem, (U, V) = self.setting(1.0)
        M = problem.target.products(np.eye(len(U)), np.eye(len(V)))[0]
        states, _ = self.states(problem, (U, V))
        expected = plain_loop(M, U, V, [0.02] * 40, 1.0)[-1]
        for part, truth in zip(states[-1].point, expected, strict=True):
            assert np.allclose(part, truth, atol=1e-12)


def test_it_is_the_method_of_its_name():
    assert METHODS["gradient-descent"] == GradientDescent()
