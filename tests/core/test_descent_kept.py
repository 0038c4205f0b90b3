"""What the loop shows, keeps, asks and counts as time, with an engine and a clock made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from halving import Halving, Hands, agree, at, descend, go
from hypothesis import given
from hypothesis import strategies as st
from rows_by_hand import RULES

from mfact.core import Outcome
from mfact.descent import BLOCK, YOUNG
from mfact.host.timer import Timer
from mfact.schedules import Constant
from mfact.stopping import StopWatch

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
    begun = at(first, 3.0 ** min(first, 5))
    good = at(first - 1, 81.0)
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
    assert engine.asked == [YOUNG, 1]
    assert (finish.outcome, finish.state.step) == (Outcome.CONVERGED, 17)
    assert steps == list(range(18))


def test_a_confirmed_verdict_may_be_another_one_at_another_point():
    moved = at(17, -1.0)

    def confirm(state, verdict):
        return moved, replace(verdict, outcome=Outcome.SADDLE, reason="another")

    finish, _ = go(confirm=confirm)
    assert (finish.state, finish.outcome, finish.reason) == (moved, Outcome.SADDLE, "another")


def test_what_needs_no_proof_is_not_asked_about():
    def confirm(state, verdict):
        raise AssertionError(verdict)

    for changes in ({"tol_residual": 1e-3}, {"max_iter": 3}, {"max_time": 1.0}):
        finish, _ = go(
            rules=replace(NEVER, **changes), confirm=confirm, timer=Timer(-2.0, now=Hands())
        )
        assert finish.outcome is not None


class Timed(Halving):
    """A step costs a second."""

    def __init__(self, hands, **options):
        super().__init__(**options)
        self.hands = hands

    def advance(self, state, step_sizes):
        segment = super().advance(state, step_sizes)
        self.hands.time += len(segment.rows["step"])
        return segment


def timed(rules, confirm=agree, before=0.0, wall_before=0.0):
    """A run whose observers and checkpoints take 1000 s each, and a closer look 100 s.

    before, wall_before: the seconds of an earlier part of it.
    """
    hands = Hands()
    timer = Timer(now=hands)
    timer.add(before, wall_before)

    class Slow:
        def segment(self, rows):
            hands.time += 1000

    def look(state, verdict):
        hands.time += 100
        return confirm(state, verdict)

    def between(at, *, last, asked):
        places.append(timer.wall_seconds)
        with timer.looking():  # as a checkpoint has it
            hands.time += 1000

    places = []
    with timer.solving():
        finish = descend(
            Timed(hands), at(0, 1.0), Constant(0.1), StopWatch(rules), look, [Slow()],
            between=between, timer=timer,
        )  # fmt: skip
    return finish, timer, places


def test_seconds_are_those_of_steps_and_closer_looks():
    _, timer, places = timed(RULES, before=5.0, wall_before=8.0)
    # A block is seven steps, one checkpoint and one look of the observers.
    assert places == [8.0, 8.0 + 2007, 8.0 + 2 * 2007]
    assert timer.seconds == 5 + 3 * 7 + 100
    assert timer.wall_seconds == 8 + 3 * 2007 + 100
    denied, timer, _ = timed(replace(RULES, max_iter=17), confirm=lambda s, v: (s, None))
    assert denied.outcome is Outcome.ITERATION_LIMIT
    # Blocks of 7, 7, 3 and, at the limit, 1; and the step after the denial.
    assert timer.seconds == 18 + 100 + 1


@pytest.mark.parametrize(("limit", "step"), [(4013.9, 14), (4014.0, 14), (4014.1, 21)])
def test_the_time_limit_is_held_against_all_seconds_before_a_block(limit, step):
    finish, _, places = timed(replace(NEVER, max_time=limit))
    assert (finish.outcome, finish.state.step) == (Outcome.TIME_LIMIT, step)
    assert places[-1] == step // 7 * 2007  # it was over the limit when it was read


@given(limit=st.integers(0, 40), start=st.integers(0, 40), block=st.integers(1, 50))
def test_no_block_goes_past_the_iteration_limit(limit, start, block):
    engine = Halving(block=block)
    ends = []

    def between(at, *, last, asked):
        ends.append(at.state.step)

    finish = descend(
        engine, at(start, 1.0), Constant(0.1),
        StopWatch(replace(NEVER, max_iter=limit)), agree, between=between,
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

    descend(Noting(), at(3, 1.0), Counting(), StopWatch(replace(NEVER, max_iter=20)), agree)
    assert got[:18] == [1.0 + t for t in range(3, 21)]


def test_the_step_after_a_denial_has_the_size_of_its_own_number():
    got = {}

    class Noting(Halving):
        def advance(self, state, step_sizes):
            segment = super().advance(state, step_sizes)
            got.update(zip(segment.rows["step"].tolist(), step_sizes.tolist(), strict=False))
            return segment

    class Counting:
        def steps(self, start, count):
            return 1.0 + np.arange(start, start + count)

    descend(
        Noting(block=7), at(0, 1.0), Counting(), StopWatch(replace(RULES, max_iter=25)),
        lambda state, verdict: (state, None),
    )  # fmt: skip
    assert got == {t: 1.0 + t for t in got}
    assert set(got) >= set(range(26))
