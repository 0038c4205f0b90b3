"""Fast-forward against plain steps, closed forms, and itself resumed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import MfactError
from mfact.gradient_flow.fast_forward import Course
from mfact.gradient_flow.records import FastForward, Record, State
from mfact.problems.diagonal import Diagonal
from mfact.schedules import PowerDecay, theorem_3_1


def never(record: Record) -> bool:
    return False


def start(k: int, r: int, std: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, k, r)) * std


def largest_ratio(
    problem: Diagonal, schedule: PowerDecay, Z: np.ndarray, run: FastForward
) -> float:
    """max over the flow's records of (distance to the plain iterate) / (estimated error)."""
    due = {int(record.step): record for record in run.records if record.error}
    ratios, flow_time = [0.0], 0.0
    steps = schedule.steps(0, max(due, default=0) + 1)
    for t, eta in enumerate(steps.tolist()):
        if t in due:
            record = due[t]
            apart = np.linalg.norm(np.stack([record.X, record.Y]) - Z) / np.linalg.norm(Z)
            ratios.append(float(apart) / record.error)
            assert record.flow_time == pytest.approx(flow_time, rel=1e-12)
            assert record.step_size == pytest.approx(eta, rel=1e-12)
        Z = Z - eta * problem.at(Z).gradient
        flow_time += eta
    return max(ratios)


SPECTRA = {
    "exact rank": ([1.5, 1.2, 1.0], 3),
    "ill-conditioned": ([20.0, 3.0, 1.0], 3),
    "tail": ([5.0, 3.0, 2.0, 1.9, 0.5, 0.0], 3),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spectrum", "delta", "weight", "last"),
    [
        ("tail", 0.05, 0.0, 300_000),
        ("ill-conditioned", 0.05, 1.0, 30_000),
        ("exact rank", 0.25, 1.0, 30_000),
        ("tail", 0.25, 1.0, 30_000),
        ("ill-conditioned", 0.5, 0.0, 30_000),
        ("exact rank", 0.5, 1.0, 30_000),
    ],
)
def test_distance_to_plain_steps_is_within_the_estimate(
    spectrum: str, delta: float, weight: float, last: int
) -> None:
    sigma, r = SPECTRA[spectrum]
    problem, Z = Diagonal(np.array(sigma), weight), start(len(sigma), r, 1e-2, 7)
    schedule = PowerDecay(0.3 / sigma[0], 0.5 + delta)
    run = Course(problem, schedule, never, max_step=last).run(*Z, start_step=0)
    assert run.error <= 1e-8
    assert not run.stopped
    assert run.records[-1].step == last
    assert run.state is not None
    assert run.state.handover < 5000
    assert largest_ratio(problem, schedule, Z, run) <= 1.0


@pytest.mark.slow
@given(
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5]),
    st.floats(-5.0, -1.0),
    st.sampled_from([1e-4, 1e-6, 1e-8]),
)
def test_estimate_is_honest_on_random_problems(
    seed: int, r: int, extra: int, weight: float, delta: float, log_std: float, tol: float
) -> None:
    rng = np.random.default_rng(seed)
    sigma = np.sort(np.exp(rng.uniform(-2.0, 0.0, r + extra)))[::-1]
    problem, Z = Diagonal(sigma, weight), start(r + extra, r, 10**log_std, seed)
    schedule = PowerDecay(0.4 / sigma[0], 0.5 + delta)
    run = Course(problem, schedule, never, tol=tol, max_step=5000).run(*Z, start_step=0)
    assert run.error <= tol
    assert largest_ratio(problem, schedule, Z, run) <= 1.0


def test_a_million_steps_of_the_scalar_recursion() -> None:
    """r = k = 1 with U = V: x ← x + η x (σ − x²), an oracle without matrices."""
    last, sigma, x = 1_000_000, 0.7, 1e-4
    schedule = PowerDecay(0.1, 0.75)
    run = Course(Diagonal(np.array([sigma]), 0.0), schedule, never, max_step=last).run(
        np.array([[x]]), np.array([[x]]), start_step=0
    )
    for t in range(last):
        x += 0.1 / (t + 1) ** 0.75 * x * (sigma - x * x)
    found = run.records[-1]
    assert 0.01 < sigma - x * x < 0.69  # still on its way, where an error would show
    assert found.X[0, 0] == pytest.approx(x, rel=found.error)
    assert found.error < 1e-8


def test_beyond_all_integers_it_is_the_logistic_flow() -> None:
    """For η_0/(t+1), where η is below 1e-16: x² follows the logistic curve in η_0 ln t."""
    schedule = PowerDecay(1e-3, 1.0)
    run = Course(Diagonal(np.array([1.0]), 0.0), schedule, never, max_step=10**5000).run(
        np.array([[1e-3]]), np.array([[1e-3]]), start_step=0
    )
    early = next(record for record in run.records if record.log10_step > 400.0)
    late = run.records[-1]
    assert late.log10_step == pytest.approx(5000.0, rel=1e-12)
    growth = exp(2e-3 * log(10.0) * (late.log10_step - early.log10_step))
    odds = early.X[0, 0] ** 2 / (1.0 - early.X[0, 0] ** 2) * growth
    assert late.X[0, 0] == pytest.approx(sqrt(odds / (1.0 + odds)), rel=1e-10)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_theorem_3_1_reaches_its_epsilon(weight: float) -> None:
    """The theorem's own steps: balance and decrease hold along more steps than can be counted."""
    sigma = np.array([0.7, 0.55, 0.4, 0.0, 0.0, 0.0])
    norm, eps = float(np.linalg.norm(sigma)), 0.01
    schedule = theorem_3_1(eps, 3, norm)

    def reached(record: Record) -> bool:
        return sqrt(2.0 * record.scalars.loss_excess) <= 1e-3 * eps * norm

    run = Course(Diagonal(sigma, weight), schedule, reached).run(
        *start(6, 3, 1e-3, 1), start_step=0
    )
    assert run.stopped
    assert run.records[-1].log10_step > 10_000
    assert run.error <= 1e-8
    losses = [record.scalars.loss_excess for record in run.records]
    assert all(later < before for before, later in pairwise(losses))
    assert all(record.scalars.imbalance <= eps for record in run.records)


def states_of(course: Course, Z: np.ndarray) -> tuple[FastForward, list[State]]:
    states: list[State] = []
    watched = replace(course, progress=lambda record, state: states.append(state))
    return watched.run(*Z, start_step=0), states


def scalars(record):
    """What a record holds beside its arrays, of which == has no one answer."""
    return {name: value for name, value in vars(record).items() if name not in ("X", "Y")}


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_resumed_is_uninterrupted_bit_for_bit(weight: float) -> None:
    course = Course(
        Diagonal(np.array([3.0, 2.0, 1.0, 0.8]), weight),
        PowerDecay(0.1, 0.55),
        stop=lambda record: record.scalars.loss_excess < 1e-12,
    )
    whole, states = states_of(course, start(4, 2, 1e-2, 5))
    assert len(states) > 20
    for state in (states[0], states[len(states) // 2], states[-2]):
        rest = course.resume(state)
        assert rest.stopped
        assert len(rest.records) == len(states) - 1 - states.index(state)
        for again, once in zip(reversed(rest.records), reversed(whole.records), strict=False):
            assert np.array_equal(again.X, once.X)
            assert np.array_equal(again.Y, once.Y)
            assert scalars(again) == scalars(once)


def test_an_estimate_that_grows_too_large_moves_the_hand_over() -> None:
    """The hand-over is tried while a mode is invisible, whose error shows when it has grown."""
    problem, schedule = Diagonal(np.array([1.0, 0.9]), 0.0), PowerDecay(0.4, 0.51)
    Z = np.array([[[0.9, 0.0], [1e-13, 1e-13]], [[0.1, 0.0], [2e-13, 1e-13]]])
    course = Course(problem, schedule, never, tol=1e-8, max_step=10_000)
    run, states = states_of(course, Z)
    assert run.state is not None
    assert min(state.handover for state in states) < run.state.handover
    steps = [record.log10_step for record in run.records]
    assert steps == sorted(set(steps))
    assert run.error <= 1e-8
    assert largest_ratio(problem, schedule, Z, run) <= 1.0
    # A state from before the move leads to the same end, through the same later hand-over.
    resumed = course.resume(states[0])
    assert np.array_equal(resumed.records[-1].X, run.records[-1].X)
    assert resumed.state is not None
    assert resumed.state.handover == run.state.handover


def test_limits_and_stops_before_the_hand_over() -> None:
    problem, schedule = Diagonal(np.array([1.0]), 0.0), PowerDecay(0.3, 0.55)
    Z = start(1, 1, 0.1, 0)
    limited = Course(problem, schedule, never, max_step=77).run(*Z, start_step=50)
    assert limited.state is None
    assert not limited.stopped
    assert limited.error == 0.0
    assert limited.records[0].step == 50
    assert limited.records[-1].step == 77
    at_once = Course(problem, schedule, lambda record: True).run(*Z, start_step=0)
    assert at_once.stopped
    assert [record.log10_step for record in at_once.records] == [-inf]
    late = Course(problem, schedule, never, max_step=100).run(*Z, start_step=100)
    assert len(late.records) == 1


def test_diverging_steps_are_named() -> None:
    with pytest.raises(MfactError, match="diverged"):
        Course(Diagonal(np.array([1.0]), 0.0), PowerDecay(9.0, 0.55), never).run(
            *start(1, 1, 1.0, 0), start_step=0
        )


def test_start_step_is_part_of_the_point() -> None:
    """A run begun at the plain iterate of step 1000 goes on as the run from step 0."""
    problem, schedule = Diagonal(np.array([2.0, 1.0, 0.5]), 0.0), PowerDecay(0.15, 0.55)
    Z = start(3, 2, 1e-2, 3)
    course = Course(problem, schedule, never, max_step=100_000)
    from_zero = course.run(*Z, start_step=0).records[-1]
    for eta in schedule.steps(0, 1000).tolist():
        Z = Z - eta * problem.at(Z).gradient
    total = float(schedule.steps(0, 1000).sum())
    begun = course.run(*Z, start_step=1000, flow_time=total).records[-1]
    assert np.allclose(begun.X, from_zero.X, rtol=0, atol=from_zero.error + begun.error)
    assert begun.flow_time == pytest.approx(from_zero.flow_time, rel=1e-12)
    assert begun.step == from_zero.step == 100_000
