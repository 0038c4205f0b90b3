"""A band holds its curves, and its line is their median."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.pictures.bands import MOST_PLACES, envelope


@st.composite
def bundles(draw, most=60):
    """Two to six curves that begin near each other and end anywhere, some with steps in x."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    curves = []
    for _ in range(draw(st.integers(2, 6))):
        count = draw(st.integers(1, most))
        x = np.cumsum(rng.integers(0, 5, count)) if draw(st.booleans()) else np.arange(count)
        curves.append((x.astype(float), 10 ** rng.uniform(-9, 3, count)))
    return curves


def there(band, curve):
    """The points of a curve where the band is, and its edges there, as they are drawn."""
    x, y = curve
    inside = (x >= band.x[0]) & (x <= band.x[-1])
    return x[inside], y[inside]


@pytest.mark.parametrize("log", [False, True])
@given(curves=bundles())
def test_a_band_holds_every_point_and_every_straight_piece_of_its_curves(log, curves):
    band = envelope(curves, log=log)
    scale = np.log10 if log else np.asarray
    if len(band.x) < 2:
        return
    for x, y in curves:
        # Also between the points, and after the last, where it counts as it ended.
        fine = np.linspace(band.x[0], band.x[-1], 997)
        fine = fine[(fine >= x[0]) & ~np.isin(fine, x)]
        drawn = np.interp(fine, x, scale(y))
        low, high = (np.interp(fine, band.x, scale(edge)) for edge in (band.low, band.high))
        # Rounding of the interpolation, relative to the largest there is.
        near = 1e-12 * np.max(np.abs(scale(np.concatenate([y for _, y in curves]))))
        assert np.all(low <= drawn + near)
        assert np.all(drawn <= high + near)
        at = np.searchsorted(band.x, x)
        inside = (x >= band.x[0]) & (x <= band.x[-1])
        assert np.all(band.low[at[inside]] <= y[inside])
        assert np.all(y[inside] <= band.high[at[inside]])


@given(st.integers(2, 7), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_at_common_places_the_edges_and_the_median_are_those_of_the_values(count, rows, seed):
    values = 10 ** np.random.default_rng(seed).uniform(-9, 3, (count, rows))
    x = np.arange(rows, dtype=float)
    band = envelope([(x, y) for y in values], log=True)
    assert np.array_equal(band.x, x)
    assert np.array_equal(band.low, values.min(axis=0))
    assert np.array_equal(band.high, values.max(axis=0))
    assert np.array_equal(band.middle, np.median(values, axis=0))


def test_a_curve_that_has_ended_counts_as_it_ended():
    short = (np.arange(3.0), np.array([4.0, 2.0, 1.0]))
    long = (np.arange(6.0), np.full(6, 8.0))
    band = envelope([short, long], log=True)
    assert band.x.tolist() == [0, 1, 2, 3, 4, 5]
    assert band.low.tolist() == [4, 2, 1, 1, 1, 1]
    assert band.high.tolist() == [8] * 6


def test_a_band_begins_where_two_curves_have_begun():
    early, late = (np.arange(4.0), np.ones(4)), (np.array([2.0, 3.0]), np.full(2, 5.0))
    band = envelope([early, late], log=False)
    assert band.x.tolist() == [2, 3]
    assert band.high.tolist() == [5, 5]


def test_a_band_of_very_many_points_has_few_places_and_holds_them_all():
    rng = np.random.default_rng(1)
    curves = [(np.sort(rng.uniform(0, 9, 4000)), rng.uniform(1, 2, 4000)) for _ in range(3)]
    band = envelope(curves, log=False)
    assert len(band.x) <= MOST_PLACES + 2 * len(curves)
    for curve in curves:
        x, y = there(band, curve)
        assert np.all(np.interp(x, band.x, band.low) <= y)
        assert np.all(y <= np.interp(x, band.x, band.high))


def test_curves_that_never_meet_have_no_band():
    with_one = envelope([(np.arange(3.0), np.ones(3))], log=False)
    assert all(len(part) == 0 for part in with_one)
