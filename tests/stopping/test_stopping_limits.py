"""Each rule on both sides of its limit, and which of several rules ends a run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_by_hand import RULES, at, find, rows

from mfact.core import Outcome
from mfact.stopping import StopWatch
from mfact.stopping.rules import BLOWN_UP, LEAST_DECREASE

EPS = RULES.eps
NEVER = replace(RULES, tol=None)

# Name -> (rules, the columns of a row whose number is `part` of what the rule allows). Where it
# is not, the columns are 1, and no other rule is near its limit.
LIMITS = {
    "gap": (replace(RULES, tol=1e-10), lambda part: {"gap": part * 1e-10}),
    "residual": (
        replace(NEVER, tol_residual=1e-3), lambda part: {"relative_residual": part * 1e-3},
    ),
    "gradient": (  # σ₁^{3/2} = 8
        replace(NEVER, tol_gradient=1e-5, sigma_1=4.0), lambda part: {"gradient_norm": part * 8e-5},
    ),
    "gradient of M = 0": (
        replace(NEVER, tol_gradient=1e-5, sigma_1=0.0), lambda part: {"gradient_norm": part * 1e-5},
    ),
    # ‖(U, V)‖ = √(9 + 16) = 5. A step of 1 is twenty times what moves such a point.
    "a gradient of rounding": (
        replace(NEVER, sigma_1=3.0),
        lambda part: {"gradient_norm": part * 2 * EPS * 3 * 5, "size_U": 9.0, "size_V": 16.0,
                      "step_size": 1.0},
    ),
    "a step of rounding": (
        replace(NEVER, sigma_1=3.0),
        lambda part: {"step_size": part * 0.05 * EPS * 5 / 2, "gradient_norm": 2.0,
                      "size_U": 16.0, "size_V": 9.0},
    ),
}  # fmt: skip
ENDS = {
    "gap": (Outcome.GLOBAL_OPTIMUM, "optimum"),
    "residual": (Outcome.CONVERGED, ""),
    "gradient": (Outcome.CONVERGED, "second order"),
    "gradient of M = 0": (Outcome.CONVERGED, "second order"),
    "a gradient of rounding": (Outcome.STALLED, "kind"),
    "a step of rounding": (Outcome.STALLED, "kind"),
}


def reaching(columns, index=4, count=10):
    """Rows of ones, which reach what the columns say at one index."""
    names = rows(count)
    changed = {name: np.ones(count) for name in names if name != "step"}
    for name, value in columns.items():
        changed[name][index] = value
    return {**names, **changed}


@pytest.mark.parametrize("name", LIMITS)
def test_a_number_within_its_limit_ends_a_run_and_one_beyond_does_not(name):
    rules, columns = LIMITS[name]
    assert find(rules, reaching(columns(1.01))) is None
    verdict = find(rules, reaching(columns(0.99)))
    assert (verdict.index, verdict.outcome, verdict.needs) == (4, *ENDS[name])


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("least", [3, 4, 5])
def test_min_iter_is_the_first_step_that_may_end_it(name, least):
    rules, columns = LIMITS[name]
    verdict = find(replace(rules, min_iter=least), reaching(columns(0.99)))
    assert (verdict is None) == (least == 5)


@pytest.mark.parametrize("name", LIMITS)
def test_a_single_row_is_held_to_the_same_tolerances(name):
    """Of a fast-forward only single rows are known: many short steps between them lead far."""
    rules, columns = LIMITS[name]
    if name == "a step of rounding":
        assert StopWatch(rules).point(reaching(columns(0.99))) is None
        return
    assert StopWatch(rules).point(reaching(columns(1.01))) is None
    verdict = StopWatch(rules).point(reaching(columns(0.99)))
    assert (verdict.outcome, verdict.needs) == ENDS[name]
    assert StopWatch(replace(rules, min_iter=5)).point(reaching(columns(0.99))) is None


@pytest.mark.parametrize(("first", "norm", "bound"), [(0.5, 1.0, 0.5), (3, 1, 3), (0.5, 3, 4.5)])
def test_a_loss_blows_up_at_ten_thousand_times_the_larger_of_f0_and_half_the_norm_squared(
    first, norm, bound
):
    assert BLOWN_UP == 1e4
    rules = replace(NEVER, norm=norm)
    for part, ends in ((0.99, False), (1.01, True)):
        loss = np.full(10, first)
        loss[6] = part * 1e4 * bound
        verdict = find(rules, rows(loss=loss))
        assert (verdict is not None) == ends
    assert (verdict.index, verdict.outcome) == (6, Outcome.DIVERGED)
    assert "step 6" in verdict.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_is_a_divergence(bad):
    verdict = find(NEVER, rows(gradient_norm=at(10, _7=bad)))
    assert (verdict.index, verdict.outcome) == (7, Outcome.DIVERGED)


def test_the_first_loss_is_that_of_the_first_block():
    watch = StopWatch(NEVER)
    assert watch.find(rows(loss=np.full(10, 2.0)), 0.0, False) is None
    later = rows(start=10, loss=np.full(10, 1.9e4))
    again = StopWatch(NEVER)
    again.restore(json.loads(json.dumps(watch.state())))
    assert watch.find(later, 0.0, False) is again.find(later, 0.0, False) is None
    assert again.find(rows(start=20, loss=np.full(10, 2.1e4)), 0.0, False).index == 0


def test_the_least_decrease_that_counts_is_a_millionth_of_a_millionth():
    assert LEAST_DECREASE == 1e-12
    for part, stalls in ((0.99, True), (1.01, False)):  # rounding of the loss: 1e-4 of it
        loss = (1 - part * 1e-12) ** np.arange(10)
        verdict = find(replace(NEVER, patience=1), rows(loss=loss))
        assert (verdict is not None) == stalls


@given(
    patience=st.integers(1, 12),
    last=st.integers(0, 12),
    min_iter=st.integers(0, 40),
    rest=st.integers(0, 40),
    cut=st.integers(1, 39),
)
def test_patience_runs_out_that_many_steps_after_the_last_decrease(
    patience, last, min_iter, rest, cut
):
    """Counted by hand; in one block, and in two with what is stored between."""
    loss = np.maximum(1.0 - 0.05 * np.arange(40), 1.0 - 0.05 * last)
    expected = next((t for t in range(40) if t >= max(last + patience, min_iter, rest)), None)
    rules = replace(NEVER, patience=patience, min_iter=min_iter)
    watch, table = StopWatch(rules), rows(40, loss=loss)
    watch.hold(rest)
    verdict = watch.find(table, 0.0, False)
    assert (None if verdict is None else verdict.index) == expected
    if verdict is not None:
        assert (verdict.outcome, verdict.needs) == (Outcome.STALLED, "stall")
        assert f"for {patience} steps" in verdict.reason
    watch = StopWatch(rules)
    watch.hold(rest)
    verdict, place = watch.find({n: c[:cut] for n, c in table.items()}, 0.0, False), 0
    if verdict is None:
        again, place = StopWatch(rules), cut
        again.restore(json.loads(json.dumps(watch.state())))
        verdict = again.find({n: c[cut:] for n, c in table.items()}, 0.0, False)
    assert (None if verdict is None else place + verdict.index) == expected


def test_iterations_and_seconds_end_at_their_limit():
    assert find(replace(NEVER, max_iter=10)) is None  # rows 0 … 9
    verdict = find(replace(NEVER, max_iter=9))
    assert (verdict.index, verdict.outcome) == (9, Outcome.ITERATION_LIMIT)
    assert "--max-iter is 9" in verdict.reason
    assert find(replace(NEVER, max_iter=9, min_iter=20)).index == 9  # a limit is a limit
    rules = replace(NEVER, max_time=10.0)
    assert find(rules, seconds=9.9) is None
    verdict = find(rules, seconds=10.1)
    assert (verdict.index, verdict.outcome) == (0, Outcome.TIME_LIMIT)
    assert "--max-time is 10 s" in verdict.reason


# From the one that wins over all below to the one that loses to all above, at one and the same
# row: what went wrong first, then what was reached, then limits.
ORDER = {
    "divergence": ({}, {"loss": np.nan}, Outcome.DIVERGED, ""),
    "gap": ({"tol": 1e-10}, {"gap": 0.0}, Outcome.GLOBAL_OPTIMUM, "optimum"),
    "residual": ({"tol_residual": 1e-3}, {"relative_residual": 0.0}, Outcome.CONVERGED, ""),
    "gradient": (
        {"tol_gradient": 1e-5}, {"gradient_norm": 9e-6}, Outcome.CONVERGED, "second order",
    ),
    "still": ({}, {"step_size": 0.0}, Outcome.STALLED, "kind"),
    "stalled": ({"patience": 5}, {}, Outcome.STALLED, "stall"),
    "iterations": ({"max_iter": 5}, {}, Outcome.ITERATION_LIMIT, ""),
}  # fmt: skip
PAIRS = [(a, b) for i, a in enumerate(ORDER) for b in list(ORDER)[i + 1 :]]


def both(first, second, index=5):
    """Rules of the two, and rows of a flat loss that meet both at one index."""
    rules, columns = replace(NEVER, max_iter=1000), {}
    for name in (first, second):
        rules = replace(rules, **ORDER[name][0])
        columns |= ORDER[name][1]
    return rules, reaching(columns, index)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_of_two_rules_that_hold_at_one_row_this_one_ends_the_run(first, second):
    rules, table = both(first, second)
    verdict = find(rules, table)
    _, _, outcome, needs = ORDER[first]
    assert (verdict.index, verdict.outcome, verdict.needs) == (5, outcome, needs)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_time_that_is_up_ends_a_block_at_its_first_row_unless_something_else_does(first, second):
    rules, table = both(first, second)
    verdict = find(replace(rules, max_time=1.0), table, seconds=1.0)
    assert (verdict.index, verdict.outcome) == (0, Outcome.TIME_LIMIT)
    if ORDER[first][1]:
        rules, table = both(first, second, index=0)
        verdict = find(replace(rules, max_time=1.0), table, seconds=1.0)
        assert (verdict.index, verdict.outcome) == (0, ORDER[first][2])


@pytest.mark.parametrize("name", ORDER)
def test_only_what_needs_no_proof_is_left_after_a_denial(name):
    rules, table = both(name, "iterations")
    proved = StopWatch(rules).find(table, 0.0, False, only_proved=True)
    _, _, outcome, needs = ORDER[name]
    assert proved.outcome is (Outcome.ITERATION_LIMIT if needs else outcome)
    assert proved.needs == ""


@pytest.mark.parametrize("name", ORDER)
def test_a_signal_comes_before_all_else(name):
    rules, table = both(name, "iterations", index=0)
    verdict = find(rules, table, interrupted=True)
    assert (verdict.index, verdict.outcome, verdict.needs) == (0, Outcome.INTERRUPTED, "")


def test_a_rest_ends_at_its_step():
    """hold(7): a small gradient counts from step 7 on; gap and residual are no guesses."""
    small = {"gradient_norm": 1e-6, "gap": 1.0}
    rules = replace(NEVER, tol_gradient=1e-5)
    for index, ends in ((6, False), (7, True)):
        watch = StopWatch(rules)
        watch.hold(7)
        assert (watch.find(reaching(small, index), 0.0, False) is not None) == ends
    watch = StopWatch(replace(RULES, tol_residual=1e-3))
    watch.hold(9)
    assert watch.find(reaching({"gap": 0.0}), 0.0, False).index == 4
    assert watch.find(reaching({"relative_residual": 0.0}), 0.0, False).index == 4
