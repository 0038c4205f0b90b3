"""What the loop shows, keeps and asks, with an engine made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_descent import Halving, agree, go
from test_stopping import RULES

from mfact.core import Outcome, State
from mfact.descent import BLOCK, descend
from mfact.schedules import Constant
from mfact.stopping import StopWatch
from mfact.timer import Timer

NEVER = replace(RULES, tol=None)

# Rule -> (rules, the step at which x_t = 2^{-t}, f = ½x², ends by it)
ENDS = {
    "gap": ({"tol": 1e-10}, 17, Outcome.GLOBAL_OPTIMUM),  # 4^{-17} = 5.8e-11
    "residual": ({"tol_residual": 1e-3}, 10, Outcome.CONVERGED),  # 2^{-10} = 9.8e-4
    "gradient": ({"tol_gradient": 0.01}, 7, Outcome.CONVERGED),  # 2^{-7} = 7.8e-3
    "iterations": ({"max_iter": 12}, 12, Outcome.ITERATION_LIMIT),
}


@pytest.mark.parametrize("name", ENDS)
@given(block=st.integers(1, 30))
def test_the_state_that_is_kept_is_the_last_one_shown(name, block):
    changes, step, outcome = ENDS[name]
    finish, steps = go(Halving(block=block), replace(NEVER, **changes))
    assert (finish.outcome, finish.state.step) == (outcome, step)
    assert finish.state.point == 2.0**-step
    assert steps == list(range(step + 1))


@given(block=st.integers(1, 30), first=st.integers(0, 20))
def test_the_point_before_a_divergence_is_kept_wherever_the_run_began(block, first):
    """x_t = 3^t blows up at t = 5. A run that goes on after t = 4 has that point from before."""
    begun = State(first, 3.0 ** min(first, 5), None)
    good = State(first - 1, 81.0, None)
    seen = []

    class Seen:
        def segment(self, rows):
            seen.extend(rows["step"].tolist())

    finish = descend(
        Halving(factor=3.0, block=block), begun, Constant(0.1),
        StopWatch(replace(NEVER, norm=0.0)) if first < 5 else started(), agree, [Seen()],
        good=good,
    )  # fmt: skip
    assert finish.outcome is Outcome.DIVERGED
    if first < 5:
        # f > 1e4 f_0 when 9^k > 1e4, after 5 steps.
        assert (finish.state.step, finish.state.point) == (first + 4, 3.0 ** (first + 4))
        assert seen == list(range(first, first + 5))
    else:
        assert finish.state is good
        assert seen == []


def started():
    """A watch that has seen f_0 = ½ already."""
    watch = StopWatch(replace(NEVER, norm=0.0))
    watch.restore({**watch.state(), "first_loss": 0.5})
    return watch


@given(block=st.integers(1, 30), denials=st.integers(1, 6))
def test_every_row_is_shown_once_however_often_a_verdict_is_denied(block, denials):
    asked = []

    def confirm(state, verdict):
        asked.append(state.step)
        return state, verdict if len(asked) > denials else None

    finish, steps = go(Halving(block=block), confirm=confirm)
    # After the first denial the gap is within the tolerance at each step.
    assert asked == list(range(17, 18 + denials))
    assert finish.state.step == 17 + denials
    assert steps == list(range(18 + denials))


def test_after_a_denial_a_single_step_is_taken_and_what_it_proves_counts():
    engine = Halving(block=1000)
    finish, steps = go(
        engine, replace(RULES, tol_residual=2.0**-17), confirm=lambda state, verdict: (state, None)
    )
    assert engine.asked == [BLOCK, 1]
    assert (finish.outcome, finish.state.step) == (Outcome.CONVERGED, 17)
    assert steps == list(range(18))


def test_a_confirmed_verdict_may_be_another_one_at_another_point():
    moved = State(17, -1.0, None)

    def confirm(state, verdict):
        return moved, replace(verdict, outcome=Outcome.SADDLE, reason="another")

    finish, _ = go(confirm=confirm)
    assert (finish.state, finish.outcome, finish.reason) == (moved, Outcome.SADDLE, "another")


def test_what_needs_no_proof_is_not_asked_about():
    def confirm(state, verdict):
        raise AssertionError(verdict)

    for changes in ({"tol_residual": 1e-3}, {"max_iter": 3}, {"max_time": 1.0}):
        late = Timer(began=-2.0, now=lambda: 0.0)
        finish, _ = go(rules=replace(NEVER, **changes), confirm=confirm, timer=late)
        assert finish.outcome is not None


@given(limit=st.integers(0, 40), start=st.integers(0, 40), block=st.integers(1, 50))
def test_no_block_goes_past_the_iteration_limit(limit, start, block):
    engine = Halving(block=block)
    ends = []

    def between(state, good, seconds):
        ends.append(state.step)
        return False

    finish = descend(
        engine, State(start, 1.0, None), Constant(0.1),
        StopWatch(replace(NEVER, max_iter=limit)), agree, max_iter=limit, between=between,
    )  # fmt: skip
    # A run that is past the limit already stays where it is.
    assert (finish.outcome, finish.state.step) == (Outcome.ITERATION_LIMIT, max(limit, start))
    assert all(end <= max(limit, start) for end in ends)
    assert (limit in ends) == (limit >= start)  # a checkpoint can be written there
    assert all(1 <= count <= BLOCK for count in engine.asked)


def test_the_step_sizes_are_those_of_the_step_numbers():
    got = []

    class Noting(Halving):
        def advance(self, state, step_sizes):
            segment = super().advance(state, step_sizes)
            got.extend(segment.rows["step_size"].tolist())
            return segment

    class Counting:
        def steps(self, start, count):
            return 1.0 + np.arange(start, start + count)

    descend(
        Noting(), State(3, 1.0, None), Counting(), StopWatch(replace(NEVER, max_iter=20)), agree
    )
    assert got[:18] == [1.0 + t for t in range(3, 21)]
