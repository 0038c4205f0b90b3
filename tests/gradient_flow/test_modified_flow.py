"""The modified flow against one plain step: the asserted slope of the error at each order."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest

from mfact.gradient_flow.clock import Clock
from mfact.gradient_flow.integrate import integrate
from mfact.gradient_flow.modified import ORDERS, field, needed_order
from mfact.problems.diagonal import Diagonal

SIGMA = np.array([2.0, 1.5, 1.4, 0.7, 0.2])


def one_step_error(power: float, order: int, weight: float, eta: float) -> float:
    """‖flow over one unit of t − one plain step‖ where η = `eta` and η'/η is about −p·eta."""
    step = 1.0 / eta
    clock = Clock(eta * (step + 1.0) ** power, power)
    problem = Diagonal(SIGMA, weight)
    Z = np.random.default_rng(3).normal(size=(2, 5, 2)) * 0.6
    start, end = clock.time(log1p(step)), clock.time(log1p(step + 1.0))
    flow = integrate(
        lambda s, z: field(problem, z, clock.rates(s), order),
        start,
        end,
        Z,
        rtol=1e-13,
        first_step=None,
        sharpness=problem.sharpness(Z),
    )
    plain = Z - clock.rates(start).eta * problem.at(Z).gradient
    return float(np.linalg.norm(flow.Z - plain))


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("power", [0.0, 0.55, 1.0])
@pytest.mark.parametrize("order", ORDERS)
def test_error_of_one_step_has_slope_order_plus_one(
    order: int, power: float, weight: float
) -> None:
    coarse, fine = (one_step_error(power, order, weight, eta) for eta in (0.008, 0.004))
    slope = np.log2(coarse / fine)
    assert slope == pytest.approx(order + 1, abs=0.15)  # next order at η·sharpness ≈ 0.02


def test_needed_order_leaves_out_only_what_is_negligible() -> None:
    problem = Diagonal(SIGMA, 0.0)
    Z = np.random.default_rng(4).normal(size=(2, 5, 2))
    for eta in (1e-1, 1e-3, 1e-6, 1e-15):
        rates = Clock(eta, 0.0).rates(0.0)
        order = needed_order(problem, Z, rates, 4, 1e-13)
        left_out = field(problem, Z, rates, 4) - field(problem, Z, rates, order)
        assert np.abs(left_out).max() <= 1e-13 * 10  # rows are at most a few units large
        if order > 1:
            more = field(problem, Z, rates, 4) - field(problem, Z, rates, order - 1)
            assert np.abs(more).max() > 1e-13 / 10
    assert order == 1


@pytest.mark.parametrize("power", [0.0, 0.55, 0.999999, 1.0])
def test_clock_inverts_and_differentiates(power: float) -> None:
    clock = Clock(0.3, power)
    for count in (0.5, 3.0, 12.0):
        time = clock.time(count)
        assert clock.count_at(time) == pytest.approx(count, rel=1e-12)
        eta, first, second = clock.rates(time)
        t = np.expm1(count)
        assert eta == pytest.approx(0.3 / (t + 1) ** power)
        assert first == pytest.approx(-power / (t + 1))
        assert second == pytest.approx(power * (power + 1) / (t + 1) ** 2)


@pytest.mark.parametrize("power", [0.55, 1.0])
def test_sum_of_steps_from_the_clock(power: float) -> None:
    clock = Clock(0.3, power)
    start, end = clock.time(log1p(200)), clock.time(log1p(5000))
    total = sum(0.3 / (t + 1) ** power for t in range(200, 5000))
    by_clock = end - start + clock.sum_minus_integral(end) - clock.sum_minus_integral(start)
    assert by_clock == pytest.approx(total, rel=1e-13)
