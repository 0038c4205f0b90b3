"""How many steps methods take with what is chosen for them, beside gradient descent's."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import matrix

from mfact.core import Outcome
from mfact.run.solve import solve
from mfact.settings import SweepSettings
from mfact.studies.sweep import sweep

pytestmark = pytest.mark.slow

SHAPE, SMALLER = (80, 70), (25, 20)
RANK, SEEDS = 3, 20
GAP = 1e-10


def spectrum(condition, tail, shape=SHAPE):
    """From 1 to 1/κ evenly, and from 0.3/κ to nothing."""
    head = np.linspace(1, 1 / condition, RANK)
    rest = np.linspace(0.3, 0, min(shape) - RANK, endpoint=False) / condition
    return np.append(head, rest) if tail else head


def solved(M, method):
    """Steps of each seed, as by default but that gradient descent takes 0.5/σ₁ at all of them."""
    steps = []
    for seed in range(SEEDS):
        result = solve(M, rank=RANK, seed=seed, method=method, schedule="constant", tol=GAP)
        assert result.outcome is Outcome.GLOBAL_OPTIMUM
        steps.append(result.summary["iterations"])
    return np.array(steps)


def swept(condition, tail, method, count=100):
    """Of so many starts at once of a smaller matrix, in its singular vectors."""
    c_step = 0.5 if method == "gradient-descent" else None
    settings = SweepSettings(
        rank=RANK, method=method, c_step=c_step, seeds=count, tol=GAP**0.5, seed=1
    )
    runs = sweep(spectrum(condition, tail, SMALLER), SMALLER, settings)
    assert runs.converged == count
    return runs.hits[-1]


@pytest.mark.parametrize("tail", [False, True])
def test_momentum_takes_a_fifth_of_the_steps_of_gradient_descent(tail):
    M = matrix(np.random.default_rng(1), SHAPE, spectrum(100, tail))[0]
    plain = solved(M, "gradient-descent")
    for method in ("momentum", "nesterov"):
        assert (solved(M, method) <= 0.2 * plain).all()


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("condition", [5, 100])
def test_scaled_steps_do_not_grow_with_the_condition(condition, tail):
    M = matrix(np.random.default_rng(1), SHAPE, spectrum(condition, tail))[0]
    assert solved(M, "scaled").max() <= 70


@pytest.mark.parametrize("tail", [False, True])
def test_so_it_is_from_many_starts(tail):
    """Five times as many, each beside gradient descent from the same one."""
    plain = swept(100, tail, "gradient-descent")
    for method in ("momentum", "nesterov"):
        assert (swept(100, tail, method) <= 0.2 * plain).all()
    for condition in (5, 100):
        for method in ("scaled", "alternating-scaled"):
            assert swept(condition, tail, method).max() <= 70
