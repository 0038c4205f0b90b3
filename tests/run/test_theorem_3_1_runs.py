"""Theorem 3.1 with its own step sizes, to its own ε: thousands of digits of steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles import flat, flow, objective
from scipy.integrate import solve_ivp

from mfact.core import Outcome
from mfact.run.solve import solve
from mfact.starts import directions
from mfact.studies.generate import generate_matrix, geometric_spectrum

LEMMA = ("lemma-3.1-i", "lemma-3.1-ii", "lemma-3.1-iii", "theorem-3.1")
STD = 1e-3


def matrix(condition: float) -> np.ndarray:
    M = generate_matrix((50, 50), geometric_spectrum(3, condition), seed=1)
    return M / np.linalg.norm(M)


@pytest.mark.parametrize("condition", [1.5, 5.0])
@pytest.mark.parametrize("eps", [0.1, 0.01])
def test_the_theorem_holds_at_its_own_steps(condition, eps):
    M = matrix(condition)
    result = solve(
        M, rank=3, schedule="theorem-3.1", eps=eps, start_scale=STD, seed=1, tol=0.0,
        tol_residual=1e-3 * eps,
    )  # fmt: skip
    assert result.outcome is Outcome.CONVERGED
    assert np.linalg.norm(result.U @ result.V.T - M) <= 1e-3 * eps * (1 + 1e-9)
    verdicts = {claim.name: claim.verdict for claim in result.claims}
    assert [verdicts[name] for name in LEMMA] == ["holds"] * 4
    trace, bound = result.trace, 5 * math.sqrt(3)
    assert trace["imbalance"].max() <= eps
    assert np.diff(trace["loss"]).max() <= 1e-15  # rounding of ½‖M‖² = ½
    assert max(trace["size_U"].max(), trace["size_V"].max()) <= bound
    assert result.summary["fast_forward_error"] < 1e-8
    # η_0/(t + 1) reaches a flow time τ after about e^{τ/η_0 − γ} steps.
    first = math.sqrt(eps / 3) / 100
    steps = (result.summary["flow_time"] / first - np.euler_gamma) / math.log(10)
    assert result.summary["log10_iterations"] == pytest.approx(steps, rel=1e-6)
    assert steps > 1000


def test_the_course_is_that_of_the_gradient_flow():
    """Steps this small stay by the flow: the loss at equal flow time differs by O(η_0)."""
    M, eps = matrix(2.0), 0.01
    result = solve(M, rank=3, schedule="theorem-3.1", eps=eps, start_scale=STD, seed=1)
    U, V = (STD * factor for factor in directions("gaussian", (50, 50), 3, 1, "float64"))
    trace = result.trace
    rows = np.flatnonzero((trace["loss"] < 0.45) & (trace["loss"] > 1e-4))[::3]
    times = trace["flow_time"][rows]
    solved = solve_ivp(
        flow(M, 3), (0, times[-1]), flat((U, V)), "DOP853", times, rtol=1e-9, atol=1e-12
    )
    losses = [objective(M, U, V) for U, V in solved.y.T.reshape(-1, 2, 50, 3)]
    # η_0 = 6e-4; the exponential growth from 1e-3 multiplies it by about ln(1/1e-3).
    assert len(rows) >= 5
    assert trace["loss"][rows] == pytest.approx(losses, rel=0.02)
