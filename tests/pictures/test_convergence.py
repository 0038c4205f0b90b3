"""The gap and the residual that are drawn are those of the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_runs import curves, drawn, marks, old, printed, random_subjects, same, subject
from hypothesis import given, settings
from matrices import of_kind

from mfact.pictures.convergence import convergence
from mfact.pictures.drawing import Band, Dash, Dots, Line, Rule
from mfact.pictures.marks import MOST_IN_LEGEND
from mfact.studies.differing import Subject


def panels(*subjects, **options):
    picture = convergence(subjects, **options)
    return [*picture.panels, picture]


def other(base, **settings_of):
    """The same run under other settings."""
    changed = {name: {"value": v, "source": "flag"} for name, v in settings_of.items()}
    return replace(base, run=replace(base.run, settings={**base.run.settings, **changed}))


@settings(max_examples=30)
@given(random_subjects())
def test_both_are_drawn_bit_for_bit(one):
    run = one.run
    *parts, picture = panels(one)
    named = {panel.y.label.split()[0]: panel for panel in parts}
    for name, key in (("gap", "gap"), ("residual", "relative_residual")):
        truth = drawn(run.trace[key])
        assert (name in named) == bool(np.any(np.isfinite(truth)))
        if name not in named:
            continue
        mark = curves(named[name])[name]
        if named[name].y.log:
            shown = np.isfinite(truth)
            assert same(mark.y[np.isfinite(mark.y)], truth[shown])
        else:
            assert same(mark.y, run.trace[key][: len(mark.y)])
    assert printed(picture)


def test_the_steps_are_those_of_the_rows():
    gaps, residuals, _ = panels(subject("constant"))
    for panel in (gaps, residuals):
        (mark,) = curves(panel).values()
        assert same(mark.x, subject("constant").run.trace["step"])
        assert not panel.x.log


def test_the_tolerance_is_marked_where_all_have_one():
    gaps, *_ = panels(subject("constant"))
    (rule,) = marks(gaps, Rule)
    assert (rule.at, rule.label) == (1e-10, "tolerance 1e-10")
    gaps, *_ = panels(subject("constant"), subject("loose"))
    assert not marks(gaps, Rule)
    assert [*curves(gaps)] == ["tol 1e-10", "tol 1e-06"]


@pytest.mark.parametrize("name", ["none", "diverging"])
def test_a_tolerance_far_below_is_told_and_not_drawn(name):
    gaps, _, picture = panels(subject(name))
    assert not marks(gaps, Rule)
    assert picture.notes == ("tolerance 1e-10, far below",)


def test_the_least_residual_is_that_of_the_svd():
    _, residuals, _ = panels(subject("constant"))
    sigma = np.linalg.svd(of_kind("noisy"), compute_uv=False)
    least = np.sqrt(np.sum(sigma[2:] ** 2) / np.sum(sigma**2))
    (rule,) = marks(residuals, Rule)
    assert rule.at == pytest.approx(least, rel=1e-9)  # the run knows its optimum to rounding
    assert curves(residuals)["residual"].y[-1] == pytest.approx(least, rel=1e-4)


def test_a_run_without_a_gap_has_its_residual():
    (residuals, picture) = panels(subject("no gap"))
    assert same(curves(residuals)["residual"].y, subject("no gap").run.trace["relative_residual"])
    assert picture.notes == ()


def test_of_two_runs_the_one_without_a_gap_is_named():
    gaps, residuals, picture = panels(subject("constant"), subject("no gap"))
    assert [*curves(gaps)] == ["reduced, max iter none, optimum yes"]
    assert len(curves(residuals)) == 2
    assert residuals.legend
    assert "the gap is not known of direct, max iter 30, optimum no" in picture.notes


def test_a_gap_is_drawn_down_to_what_is_known_of_it():
    one = subject("constant")
    run = replace(one.run, summary={**one.run.summary, "gap_bound": 1e-6})
    gaps, _, picture = panels(Subject("a", run))
    (mark,) = curves(gaps).values()
    truth = run.trace["gap"]
    assert same(mark.y, np.where(truth < 1e-6, np.nan, truth))
    assert np.any(truth < 1e-6)
    assert "gaps are known to 1e-06: those below are not drawn" in picture.notes


def test_a_run_of_no_steps_is_a_dot():
    gaps, residuals, _ = panels(subject("none"))
    for panel, key in ((gaps, "gap"), (residuals, "relative_residual")):
        (dot,) = marks(panel, Dots)
        assert (dot.x.tolist(), dot.y.tolist()) == ([0.0], subject("none").run.trace[key].tolist())


def test_a_run_of_format_1_is_drawn():
    gaps, residuals, _ = panels(old())
    assert same(curves(gaps)["gap"].y, old().run.trace["gap"])
    assert same(curves(residuals)["residual"].x, old().run.trace["step"])


def test_later_curves_are_dashed_so_that_both_are_seen():
    gaps, *_ = panels(subject("constant"), subject("direct"))
    first, second = curves(gaps).values()
    assert (first.label, second.label) == ("reduced", "direct")
    assert (first.pen.dash, second.pen.dash) == (Dash.SOLID, Dash.DASHED)
    assert first.pen.hue != second.pen.hue


def test_seeds_are_a_band_with_their_median():
    seeds = [subject("constant", seed) for seed in (1, 2, 3)]
    gaps, residuals, picture = panels(*seeds)
    (band,), (line,) = marks(gaps, Band), marks(gaps, Line)
    assert (band.label, line.label) == ("3 seeds: range", "3 seeds: median")
    for each in seeds:
        steps, gap = each.run.trace["step"].astype(float), each.run.trace["gap"]
        at = np.searchsorted(band.x, steps)
        assert same(band.x[at], steps)
        assert np.all((band.low[at] <= gap) & (gap <= band.high[at]))
    assert "in a band, a run that has ended counts with its last value" in picture.notes
    assert gaps.legend
    assert not residuals.legend


def test_seeds_of_two_schedules_are_two_bands():
    gaps, *_ = panels(
        *(subject(name, seed) for name in ("constant", "decaying") for seed in (1, 2))
    )
    assert [mark.label for mark in marks(gaps, Line)] == [
        "constant, 2 seeds: median", "power, delta 0.3, 2 seeds: median",
    ]  # fmt: skip


def test_more_curves_than_a_legend_tells_apart_have_none():
    many = [other(subject("constant"), patience=i) for i in range(MOST_IN_LEGEND + 1)]
    gaps, _, picture = panels(*many)
    assert not gaps.legend
    assert picture.notes[0] == "13 curves, more than a legend tells apart"
    assert "dotted: tolerance 1e-10" in picture.notes
    assert len(curves(gaps)) == len(many)
    assert panels(*many[:-1])[0].legend


def test_the_title_says_what_is_common():
    assert convergence([subject("constant")]).title == "Convergence: array, rank 2"
    two = convergence([subject("constant"), subject("rank 1")])
    assert two.title == "Convergence: array"
