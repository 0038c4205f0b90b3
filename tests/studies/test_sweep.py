"""Counts of a sweep against probabilities, growth laws and bad settings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matrices import matrix

from mfact.errors import DataError, SettingsError
from mfact.options import flag
from mfact.settings import SweepSettings
from mfact.studies.sweep import growth, singular_values, sweep
from mfact.theory.frequencies import (
    interval,
    limit_within,
    slope_per_decade_of_size,
    slope_per_decade_of_tolerance,
)


def binomial_close(count, total, probability):
    # Four standard deviations: one failure in 16,000 if the seeds were not fixed.
    return abs(count - total * probability) <= 4 * math.sqrt(
        total * probability * (1 - probability)
    )


@pytest.mark.slow
def test_a_run_has_not_converged_before_its_weakest_component_has():
    """Component 2 changes by 1e-4 of itself a step, and ε is in its share."""
    settings = SweepSettings(rank=2, seeds=8, tol=0.1, seed=1, c_init=1e-3)
    runs = sweep(np.array([1.0, 1e-3]), (20, 20), settings)
    assert runs.converged > 0
    assert runs.iterations().min() > 20_000


@pytest.mark.parametrize("d", [50, 50_000])
def test_fractions_within_bounds_are_those_of_small_starts(d):
    settings = SweepSettings(seeds=4000, seed=11)
    runs = sweep(np.ones(1), (d, d), settings)
    assert runs.converged == settings.seeds
    for bound in (2, 5, 10):
        assert binomial_close(runs.within(bound), settings.seeds, limit_within(bound, settings))
    # Of the starts that disagree in sign four in five jump over (−1/100, 1/100).
    assert 0.85 < runs.within(100) / settings.seeds < 0.93
    assert runs.last.min() > 0.99
    assert runs.last.max() < 1.01


def test_no_limit_is_claimed_where_none_is_derived():
    assert math.isnan(limit_within(100, SweepSettings()))
    assert math.isnan(limit_within(2, SweepSettings(rank=2)))


def test_steps_grow_by_the_predicted_number_a_decade():
    sizes = (50, 500, 5000, 50_000)
    settings = SweepSettings(seeds=2000, seed=12)
    medians = [np.median(runs.iterations()) for runs in growth(sizes, None, settings)]
    # Standard error of a median of 2,000 with a spread of about 12 steps: 0.3.
    assert medians == pytest.approx([166, 178, 190, 202], abs=1.5)
    # The draws are the same for each size, so that differences are good to rounding to steps.
    slope = slope_per_decade_of_size(settings, np.ones(1))
    assert np.diff(medians) == pytest.approx([slope] * 3, abs=1)


def test_late_steps_per_decade_of_tolerance():
    values = np.array([1.0, 0.8, 0.3])
    settings = SweepSettings(rank=2, seeds=50, tol=1e-10, c_step=0.3)
    runs = sweep(values, (20, 20), settings)
    late = np.diff(runs.hits[-3:], axis=0)
    # Steps are whole, and a decade ends within one of where it should.
    assert late == pytest.approx(
        np.full(late.shape, slope_per_decade_of_tolerance(settings, values)), abs=1
    )


def test_equal_values_around_the_rank_never_settle():
    assert slope_per_decade_of_tolerance(SweepSettings(), np.ones(2)) == math.inf


def test_divergence_and_the_step_limit_are_counted():
    diverging = sweep(np.ones(1), (10, 10), SweepSettings(seeds=20, c_step=5.0))
    assert diverging.diverged.all()
    assert diverging.converged == 0
    limited = sweep(np.ones(1), (10, 10), SweepSettings(seeds=20, max_iter=20))
    assert not limited.diverged.any()
    assert limited.converged == 0
    assert limited.iterations().size == 0


@pytest.mark.slow
def test_groups_do_not_change_what_is_counted():
    """More starts than fit one group: all are run, each once."""
    values = np.linspace(1.0, 0.5, 40)
    settings = SweepSettings(rank=3, seeds=600, tol=0.1)
    runs = sweep(values, (60, 50), settings)
    assert runs.hits.shape == (1, 600)
    assert runs.converged == 600
    assert np.unique(runs.last).size == 600


def test_singular_values_leave_out_rounding():
    values = [1.9, 1.4, 0.8, 0.5]
    M, _, _ = matrix(np.random.default_rng(9), (30, 20), values)
    np.testing.assert_allclose(singular_values(M), values, rtol=1e-12)
    with pytest.raises(DataError, match="zero"):
        singular_values(np.zeros((3, 2)))


def test_intervals_cover_the_truth_as_often_as_they_say():
    total, p = 60, 0.3
    chances = [math.comb(total, c) * p**c * (1 - p) ** (total - c) for c in range(total + 1)]
    covered = sum(
        chance
        for c, chance in enumerate(chances)
        if interval(c, total)[0] <= p <= interval(c, total)[1]
    )
    # Wilson's interval covers within a few percent of its level at any p.
    assert 0.92 < covered < 0.98


@pytest.mark.parametrize(
    "bad",
    [{"rank": 0}, {"seeds": 0}, {"tol": 0.0}, {"tol": 1.5}, {"c_init": math.nan}, {"seed": -1}],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(SettingsError, match=flag(next(iter(bad)))[2:]):
        SweepSettings(**bad)


def test_a_rank_or_spectrum_that_does_not_fit_is_refused():
    with pytest.raises(SettingsError, match="at most 3"):
        sweep(np.ones(1), (3, 8), SweepSettings(rank=4))
    with pytest.raises(DataError, match="4 singular values"):
        sweep(np.ones(4), (3, 8), SweepSettings())
