"""Numerical rank and the unit of a gap, to the formula: each factor on both sides of its limit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfact.core import LEAST_TOLERANCE
from mfact.problems.optimum import attainable, fitted_rank, numerical_rank, optimum_of, zero_below
from mfact.targets.holders import stored_eps

EPS = 2.0**-52


@given(
    shape=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    sigma_1=st.floats(1e-3, 1e3),
    spread=st.floats(1, 30),
)
def test_the_limit_of_zero_is_the_larger_of_its_two_bounds(shape, sigma_1, spread):
    norm, side = spread * sigma_1, max(shape) ** 0.5
    assert zero_below(norm, sigma_1, shape, 0.0, EPS) == pytest.approx(side * EPS * sigma_1)
    assert zero_below(norm, sigma_1, shape, 2.0**-10, EPS) == pytest.approx(norm * 2.0**-11)
    assert zero_below(norm, sigma_1, shape, 0.0, 2.0**-23) == pytest.approx(
        side * 2.0**-23 * sigma_1
    )


@pytest.mark.parametrize("kind", ["f2", "f4"])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_on_storage_makes_no_rank(kind, seed):
    """Weyl: no singular value moves by more than ½ε_s‖M‖_F."""
    rng = np.random.default_rng(seed)
    d1, d2, rank = rng.integers(20, 90), rng.integers(20, 90), rng.integers(1, 6)
    M = rng.standard_normal((d1, rank)) @ rng.standard_normal((rank, d2))
    stored = M.astype(kind).astype(float)
    sigma = np.linalg.svd(stored, compute_uv=False)
    zero = zero_below(np.linalg.norm(stored), sigma[0], M.shape, stored_eps(kind), EPS)
    assert numerical_rank(sigma, zero) == rank
    assert numerical_rank(sigma, zero_below(1, sigma[0], M.shape, 0.0, EPS)) > rank


def test_what_is_fitted_is_at_least_one_and_at_most_the_rank_asked_for():
    values = [3.0, 1.0, 0.5, 1e-20]
    assert [fitted_rank(values, rank, 1e-15) for rank in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert fitted_rank([0.0, 0.0], 2, 1e-15) == 1  # of the zero matrix
    assert numerical_rank(values, 0.5) == 2  # a value at the limit is zero


@given(
    sigma=st.lists(st.floats(0.1, 10), min_size=3, max_size=6).map(lambda s: sorted(s)[::-1]),
    data=st.data(),
)
def test_no_saddle_has_a_gap_that_is_sure(sigma, data):
    """The stationary points are the sets of at most k pairs; the best of them is the optimum."""
    k = data.draw(st.integers(1, len(sigma) - 1))
    squares = np.array(sigma) ** 2
    best = optimum_of(sigma[: k + 1], k, floor=0.5 * float(squares[k:].sum()))
    gaps = [
        best.gap(0.5 * float(squares.sum() - squares[list(pairs)].sum()))
        for n in range(k + 1)
        for pairs in itertools.combinations(range(len(sigma)), n)
    ]
    rounding = 1e-13 * float(squares.sum() / squares[k - 1])
    assume(best.saddle > 4 * rounding)
    saddles = [gap for gap in gaps if gap > rounding]
    assert min(saddles) == pytest.approx(min(best.saddle, *saddles), abs=2 * rounding)
    for tol in (1e-12, 0.5, 2.0):
        assert best.sure(tol) <= tol
        assert best.sure(tol) < best.saddle
    assert best.sure(1e-30) == 1e-30


@pytest.mark.parametrize("k", [1, 2])
def test_the_unit_is_that_of_the_weakest_component(k):
    found = optimum_of([4.0, 2.0, 1.0], k, floor=0.5, error=0.25)
    assert found.unit == 0.5 * (4.0, 2.0)[k - 1] ** 2
    assert found.gap_error == 0.25 / found.unit
    assert found.gap(1.5) == 1 / found.unit
    assert found.gap(0.4) == 0.0


def test_a_value_known_within_an_error_lowers_the_bound_of_saddles():
    assert optimum_of([2.0, 1.0], 1, floor=0.5).saddle == 0.75
    assert optimum_of([2.0, 1.0], 1, floor=0.5, errors=0.5).saddle == 1 - (1.5 / 2) ** 2
    # One that is hardly known leaves a tenth of what is seen, an equal one no saddle at all.
    assert optimum_of([2.0, 1.0], 1, floor=0.5, errors=5.0).saddle == pytest.approx(0.075)
    assert optimum_of([2.0, 2.0], 1, floor=2.0).saddle == 1.0


def test_the_least_gap_that_can_be_told():
    assert attainable(2.0, 0.5, 1e-7) == pytest.approx(16e-14)
    assert attainable(2.0, 0.0, 1e-7) == 0.0
    assert math.isclose(attainable(4.0, 0.5, 1e-7), 4 * attainable(2.0, 0.5, 1e-7))


@pytest.mark.parametrize("tol", [0.0, 1e-13, 1e-9])
@pytest.mark.parametrize(("share", "known"), [(0.99, True), (1.01, False)])
def test_an_optimum_is_known_to_a_tolerance_and_to_no_less_than_the_least(tol, share, known):
    error = share * max(tol, LEAST_TOLERANCE)
    assert optimum_of([2.0, 1.0], 1, floor=0.5, error=2.0 * error).known_to(tol) == known
