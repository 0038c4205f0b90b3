"""A loss far below ½‖M‖² is taken from Gram matrices: their rounding contradicts no claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix

from mfact.core import eps_of
from mfact.problems.factorization import Factorization
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget
from mfact.theory.monitoring import rounding_of_fit


@given(st.integers(0, 10**6), st.sampled_from(["float64", "float32"]))
def test_the_rounding_of_a_fit_covers_what_the_plain_engine_makes_of_it(seed, dtype):
    """Near an optimum that is far below ‖M‖, where the Gram matrices leave little."""
    rng = np.random.default_rng(seed)
    wide = np.longdouble if dtype == "float64" else np.float64
    shape = rng.integers(2, 40, 2)
    U, V = (rng.standard_normal((n, 2)) for n in shape)
    M = (U @ V.T + 10.0 ** rng.uniform(-8, 0) * rng.standard_normal(shape)).astype(dtype)
    problem = Factorization(DenseTarget(M))
    loss = problem.evaluate((U, V)).value
    R = U.astype(wide) @ V.T.astype(wide) - M.astype(wide)
    exact = float(0.5 * np.sum(R * R))
    assert abs(loss - exact) <= rounding_of_fit(exact, problem.scale, eps_of(problem.target))


@pytest.mark.parametrize(
    ("schedule", "tol"),
    [("constant", 1e-10), pytest.param("certified", 1e-9, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_steps_that_decrease_the_loss_are_found_to_whatever_is_left_of_it(engine, schedule, tol):
    """f ends at 2e-4 of ½‖M‖², and its last decreases are below the rounding of ½‖M‖²."""
    M = matrix(np.random.default_rng(2), (12, 6), [600.0, 12.0, 9.5, 5.0, 3.0, 2.0])[0]
    run = solve(M, rank=2, schedule=schedule, seed=1, engine=engine, tol=tol, force=True)
    claims = {claim.name: claim for claim in run.claims}
    assert claims["drift-bound"].verdict == "holds"
    if schedule == "certified":
        assert claims["certified"].verdict == "holds"
