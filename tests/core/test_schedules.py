"""Step sizes against the formulas of the paper, one by one and in blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from contracts.schedule_contract import ScheduleContract
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix
from oracles import plain_loop
from scipy.special import zeta

from mfact.errors import SettingsError
from mfact.schedules import Constant, PowerDecay, certified, sum_constant, theorem_3_1, theorem_3_2


class TestConstant(ScheduleContract):
    def make(self):
        return Constant(0.3)


class TestPowerDecay(ScheduleContract):
    def make(self):
        return PowerDecay(0.3, 0.55)


class TestTheorem31(ScheduleContract):
    def make(self):
        return theorem_3_1(0.1, 3, 2.0)


class TestTheorem32(ScheduleContract):
    def make(self):
        return theorem_3_2(0.1, 2.0)


class TestCertified(ScheduleContract):
    def make(self):
        return certified(0.1, 2.0)


def test_formulas():
    assert PowerDecay(0.5, 0.6)(9) == pytest.approx(0.5 / 10**0.6)
    eps, r, m = 0.2, 3, 5.0
    assert theorem_3_1(eps, r, m)(4) == pytest.approx(math.sqrt(eps / r) / (100 * 5 * m**1.5))
    assert theorem_3_2(0.1, 4.0)(123) == pytest.approx(0.025)
    assert certified(0.2, 5.0)(7) == min(1 / 60, 0.2 / 50)
    assert certified(4.9, 5.0)(7) == 1 / 60


def test_sums_that_the_paper_needs():
    """Ση grows without end, Ση² does not: footnote 11, here on 10⁴ against 10⁶ steps."""
    steps = PowerDecay(1.0, 0.55).steps(0, 10**6)
    assert steps.sum() > 5 * steps[: 10**4].sum()
    assert (steps**2).sum() < 1 / (1 - 2**-0.1) * 1.1  # Σ (t+1)^−1.1 < 10.6
    assert np.all(np.diff(steps) < 0)


@given(seed=st.integers(0, 2**32 - 1), rank=st.integers(1, 3))
def test_certified_step_does_what_it_promises(seed, rank):
    """From ‖D_0‖ ≤ ε/3 the loss never increases and ‖D_t‖_F ≤ ε."""
    rng = np.random.default_rng(seed)
    M, _, _ = matrix(rng, (8, 6), np.sort(rng.uniform(0.1, 3, 4))[::-1])
    m = float(np.linalg.norm(M))
    eps = 0.1 * m
    U, V = (rng.standard_normal((d, rank)) for d in M.shape)
    D = np.linalg.norm(U.T @ U - V.T @ V)
    size = min(1.0, np.sqrt(eps / 3 / D), np.sqrt(m / np.linalg.norm(U @ V.T)) / 2)
    points = plain_loop(M, size * U, size * V, certified(eps, m).steps(0, 300))
    losses = np.array([0.5 * np.sum((A @ B.T - M) ** 2) for A, B in points])
    drifts = [np.linalg.norm(A.T @ A - B.T @ B) for A, B in points]
    assert np.all(np.diff(losses) <= 1e-13 * losses[0])
    assert max(drifts) <= eps


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_steps_that_are_none(size):
    with pytest.raises(SettingsError, match="positive and finite"):
        Constant(size)
    with pytest.raises(SettingsError, match="positive and finite"):
        PowerDecay(size, 0.5)


@pytest.mark.parametrize("power", [0.0, -0.5, 1.01, math.nan])
def test_powers_that_are_none(power):
    with pytest.raises(SettingsError, match="at most 1"):
        PowerDecay(1.0, power)


@pytest.mark.parametrize("eps", [0.0, 2.0, 3.0, -1.0, math.nan])
@pytest.mark.parametrize(
    "make", [lambda eps: theorem_3_1(eps, 2, 2.0), lambda e: certified(e, 2.0)]
)
def test_eps_outside_its_range_names_one_inside(make, eps):
    with pytest.raises(SettingsError, match=r"pass --eps 0\.2"):
        make(eps)


@pytest.mark.parametrize("power", [0.3, 0.55, 0.75, 1.0])
def test_steps_to_a_flow_time_against_sums(power):
    schedule = PowerDecay(0.3, power)
    sums = np.cumsum(0.3 * np.arange(1.0, 10**6 + 1) ** -power)
    for steps in (50, 10**3, 10**6):
        # The error of the sum is half a term: relative 1/(2T) of T.
        found = 10 ** schedule.steps_for(sums[steps - 1])
        assert found == pytest.approx(steps, rel=1 / steps)
    assert schedule.steps_for(0.0) == 0.0


def test_the_constant_of_the_sum_is_zeta():
    for power in (0.3, 0.5, 0.9, 0.999):
        assert sum_constant(power) == pytest.approx(zeta(power) + 1 / (1 - power), abs=1e-10)
    assert sum_constant(1.0) == pytest.approx(np.euler_gamma, abs=1e-12)
