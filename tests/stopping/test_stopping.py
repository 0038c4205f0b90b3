"""The rules on rows made by hand: which row ends a run, and why."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from rows_by_hand import RULES, at, find, rows

from mfact.core import Outcome
from mfact.stopping import StopWatch


def test_nothing_to_end():
    assert find() is None


def test_the_first_row_within_the_tolerance():
    verdict = find(table=rows(gap=at(10, _4=1e-11, _7=1e-12)))
    assert (verdict.index, verdict.outcome) == (4, Outcome.GLOBAL_OPTIMUM)
    assert verdict.needs == "optimum"
    assert "1.00e-11" in verdict.reason


def test_a_gap_that_is_not_known_ends_nothing():
    assert find(table=rows(gap=np.full(10, np.nan))) is None
    assert find(replace(RULES, tol=None), rows(gap=np.zeros(10))) is None


def test_min_iter_passes_over_early_rows():
    table = rows(gap=at(10, _2=0.0, _6=0.0))
    assert find(replace(RULES, min_iter=5), table).index == 6
    assert find(replace(RULES, min_iter=7), table) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e4])
def test_divergence(bad):
    verdict = find(table=rows(loss=at(10, _3=bad, _4=0.1)))
    assert (verdict.index, verdict.outcome) == (3, Outcome.DIVERGED)
    assert "step 3" in verdict.reason


def test_divergence_is_measured_against_the_start():
    """6e3 is above 1e4 times ½‖M‖², and in bounds when f_0 = 1."""
    assert find(table=rows(loss=at(10, _3=6e3))) is None
    assert find(table=rows(loss=0.5 * at(10, _3=1.2e4))).outcome is Outcome.DIVERGED


def test_divergence_comes_before_min_iter():
    table = rows(loss=at(10, _3=np.nan))
    assert find(replace(RULES, min_iter=9), table).outcome is Outcome.DIVERGED


def test_residual_and_gradient_tolerances():
    table = rows(relative_residual=at(10, _5=1e-4), gradient_norm=at(10, _3=1e-6))
    residual = find(replace(RULES, tol_residual=1e-3), table)
    assert (residual.index, residual.outcome, residual.needs) == (5, Outcome.CONVERGED, "")
    gradient = find(replace(RULES, tol_gradient=1e-5), table)
    assert (gradient.index, gradient.outcome) == (3, Outcome.CONVERGED)
    # At a saddle the gradient is small too.
    assert gradient.needs == "second order"


def test_gradient_tolerance_is_in_units_of_the_matrix():
    """∇f scales like σ₁^(3/2): 4 times the matrix, 8 times the gradient."""
    table = rows(gradient_norm=at(10, _3=7.9e-5))
    scaled = replace(RULES, tol_gradient=1e-5, sigma_1=4.0)
    assert find(scaled, table).index == 3
    assert find(replace(scaled, sigma_1=3.9), table) is None


def test_the_earliest_row_wins_and_a_tolerance_beats_a_limit():
    table = rows(gap=at(10, _8=0.0), relative_residual=at(10, _6=0.0))
    assert find(replace(RULES, tol_residual=1e-9), table).index == 6
    assert find(replace(RULES, max_iter=7), table).outcome is Outcome.ITERATION_LIMIT
    assert find(replace(RULES, max_iter=8), table).outcome is Outcome.GLOBAL_OPTIMUM


def test_limits_and_signals():
    limit = find(replace(RULES, max_iter=6))
    assert (limit.index, limit.outcome) == (6, Outcome.ITERATION_LIMIT)
    late = find(replace(RULES, max_time=2.0), seconds=2.0)
    assert (late.index, late.outcome) == (0, Outcome.TIME_LIMIT)
    assert find(replace(RULES, max_time=2.0), seconds=1.9) is None
    asked = find(interrupted=True, table=rows(loss=np.full(10, np.nan)))
    assert (asked.index, asked.outcome) == (0, Outcome.INTERRUPTED)


def test_patience_counts_steps_without_a_decrease():
    loss = np.r_[1.0, 0.9, 0.8, np.full(7, 0.8 * (1 - 1e-13))]
    verdict = find(replace(RULES, patience=4), rows(loss=loss))
    assert (verdict.index, verdict.outcome, verdict.needs) == (6, Outcome.STALLED, "stall")
    slow = 1.0 - 1e-11 * np.arange(10)
    assert find(replace(RULES, patience=1), rows(loss=slow)) is None


def test_patience_adds_up_decreases_too_small_to_count():
    """3e-13 a step is 1.2e-12 in four: slow, and not stalled."""
    loss = 1.0 - 3e-13 * np.arange(60)
    assert find(replace(RULES, patience=5), rows(60, loss=loss)) is None
    assert find(replace(RULES, patience=3), rows(60, loss=loss)) is not None


@pytest.mark.parametrize("cuts", [(4,), (1, 2, 3), (7,)])
def test_patience_does_not_depend_on_blocks(cuts):
    loss = np.r_[1.0, 0.9, 0.8, np.full(7, 0.8)]
    watch = StopWatch(replace(RULES, patience=4))
    table = rows(loss=loss)
    edges = [0, *cuts, 10]
    steps = []
    for a, b in itertools.pairwise(edges):
        verdict = watch.find({n: c[a:b] for n, c in table.items()}, 0.0, False)
        if verdict is not None:
            steps.append(a + verdict.index)
            break
    assert steps == [6]


def test_going_on_from_its_state_counts_on():
    watch = StopWatch(replace(RULES, patience=6))
    flat = rows(5, loss=np.ones(5))
    assert watch.find(flat, 0.0, False) is None
    again = StopWatch(watch.rules)
    again.restore(watch.state())
    verdict = again.find(rows(5, start=5, loss=np.ones(5)), 0.0, False)
    assert verdict.index == 1


def test_a_denied_verdict_rests():
    rules = replace(RULES, tol_gradient=1.0, patience=2)
    watch = StopWatch(rules)
    assert watch.find(rows(loss=np.ones(10)), 0.0, False).needs == "second order"
    watch.hold(7)
    verdict = watch.find(rows(loss=np.ones(10)), 0.0, False)
    assert verdict.index == 7
    assert watch.find(rows(loss=np.ones(10)), 0.0, False, only_proved=True) is None


def test_still_when_steps_are_below_rounding():
    table = rows(gradient_norm=at(10, _5=1e-17))
    verdict = find(table=table)
    assert (verdict.index, verdict.outcome, verdict.needs) == (5, Outcome.STALLED, "kind")
    assert find(table=rows(step_size=np.full(10, 1e-18), gradient_norm=np.ones(10))).index == 0
    # Small factors have small gradients, and move all the same.
    small = rows(gradient_norm=np.full(10, 1e-9), size_U=np.full(10, 1e-18))
    small["size_V"] = small["size_U"]
    assert find(table=small) is None


@pytest.mark.parametrize("unit", [1.0, 1e3])
@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize(("share", "near"), [(0.99, True), (1.01, False)])
def test_a_gap_that_no_row_shows_is_asked_for_near_a_stationary_point(blind, share, near, unit):
    """‖∇f‖² ≤ max(1, λ)(‖U‖² + ‖V‖²) σ₁² tol, 2e-10 of M³, where the loss has left the saddle."""
    rules = replace(RULES, norm=unit, sigma_1=unit)
    watch = StopWatch(rules)
    gradient = np.sqrt(2 * 1e-10 * share * unit**3)
    sizes = {"size_U": np.full(3, unit), "size_V": np.full(3, unit)}
    table = rows(3, gap=np.full(3, np.nan), gradient_norm=np.array([unit**1.5, gradient, gradient]),
                 loss=np.full(3, 0.04 * unit**2), **sizes)  # fmt: skip
    found = watch.find(table, 0.0, False, blind=blind)
    assert (found is not None) == (blind and near)
    if found is not None:
        assert (found.index, found.needs) == (1, "gap")
        watch.hold(2)
        assert watch.find(table, 0.0, False, blind=True).index == 2
        early = rows(3, gap=np.full(3, np.nan), gradient_norm=np.full(3, gradient),
                     loss=np.full(3, 0.06 * unit**2), **sizes)  # fmt: skip
        assert StopWatch(rules).find(early, 0.0, False, blind=True) is None
