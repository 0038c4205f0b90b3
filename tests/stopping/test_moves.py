"""Where a run is at rest, of methods whose steps are not η‖∇f‖ long."""

from __future__ import annotations

import re
from dataclasses import replace

import matrices
import numpy as np
import pytest
from rows_by_hand import RULES, at, find, rows

from mfact.core import Outcome
from mfact.methods.choice import METHODS
from mfact.run.solve import solve
from mfact.stopping import StopWatch

KEEPING = replace(RULES, lasting=10.0)
ZERO = at(10, _5=0.0)


def test_a_velocity_goes_on_where_the_gradient_is_zero():
    assert find(KEEPING, rows(gradient_norm=ZERO, move=np.full(10, 1e-3))) is None
    # Of a method that keeps nothing it would not.
    assert find(RULES, rows(gradient_norm=ZERO, move=np.full(10, 1e-3))).index == 5


def test_a_velocity_that_turns_is_no_rest():
    """u = 0 for one step, and the next is of −η∇f alone."""
    assert find(KEEPING, rows(gradient_norm=np.ones(10), move=ZERO)) is None
    assert find(RULES, rows(gradient_norm=np.ones(10), move=ZERO)).index == 5


@pytest.mark.parametrize(("share", "rests"), [(0.99, True), (1.01, False)])
def test_a_velocity_may_be_what_rounding_has_made_of_it(share, rests):
    """2 ε lasting ‖(U, V)‖, which gradients that are rounding add up to; ‖(U, V)‖ is √2."""
    most = 2 * RULES.eps * KEEPING.lasting * np.sqrt(2)
    found = find(KEEPING, rows(gradient_norm=ZERO, move=np.full(10, share * most)))
    assert (found is not None) == rests
    if found is not None:
        assert (found.index, found.outcome, found.needs) == (5, Outcome.STALLED, "kind")


def test_a_step_is_as_long_as_it_moves_the_factors():
    """Scaled steps are longer than η‖∇f‖, or shorter."""
    small = rows(step_size=np.full(10, 1e-18), gradient_norm=np.ones(10))
    assert find(table=small).index == 0
    assert find(table=small | {"move": np.full(10, 1e-3)}) is None
    assert find(table=rows(move=at(10, _4=1e-18))).index == 4


def test_a_run_past_the_largest_number_diverges_without_a_warning():
    table = rows(loss=at(10, _3=np.inf), size_U=at(10, _3=np.inf), gradient_norm=at(10, _3=np.nan))
    assert find(replace(RULES, tol=0.0), table).outcome is Outcome.DIVERGED
    blind = StopWatch(replace(RULES, tol=0.0)).find(table, 0.0, False, blind=True)
    assert blind.outcome is Outcome.DIVERGED


ENGINES = [(m, e) for m in METHODS for e in ("direct", "reduced") if (m, e) != ("adam", "reduced")]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "engine"), ENGINES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_method_comes_to_rest_and_not_before(method, engine, dtype):
    """Where no tolerance ends it: the gradient is rounding, and the gap of the SVD zero."""
    M = matrices.noisy(np.random.default_rng(3), (30, 20), [1, 0.5, 0.3], 0.001).astype(dtype)
    result = solve(M, rank=3, method=method, engine=engine, seed=1, dtype=dtype, optimum=False,
                   schedule="constant", tol_gradient=0.0, max_iter=20_000)  # fmt: skip
    reason = "the steps are too small to change the factors any more"
    assert result.message.startswith(reason)
    assert result.outcome in (Outcome.GLOBAL_OPTIMUM, Outcome.STALLED)
    sigma = np.linalg.svd(np.asarray(M, float), compute_uv=False)
    off = np.linalg.norm(result.U.astype(float) @ result.V.T.astype(float) - M) ** 2
    gap = (off - np.sum(sigma[3:] ** 2)) / sigma[2] ** 2
    assert gap <= 100 * np.finfo(dtype).eps
    assert result.summary["gradient_norm"] <= 100 * np.finfo(dtype).eps


BOUNCING = {
    "gradient-descent": {"step_size": 1.05},
    "momentum": {"step_size": 1.35, "momentum": 0.1},
    "nesterov": {"step_size": 1.05, "momentum": 0.1},
    "scaled": {"step_size": 1.5, "damping": 2.0},
    "adam": {"step_size": 0.3},
}


@pytest.mark.parametrize("method", BOUNCING)
def test_patience_ends_a_run_that_bounces_or_hovers_and_the_step_it_names_converges(method):
    M = matrices.noisy(np.random.default_rng(3), (12, 9), [1, 0.5], 0.01)
    options = {"rank": 2, "method": method, "seed": 1, "schedule": "constant", "patience": 50}
    result = solve(M, force=True, max_iter=5000, **options, **BOUNCING[method])
    assert result.outcome is Outcome.STALLED
    assert result.message.startswith("the loss did not decrease for 50 steps; ")
    way = r"; raise --patience, use --step-size ([\d.e-]+), or loosen --tol$"
    step = float(re.search(way, result.message)[1])
    again = solve(M, max_iter=5000, **options, **{**BOUNCING[method], "step_size": step})
    assert again.outcome is Outcome.GLOBAL_OPTIMUM
