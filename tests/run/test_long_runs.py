"""A hundred thousand steps in bases are those of the plain loop."""

import numpy as np
import pytest
from matrices import matrix

from mfact.run.solve import solve

LONG = {
    "near tie": [3.0, 2.0, 1.999, 1.0],
    "graded": 10.0 ** -np.arange(8.0),
    "slow": 1 / np.sqrt(np.arange(1.0, 31.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("spectrum", LONG)
def test_a_hundred_thousand_steps_are_those_of_the_plain_loop(spectrum, order):
    """Measured: 3e-15 to 2e-13 apart, where the bound is 9e-11."""
    M = matrix(np.random.default_rng(3), (60, 40), LONG[spectrum])[0]
    M, steps = np.asarray(M, order=order), 100_000
    options = {"rank": 3, "schedule": "constant", "seed": 2, "start_scale": 1e-3, "optimum": False}
    options |= {"step_size": 0.5 / LONG[spectrum][0], "min_iter": steps, "max_iter": steps}
    bases, plain = (solve(M, engine=name, **options) for name in ("reduced", "direct"))
    off = np.linalg.norm(np.vstack([bases.U - plain.U, bases.V - plain.V]))
    off /= np.linalg.norm(np.vstack([plain.U, plain.V]))
    assert off <= min(bases.summary["distance_bound"], 1e-12)
    assert bases.summary["distance_bound"] <= 1e-9
