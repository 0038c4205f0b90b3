"""The one loop with an engine made by hand: what is shown, asked and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from halving import Halving, Hands, Seen, agree, at, descend, go
from rows_by_hand import RULES

from mfact.core import Outcome
from mfact.host.timer import Timer
from mfact.schedules import Constant
from mfact.stopping import StopWatch


@pytest.mark.parametrize("block", [1, 2, 7, 100])
def test_observers_see_each_row_once_up_to_the_last(block):
    finish, steps = go(Halving(block=block))
    # x² ≤ 1e-10 from step 17 on.
    assert finish.outcome is Outcome.GLOBAL_OPTIMUM
    assert finish.state.step == 17
    assert steps == list(range(18))


def test_a_denied_verdict_lets_the_run_go_on_from_the_state_that_came_back():
    asked = []

    def deny(state, verdict):
        asked.append(state.step)
        return (state, verdict) if len(asked) > 3 else (replace(state, point=1.0), None)

    finish, steps = go(confirm=deny)
    # Each time the state is set back to 1, and 17 steps more lead to the tolerance.
    assert asked == [17, 34, 51, 68]
    assert finish.state.step == 68
    assert steps == list(range(69))


def test_a_denial_at_the_limit_does_not_pass_the_limit():
    finish, steps = go(rules=replace(RULES, max_iter=17), confirm=lambda s, v: (s, None))
    assert finish.outcome is Outcome.ITERATION_LIMIT
    assert finish.state.step == 17
    assert steps == list(range(18))


@pytest.mark.parametrize("block", [1, 5, 100])
def test_divergence_keeps_the_last_point_in_bounds(block):
    finish, steps = go(Halving(factor=3.0, block=block))
    assert finish.outcome is Outcome.DIVERGED
    # ½·9^t > 1e4·½ from t = 5 on; the point before is kept, and shown last.
    assert finish.state.step == 4
    assert finish.state.point == 81.0
    assert steps == [0, 1, 2, 3, 4]


def test_a_start_that_is_no_number_is_kept_as_it_is():
    seen = Seen()
    start = at(0, float("nan"))
    finish = descend(Halving(), start, Constant(0.1), StopWatch(RULES), agree, [seen])
    assert finish.outcome is Outcome.DIVERGED
    assert finish.state is start
    assert seen.steps == []


def test_a_signal_ends_it_between_blocks():
    calls = []

    def interrupted():
        calls.append(1)
        return len(calls) == 3

    finish, steps = go(interrupted=interrupted)
    assert finish.outcome is Outcome.INTERRUPTED
    assert finish.state.step == 14
    assert steps == list(range(15))


class Slow(Halving):
    """A block of seven steps takes two seconds."""

    def __init__(self, hands):
        super().__init__()
        self.hands = hands

    def advance(self, state, step_sizes):
        self.hands.time += 2.0
        return super().advance(state, step_sizes)


class SlowToSee(Seen):
    """An observer that takes three seconds over each block."""

    def __init__(self, hands):
        super().__init__()
        self.hands = hands

    def segment(self, rows):
        self.hands.time += 3.0
        super().segment(rows)


def test_time_is_that_of_the_solver_alone_and_its_limit_is_on_all_of_it():
    hands = Hands()
    timer = Timer(now=hands)
    rules = replace(RULES, max_time=9.0, tol=None)
    with timer.solving():
        finish = descend(
            Slow(hands), at(0, 1.0), Constant(0.1), StopWatch(rules), agree,
            [SlowToSee(hands)], timer=timer,
        )  # fmt: skip
    # Blocks begin at 0, 5 and 10 s; the third is over its limit, and its first row is the last.
    assert finish.outcome is Outcome.TIME_LIMIT
    assert finish.state.step == 14
    assert (timer.seconds, timer.wall_seconds) == (6.0, 15.0)


def test_a_limit_that_has_passed_before_the_first_step_ends_it_there():
    late, steps = go(rules=replace(RULES, max_time=2.0), timer=Timer(-2.0, now=Hands()))
    assert late.outcome is Outcome.TIME_LIMIT
    assert (late.state.step, steps) == (0, [0])


def test_what_is_done_between_blocks_knows_that_a_limit_ends_it_there():
    """Else a run would end by a limit at a step where no checkpoint was due."""
    ticks = iter(range(10**6))
    seen = []

    def between(at, *, last, asked):
        seen.append((last, asked))

    finish, _ = go(
        rules=replace(RULES, max_time=6.0, tol=None),
        between=between,
        timer=Timer(now=lambda: float(next(ticks))),
    )
    assert finish.outcome is Outcome.TIME_LIMIT
    assert seen[-2:] == [(False, False), (True, False)]


@pytest.mark.parametrize("until", [7, 10, 14])
def test_it_ends_where_it_is_told(until):
    places = []

    def between(at, *, last, asked):
        places.append((at.state.step, None if at.good is None else at.good.step))

    finish, steps = go(between=between, until=until)
    assert finish.outcome is None
    assert places == [(0, None), (7, 6), *([(until, until - 1)] if until > 7 else [])]
    assert steps == list(range(until))  # the row of that step is not known yet


def test_blocks_end_at_the_iteration_limit():
    engine = Halving(block=1000)
    finish, _ = go(engine, replace(RULES, tol=None, max_iter=40))
    assert engine.asked == [40, 1]
    assert finish.state.step == 40
